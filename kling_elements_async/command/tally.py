"""How far a batch is: counts, the rate of the last minute, and the time that is left at that rate. Pure.

Law: what an earlier run had finished counts as done, and not into the rate.
"""

from collections import deque

from attrs import Factory, define

_WINDOW = 60.0


@define
class Tally:
    """The counts of one batch, begun at this time."""

    total: int
    began: float
    created: int = 0
    failed: int = 0
    resumed: int = 0
    running: int = 0
    _samples: deque[tuple[float, int]] = Factory(deque)

    @property
    def done(self) -> int:
        """How many have come to an end, one way or the other."""
        return self.created + self.failed

    def sample(self, now: float) -> None:
        """Take note of how far it is now, for the rate."""
        if not self._samples:
            self._samples.append((self.began, 0))
        self._samples.append((now, self.done - self.resumed))
        while len(self._samples) > 2 and self._samples[0][0] < now - _WINDOW:
            self._samples.popleft()

    @property
    def rate(self) -> float:
        """How many come to an end in a second."""
        if not self._samples:
            return 0.0
        (began, before), (now, after) = self._samples[0], self._samples[-1]
        return (after - before) / (now - began) if now > began else 0.0

    def parts(self) -> list[str]:
        """Return what to show of it, piece by piece."""
        parts = [f"{self.done:,} of {self.total:,} done", f"{self.running:,} running", f"{self.failed:,} failed"]
        if rate := self.rate:
            parts += [_per_time(rate), f"{duration((self.total - self.done) / rate)} left"]
        return parts


def duration(seconds: float) -> str:
    """Return a time as a person says it."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.0f} h"


def _per_time(rate: float) -> str:
    for unit, seconds in (("s", 1), ("min", 60)):
        if rate * seconds >= 1:
            return f"{rate * seconds:.1f}/{unit}"
    return f"{rate * 3600:.1f}/h"
