"""How many columns of a terminal a text takes, how to make it take just so many, and one or many. Pure.

East Asian characters and most emoji take two columns, accents of their own none.
"""

from unicodedata import category, east_asian_width


def columns(text: str) -> int:
    """Return the columns that a text takes."""
    return sum(map(_columns, text))


def cut(text: str, most: int) -> str:
    """Return a text of at most so many columns; what is cut off leaves an ellipsis, unless between columns."""
    if columns(text) <= most:
        return text
    kept, room = "", most - 1
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept += character
    return kept.rstrip() if kept.endswith("  ") else f"{kept.rstrip()}…"


def padded(text: str, exactly: int) -> str:
    """Return a text of exactly so many columns."""
    text = cut(text, exactly)
    return text + " " * (exactly - columns(text))


def counted(number: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def _columns(character: str) -> int:
    if category(character) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1
