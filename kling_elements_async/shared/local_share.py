"""The part of a limit that a worker may use without asking: for as long as the shared books are out of reach.

Law: the parts of all workers together are no more than the limit, as far as they knew each other. What one had
in use when the books were lost is all that it may use for the time of a lease, for others may be above their part.
"""

import math


class LocalShare:
    """``fixed`` is a limit of the caller's, or 0."""

    def __init__(self, lease: float, fixed: int) -> None:
        self.is_lost: bool = False
        self._lease = lease
        self._limit = fixed
        self._workers = 0
        self._held = 0
        self._lost_at = -math.inf
        self._asks_until = -math.inf

    def learn(self, now: float, limit: int, workers: int) -> None:
        """Note what the books said last."""
        self._limit = limit or self._limit
        self._workers = max(workers, self._workers) if now < self._asks_until else workers

    def lose(self, now: float, held: int) -> None:
        """Note that the books are lost, with so many slots held."""
        self.is_lost, self._held, self._lost_at = True, held, now

    def returns(self, now: float) -> None:
        """Note that they are back: they do not know all workers before each has renewed its lease."""
        self.is_lost = False
        self._asks_until = now + self._lease / 2

    def refused(self, running: int) -> None:
        """Note that the account was full while so many ran."""
        if self.is_lost:
            self._limit = min(self._limit, max(1, running) * max(1, self._workers))

    def most(self, now: float) -> int:
        """Return how many slots may be held now."""
        if not self.is_lost and now >= self._asks_until:
            return _NO_LIMIT
        if not self._workers or not self._limit:
            # The books were never seen, and nobody knows who else there is; or what the limit is.
            return max(1, self._held)
        part = self._limit // self._workers or self._held
        return min(part, self._held) if self.is_lost and now < self._lost_at + self._lease else part


_NO_LIMIT = 1_000_000_000
