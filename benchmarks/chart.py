"""The chart of ``shared``, as SVG: requests an element against how late an end is known, both logarithmic."""

from html import escape
from math import log10
from pathlib import Path

from .shared import LATEST, MOST_REQUESTS, WAITS, Measured, ours, peers

_WIDTH, _HEIGHT = 760, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 730, 50, 380
_REQUESTS = (0.02, 300.0)
_LATENESS = (0.05, 20.0)
_STYLE = "text{font:13px sans-serif;fill:#333}.ours{fill:#c2410c;font-weight:bold}.grid{stroke:#ddd}"
# To the left of the point where one to the right would leave the chart or meet another.
_LABELLED_LEFT = ("fal", "fixed")


def _x(requests: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * _along(requests, *_REQUESTS)


def _y(lateness: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * _along(lateness, *_LATENESS)


def _along(value: float, low: float, high: float) -> float:
    return log10(value / low) / log10(high / low)


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" class="grid"/>'


def _axes() -> list[str]:
    parts = []
    for requests in (0.1, 1, 10, 100):
        parts.append(_line(_x(requests), _TOP, _x(requests), _BOTTOM))
        parts.append(_text(_x(requests), _BOTTOM + 18, f"{requests:g}", "middle"))
    for lateness in (0.1, 1, 10):
        parts.append(_line(_LEFT, _y(lateness), _RIGHT, _y(lateness)))
        parts.append(_text(_LEFT - 8, _y(lateness) + 4, f"{lateness:g} s", "end"))
    parts.append(_text((_LEFT + _RIGHT) / 2, _BOTTOM + 42, "requests an element", "middle"))
    title = f"{WAITS:,} waits at once, tasks of about 20 s: requests, and seconds until an end is known"
    return [*parts, _text(_LEFT, 24, title)]


def _goal() -> str:
    right, top = _x(MOST_REQUESTS), _y(LATEST)
    width, height = right - _LEFT, _BOTTOM - top
    corner = f'x="{_LEFT}" y="{top:.0f}" width="{width:.0f}" height="{height:.0f}"'
    return f'<rect {corner} fill="#16a34a" fill-opacity="0.12"/>' + _text(_LEFT + 8, _BOTTOM - 10, "the goal")


def _point(measured: Measured) -> str:
    x, y = _x(measured.pace.requests), _y(measured.pace.lateness)
    is_ours = measured.policy.startswith("ours")
    kind, colour = ("ours", "#c2410c") if is_ours else ("", "#555")
    is_left = measured.policy.startswith(_LABELLED_LEFT)
    label = _text(x - 9 if is_left else x + 9, y + 4, measured.policy, "end" if is_left else "start", kind)
    return f'<circle cx="{x:.0f}" cy="{y:.0f}" r="5" fill="{colour}"/>{label}'


def svg(measured: list[Measured]) -> str:
    """Return the chart of these policies."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
    ground = f'<style>{_STYLE}</style><rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
    return "\n".join([head, ground, _goal(), *_axes(), *map(_point, measured), "</svg>", ""])


def write(path: Path, *, quick: bool) -> None:
    """Measure the policies, in virtual time, and write the chart."""
    seeds = 3 if quick else 9
    lists = [ours(WAITS, has_list=has_list, seeds=seeds) for has_list in (True, False)]
    path.write_text(svg([*lists, *peers(seeds)]), encoding="utf-8")
