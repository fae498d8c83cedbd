"""What a session has learned of how long tasks take.

Law: pure; remembers the last durations of each kind of reference, and forgets with the session.
"""

from collections import deque

from .models import ReferenceType

KEPT = 256
ENOUGH = 20


class Durations:
    """The last durations seen at one gateway, in seconds."""

    def __init__(self) -> None:
        self._seen: dict[ReferenceType, deque[float]] = {}
        self._spans: dict[ReferenceType, tuple[float, float] | None] = {}

    def note(self, kind: ReferenceType, seconds: float) -> None:
        """Remember how long one task took."""
        self._seen.setdefault(kind, deque(maxlen=KEPT)).append(seconds)
        self._spans.pop(kind, None)

    def span(self, kind: ReferenceType | None) -> tuple[float, float] | None:
        """Return when the quickest tenth and all but the slowest tenth had ended, or None while too few have."""
        if kind is None or len(self._seen.get(kind, ())) < ENOUGH:
            return None
        if kind not in self._spans:
            ordered = sorted(self._seen[kind])
            tenth = len(ordered) // 10
            self._spans[kind] = ordered[tenth], ordered[-1 - tenth]
        return self._spans[kind]
