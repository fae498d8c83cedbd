"""The algorithm by which requests are counted, as pyrate-limiter has it. Needs the extra ``rate``.

Law: GCRA, so that requests leave evenly: no second has more than the rate and the burst, and a burst is a small
part of the rate. Only pyrate-limiter's buckets are used, which tell how long to wait; its limiter would sleep by
a clock of its own.
"""

from collections.abc import Awaitable
from inspect import isawaitable

from pyrate_limiter import GCRA, AbstractClock, Decision, Rate, RateItem, StateBucket, StateStore

# A pause of a worker shorter than this part of a second costs nothing of the rate.
BURST = 1 / 15
# That many are taken together at most: a part of the burst, so that several workers come to their turn.
TOGETHER = 1 / 4
_HOUR = 3_600_000


def rate_of(per_second: float) -> Rate:
    """Return a rate of the library's, whose numbers are whole: so many in a second, or in an hour."""
    burst = max(1, int(per_second * BURST))
    if per_second == int(per_second):
        return Rate(int(per_second), 1000, burst=burst)
    return Rate(max(1, round(per_second * 3600)), _HOUR, burst=burst)


class Cells:
    """A bucket of the library's over a store: memory, a file, Redis."""

    def __init__(self, per_second: float, store: StateStore, clock: AbstractClock | None = None) -> None:
        rate = rate_of(per_second)
        self._bucket = StateBucket([rate], GCRA(), store, clock)
        self.most: int = max(1, int(rate.burst * TOGETHER))
        self.slack: float = (rate.burst - self.most) / 2 / per_second

    def taken(self, count: int) -> "float | Awaitable[float]":
        """Take so many and return 0, or the seconds to wait."""
        now: int = self._bucket.now()  # type: ignore[no-untyped-call]
        decision = self._bucket.put_decision(RateItem("request", now, weight=count))
        return _awaited(decision) if isawaitable(decision) else _seconds(decision)


async def _awaited(decision: "Awaitable[Decision]") -> float:
    return _seconds(await decision)


def _seconds(decision: Decision) -> float:
    return 0.0 if decision.allowed else max(1, decision.retry_after_ms or 1) / 1000
