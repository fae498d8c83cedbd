"""The right name for a near miss. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Return the name that was probably meant, or None where none is near."""
    known = {name.lower(): name for name in names}
    meant = word.lower()
    found = (
        get_close_matches(meant, known, n=1) or [name for name in known if len(meant) > 1 and meant in name][:1]
    )
    return known[found[0]] if found else None


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Return the end of a complaint: a question, or nothing."""
    found = nearest(word, names)
    return f"; did you mean {found}?" if found else ""
