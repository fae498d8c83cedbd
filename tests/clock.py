"""Virtual time for unit tests: it goes on only when everybody sleeps, so an hour takes a millisecond."""

import asyncio
import heapq
import itertools
import math
import random

STILL = 12  # passes of the loop without a new sleeper, before time goes on
HORIZON = 10_000.0  # virtual seconds; a test that gets there would never end


class VirtualClock:
    """`now()`, `sleep(seconds)` and a seeded `random`, for any number of sleepers; `naps` are all sleeps so far."""

    def __init__(self, start: float = 1000.0, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.naps: list[float] = []
        self._start = self._now = start
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._driver: asyncio.Task[None] | None = None

    @property
    def elapsed(self) -> float:
        return self._now - self._start

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move time on by hand; whoever is due by then wakes at the next pass."""
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        if not math.isfinite(seconds):
            raise ValueError(f"nobody sleeps {seconds} seconds")
        self.naps.append(seconds)
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), waking))
        if self._driver is None or self._driver.done():
            self._driver = asyncio.create_task(self._drive())
        await waking

    async def stop(self) -> None:
        if self._driver is not None and not self._driver.done():
            self._driver.cancel()
            await asyncio.wait([self._driver])

    async def _drive(self) -> None:
        while self._awaited():
            seen, still = len(self.naps), 0
            while still < STILL:
                await asyncio.sleep(0)
                still = still + 1 if len(self.naps) == seen else 0
                seen = len(self.naps)
            if self._awaited():
                self._wake()

    def _awaited(self) -> bool:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return bool(self._sleepers)

    def _wake(self) -> None:
        self._now = max(self._now, self._sleepers[0][0])
        while self._sleepers and self._sleepers[0][0] <= self._now:
            waking = heapq.heappop(self._sleepers)[2]
            if waking.done():
                continue
            if self.elapsed > HORIZON:
                waking.set_exception(AssertionError("virtual time ran away: nothing ended"))
            else:
                waking.set_result(None)
