"""Requests counted by all workers of an account, in Redis. Needs the extras ``rate`` and ``redis``.

Law: pyrate-limiter's script decides, by Redis's own time: workers on several machines have several clocks.
"""

import time
from inspect import isawaitable

from pyrate_limiter import AbstractClock, RedisStateStore
from redis.exceptions import RedisError

from .cells import Cells
from .redis_client import connected
from .visit import StoreLostError

_ANSWER_WITHIN = 1.0
_ASKED_AGAIN = 60.0


class RedisTickets:
    """The counter of one account."""

    def __init__(self, per_second: float, url: str, account: str) -> None:
        self._redis = connected(url, _ANSWER_WITHIN)
        self._clock = _RedisClock()
        store = RedisStateStore(self._redis, f"kling-elements:{{{account}}}:rate")
        self._cells = Cells(per_second, store, self._clock)
        self.most: int = self._cells.most
        self.slack: float = self._cells.slack

    async def take(self, count: int) -> float:
        try:
            if self._clock.is_old:
                before = time.time()
                seconds, micros = await self._redis.time()
                self._clock.set(seconds + micros / 1e6, (before + time.time()) / 2)
            taken = self._cells.taken(count)
            return await taken if isawaitable(taken) else taken
        except (RedisError, OSError) as error:
            reason = type(error).__name__
        raise StoreLostError(reason)

    async def close(self) -> None:
        try:
            await self._redis.aclose()
        except (RedisError, OSError):
            return


class _RedisClock(AbstractClock):
    """The time at Redis, by this machine's clock and how far it was off a while ago."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._set_at = -_ASKED_AGAIN

    @property
    def is_old(self) -> bool:
        return time.monotonic() - self._set_at >= _ASKED_AGAIN

    def set(self, theirs: float, ours: float) -> None:
        self._ahead, self._set_at = theirs - ours, time.monotonic()

    def now(self) -> int:
        return int((time.time() + self._ahead) * 1000)
