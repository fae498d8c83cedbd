"""Requests counted in this session, by its own clock. Needs the extra ``rate``."""

from pyrate_limiter import AbstractClock, InMemoryStateStore

from ..clock import Clock
from .cells import Cells


class MemoryTickets:
    """The counter of one session."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._cells = Cells(per_second, InMemoryStateStore(), _SessionClock(clock))
        self.most: int = self._cells.most
        self.slack: float = self._cells.slack

    async def take(self, count: int) -> float:
        seconds = self._cells.taken(count)
        assert isinstance(seconds, float)
        return seconds

    async def close(self) -> None:
        """Nothing is open."""


class _SessionClock(AbstractClock):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> int:
        return int(self._clock.now() * 1000)
