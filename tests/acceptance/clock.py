"""Virtual time over a real network: it advances only while everybody sleeps and the server has nothing to do."""

import asyncio
import contextlib
import heapq
import itertools
import math
import random

from .server import Server

PASSES = 25  # loop passes in which nothing happens, before time goes on
HORIZON = 7200.0


class Chance(random.Random):
    """Seeded; serves both as an object and as a function."""

    def __call__(self) -> float:
        return self.random()


class VirtualClock:
    """`now()`, `sleep(seconds)` and `random`, as the session's `clock`."""

    def __init__(self, server: Server, seed: int = 0, patience: float = 0.001) -> None:
        self.random = Chance(seed)
        self._server = server
        self._patience = patience  # real seconds given to threads before each advance
        self._now = self._start = 1000.0
        self._heap: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()
        self._slept = 0
        self._driver: asyncio.Task[None] | None = None

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if not math.isfinite(seconds):
            raise ValueError(f"nobody sleeps {seconds} seconds")
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._heap, (self._now + seconds, next(self._count), waiting))
        self._slept += 1
        if self._driver is None or self._driver.done():
            self._driver = asyncio.create_task(self._drive())
        await waiting

    async def stop(self) -> None:
        if self._driver:
            self._driver.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._driver

    async def _drive(self) -> None:
        while self._forget_woken():
            await self._stillness()
            if self._forget_woken():
                self._advance()

    def _forget_woken(self) -> bool:
        while self._heap and self._heap[0][2].done():
            heapq.heappop(self._heap)
        return bool(self._heap)

    async def _stillness(self) -> None:
        last, still = None, 0
        while still < PASSES:
            if still == PASSES - 1 and self._patience:
                await asyncio.sleep(self._patience)
            await asyncio.sleep(0)
            mark = (self._server.events, self._slept)
            still = still + 1 if mark == last and not self._server.busy else 0
            last = mark

    def _advance(self) -> None:
        self._now = max(self._now, self._heap[0][0])
        over = self._now > self._start + HORIZON
        while self._heap and self._heap[0][0] <= self._now:
            waiting = heapq.heappop(self._heap)[2]
            if waiting.done():
                continue
            if over:
                waiting.set_exception(AssertionError("virtual time ran away: nothing ended in two hours"))
            else:
                waiting.set_result(None)
