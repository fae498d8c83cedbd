"""HTML as values: the one place where text becomes markup, and is escaped.

Law: whatever is not ``Markup`` is text. Text never becomes a tag, an attribute or a script, shows no control
character, and a link leads to ``http(s)`` or is none.
"""

from html import escape

from ..pictures import link_problem

_VOID = frozenset({"img", "input", "meta"})
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029], " ")


class Markup(str):
    """Text that is HTML already: made here, or part of the program."""

    __slots__ = ()


def text(value: str) -> Markup:
    """Return foreign text as HTML that shows it."""
    whole = value.encode("utf-8", "replace").decode()  # half a character would spoil the file
    return Markup(escape(whole.translate(_CONTROLS)))


def tag(name: str, /, *children: str, **attributes: str | bool | None) -> Markup:
    """Return an element; an attribute that is None or False is left out, True has no value.

    ``class_`` is ``class``, ``aria_label`` is ``aria-label``.
    """
    opening = f"<{name}{''.join(map(_attribute, attributes, attributes.values()))}>"
    if name in _VOID:
        return Markup(opening)
    return Markup(f"{opening}{joined(*children)}</{name}>")


def joined(*parts: str) -> Markup:
    """Return one after the other."""
    return Markup("".join(part if isinstance(part, Markup) else text(part) for part in parts))


def safe_link(url: str | None) -> str | None:
    """Return a URL that a page may follow or show, or None: ``javascript:`` is none, nor is ``data:``."""
    return url if url and link_problem(url) is None else None


def _attribute(name: str, value: str | bool | None) -> str:  # noqa: FBT001 - what HTML has
    if value is None or value is False:
        return ""
    shown = name.rstrip("_").replace("_", "-")
    return f" {shown}" if value is True else f' {shown}="{text(value)}"'
