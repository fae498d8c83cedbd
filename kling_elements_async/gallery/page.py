"""The page: one HTML file with its own style and script, and a policy that lets no other in.

Law: whole without its script, which adds the search and the copying. Pictures come over ``http(s)``, and their
hosts learn nothing of who looks.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from importlib.resources import files

from ..models import Element
from .card import DELETED, OWN, PRESET, card, kind
from .entry import Entry, groups
from .markup import Markup, joined, tag

Label = tuple[str, str]  # "kind" or "tag", and what the filter says

_SAME_NAME = "same name"
_KINDS: tuple[Label, ...] = tuple(("kind", what) for what in (OWN, PRESET, DELETED, _SAME_NAME))
_WIDEST = 4  # cards side by side in a group


def page(entries: Iterable[Entry], *, gateway: str, now: datetime) -> str:
    """Return the page of these elements as they were at ``now``."""
    found = groups(entries)
    title = f"Elements at {gateway}, {now:%Y-%m-%d}"
    body = tag("body", _header(found, gateway, now), _tools(found), _main(found, now), _script())
    return f"<!DOCTYPE html>\n{tag('html', _head(title), body, lang='en')}\n"


def _head(title: str) -> Markup:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy()),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="robots", content="noindex"),
        tag("title", title),
        tag("style", _part("page.css")),
    )


def _policy() -> str:
    allowed = {
        "default-src": "'none'",
        "img-src": "http: https:",
        "style-src": _digest("page.css"),
        "script-src": _digest("page.js"),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{what} {whence}" for what, whence in allowed.items())


def _part(name: str) -> Markup:
    """Return a file of this folder: text of ours, that goes into the page as it is."""
    return Markup(files(__package__).joinpath(name).read_text("utf-8"))


def _digest(name: str) -> str:
    return f"'sha256-{b64encode(sha256(_part(name).encode()).digest()).decode()}'"


def _script() -> Markup:
    return tag("script", _part("page.js"))


def _header(found: list[list[Entry]], gateway: str, now: datetime) -> Markup:
    total = sum(map(len, found))
    written = tag("time", f"{now:%Y-%m-%d %H:%M} UTC", datetime=now.isoformat(timespec="seconds"))
    count = tag("span", f"{total:,} element{'s' * (total != 1)}", role="status", id="count")
    return tag("header", tag("h1", "Elements"), tag("p", count, " at ", gateway, ", as of ", written))


def _tools(found: list[list[Entry]]) -> Markup:
    search = tag(
        "input",
        type="search",
        id="search",
        placeholder="Search names and tags",
        aria_label="Search names, tags, descriptions and ids",
        aria_keyshortcuts="/",
        autocomplete="off",
        spellcheck="false",
    )
    chips = [
        tag("button", label, " ", tag("span", f"{count:,}"), type="button", aria_pressed="false")
        for (_, label), count in _filters(found).items()
    ]
    filters = tag("div", *chips, class_="chips", role="group", aria_label="Show only") if chips else Markup()
    return tag("div", search, filters, class_="tools", role="search")


def _filters(found: list[list[Entry]]) -> dict[Label, int]:
    """Return what can be filtered by, in its order, each with how many elements pass."""
    counts = Counter(label for group in found for entry in group for label in _labels(entry.element, len(group)))
    total = sum(map(len, found))
    kinds = {label: counts[label] for label in _KINDS if 0 < counts[label] < total}
    return kinds | {label: count for label, count in counts.most_common() if label[0] == "tag"}


def _labels(element: Element, of_its_name: int) -> list[Label]:
    kinds = {kind(element): True, DELETED: element.is_deleted, _SAME_NAME: of_its_name > 1}
    labels = [("kind", what) for what, holds in kinds.items() if holds]
    return labels + [("tag", name) for name in dict.fromkeys(map(str, element.tags))]


def _main(found: list[list[Entry]], now: datetime) -> Markup:
    numbers = {label: number for number, label in enumerate(_filters(found))}
    cards = [_group(group, numbers, now) for group in found]
    empty = tag("p", "No element matches.", class_="empty", hidden=bool(cards))
    if not cards:
        empty = tag("p", "There are no elements yet.", class_="empty")
    return tag("main", tag("ul", *cards, class_="grid"), empty)


def _group(group: list[Entry], numbers: dict[Label, int], now: datetime) -> Markup:
    def one(entry: Entry, heading: str) -> Markup:
        passed = sorted(numbers[label] for label in _labels(entry.element, len(group)) if label in numbers)
        return card(entry, " ".join(map(str, passed)), now, heading=heading)

    if len(group) == 1:
        return one(group[0], "h2")
    name = tag("bdi", group[0].element.name or "")
    caption = tag("h2", f"{len(group)} of the name ", name)
    members = tag("ul", *(one(entry, "h3") for entry in group))
    return tag("li", joined(caption, members), class_=f"twins n{min(len(group), _WIDEST)}")
