"""For the tests of programs that use this package: virtual time, in which a wait of an hour takes milliseconds.

The pytest plugin that comes with the package has it as ``kling_clock``, beside ``kling_sandbox`` and
``kling_session``. Law: nothing else in the package needs this file.
"""

import asyncio
import heapq
import math
from itertools import count
from random import Random
from typing import Protocol

from .session import ElementsSession

_STILL = 12  # passes of the loop without a new sleeper, before time goes on
_LONGEST = 1_000_000.0  # virtual seconds; a test that gets there would never end
_LOOK_AGAIN = 0.0005  # real seconds, while a request is on its way


class Watched(Protocol):
    """What time waits for."""

    @property
    def is_busy(self) -> bool:
        """Whether something is under way that takes no time."""
        ...

    @property
    def next_moment(self) -> float:
        """When it will do something by itself; ``math.inf`` for never."""
        ...


class VirtualClock:
    """A session's ``clock`` on which time goes on only when everybody sleeps.

    ``ElementsSession(…, clock=clock)`` waits on it; ``watch`` the session, so that time stands still while one of
    its requests is on its way. ``naps`` are all the pauses so far, in seconds. Chance is seeded.
    """

    def __init__(self, start: float = 1000.0, seed: int = 0) -> None:
        self.random: Random = Random(seed)  # noqa: S311 - spreads requests, guards nothing
        self.naps: list[float] = []
        self._start = self._now = start
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()
        self._watched: list[Watched] = []
        self._driver: asyncio.Task[None] | None = None

    @property
    def elapsed(self) -> float:
        """The virtual seconds since its making."""
        return self._now - self._start

    def now(self) -> float:
        """The virtual time, in seconds."""
        return self._now

    def watch(self, watched: "ElementsSession | Watched") -> None:
        """Have time stand still while a session's requests are on their way, or a sandbox calls back."""
        self._watched.append(_InFlight(watched) if isinstance(watched, ElementsSession) else watched)

    def advance(self, seconds: float) -> None:
        """Move time on by hand; whoever is due by then wakes at the next pass of the loop."""
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        """Come back when so many seconds have gone by, which they do as soon as nobody has anything else to do."""
        if not math.isfinite(seconds):
            raise ValueError(f"nobody sleeps {seconds} seconds")
        self.naps.append(seconds)
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), waking))
        if self._driver is None or self._driver.done():
            self._driver = asyncio.get_running_loop().create_task(self._drive())
        await waking

    async def stop(self) -> None:
        """Let time stand still for good; who sleeps now sleeps on."""
        if self._driver is not None and not self._driver.done():
            self._driver.cancel()
            await asyncio.wait([self._driver])

    async def _drive(self) -> None:
        while self._is_awaited():
            await self._stillness()
            if self._is_awaited():
                self._wake()

    async def _stillness(self) -> None:
        seen, still = -1, 0
        while still < _STILL:
            is_busy = any(watched.is_busy for watched in self._watched)
            await asyncio.sleep(_LOOK_AGAIN if is_busy else 0)
            still = 0 if is_busy or len(self.naps) != seen else still + 1
            seen = len(self.naps)

    def _is_awaited(self) -> bool:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return bool(self._sleepers)

    def _wake(self) -> None:
        moments = (watched.next_moment for watched in self._watched)
        self._now = max(self._now, min(self._sleepers[0][0], *moments, math.inf))
        while self._sleepers and self._sleepers[0][0] <= self._now:
            waking = heapq.heappop(self._sleepers)[2]
            if waking.done():
                continue
            if self.elapsed > _LONGEST:
                waking.set_exception(AssertionError("virtual time ran away: nothing ended"))
            else:
                waking.set_result(None)


class _InFlight:
    """A session, as far as time is concerned."""

    next_moment = math.inf

    def __init__(self, session: ElementsSession) -> None:
        self._session = session

    @property
    def is_busy(self) -> bool:
        return self._session._transport.in_flight > 0  # noqa: SLF001 - of no use to anybody else
