"""What a gallery shows: elements with the time at which each was made, those of one name together. Pure."""

from collections.abc import Iterable
from datetime import datetime
from unicodedata import normalize

from attrs import frozen

from ..models import Element

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_UNITS = (  # from so many seconds on, so many seconds are one of these
    (730 * _DAY, 365 * _DAY, "year"),
    (61 * _DAY, 30.44 * _DAY, "month"),
    (2 * _DAY, _DAY, "day"),
    (2 * _HOUR, _HOUR, "hour"),
    (_MINUTE, _MINUTE, "minute"),
)


@frozen
class Entry:
    """An element, and when its task was created, where the gateway tells."""

    element: Element
    made_at: datetime | None = None


def groups(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Return the entries, those of one name together: what holds an own one first, then the newest."""
    by_name: dict[str, list[Entry]] = {}
    for entry in entries:
        name = normalize("NFKC", entry.element.name or "").casefold().strip()
        by_name.setdefault(name or f"\0{entry.element.element_id}", []).append(entry)
    found = [sorted(each, key=_place) for each in by_name.values()]
    return sorted(found, key=lambda group: _place(group[0]))


def age(made_at: datetime, now: datetime) -> str:
    """Return how old something is, as a person says it."""
    seconds = (now - made_at).total_seconds()
    for least, length, unit in _UNITS:
        if seconds >= least:
            count = int(seconds / length)
            return f"{count} {unit}{'s' * (count > 1)} old"
    return "just made"


def _place(entry: Entry) -> tuple[bool, bool, float]:
    newest_first = -entry.made_at.timestamp() if entry.made_at else 0.0
    return entry.element.is_preset, entry.element.is_deleted, newest_first
