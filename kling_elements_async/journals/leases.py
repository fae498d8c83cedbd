"""Which worker works on which item, by leases in a database: a dead worker's items are free when its lease ends.

Law: time is the database's. A worker renews one lease for all it works on; it holds an item while the row of its
claim is there, and whoever writes an intent locks that row.
"""

import asyncio
import uuid
from contextlib import suppress
from typing import Any, Protocol

from ..errors import ConfigurationError
from .claims import Claims

_LOOK = 0.5  # seconds between two looks for items that others hold
_MOST = 500  # keys in one statement
_RENEW = """
INSERT INTO kling_elements_workers VALUES ($1, clock_timestamp() + make_interval(secs => $2))
ON CONFLICT (worker) DO UPDATE SET until = excluded.until
"""
_CLAIM = """
INSERT INTO kling_elements_claims AS c SELECT $1, key, $3 FROM unnest($2::text[]) AS key ORDER BY key
ON CONFLICT (job, key) DO UPDATE SET worker = excluded.worker WHERE c.worker = excluded.worker OR NOT EXISTS
    (SELECT FROM kling_elements_workers w WHERE w.worker = c.worker AND w.until > clock_timestamp())
RETURNING key
"""
_RELEASE = "DELETE FROM kling_elements_claims WHERE job = $1 AND key = ANY($2) AND worker = $3"
_END = """
WITH gone AS (DELETE FROM kling_elements_claims WHERE worker = $1)
DELETE FROM kling_elements_workers WHERE worker = $1
"""
_BURY = "DELETE FROM kling_elements_workers WHERE until < clock_timestamp() - interval '1 day'"


class Database(Protocol):
    """What is asked of the connections."""

    async def execute(self, statement: str, *values: Any) -> int: ...

    async def fetch(self, statement: str, *values: Any) -> list[Any]: ...


class Leases:
    """The claims of one worker in one job, and the task that takes, renews and returns them."""

    def __init__(self, database: Database, job: str, seconds: float) -> None:
        self.worker: str = uuid.uuid4().hex
        self._database = database
        self._job = job
        self._seconds = seconds
        self._here = Claims()
        self._wanted: dict[str, asyncio.Future[None]] = {}
        self._given: list[str] = []
        self._called = asyncio.Event()
        self._keepers: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Begin a lease, and renew it from now on."""
        await self._database.execute(_BURY)
        await self._database.execute(_RENEW, self.worker, self._seconds)
        self._keepers = [asyncio.create_task(self._renew()), asyncio.create_task(self._serve())]

    async def close(self) -> None:
        """Let go of everything."""
        for keeper in self._keepers:
            keeper.cancel()
        if self._keepers:
            await asyncio.wait(self._keepers)
        with suppress(ConfigurationError):  # a database that is gone will see the lease end
            await self._database.execute(_END, self.worker)

    async def take(self, key: str) -> None:
        """Wait until nobody else works on an item, here or elsewhere, and make it ours."""
        await self._here.take(key)
        try:
            wanted = self._wanted[key] = asyncio.get_running_loop().create_future()
            self._called.set()
            await wanted
        except BaseException:
            self._wanted.pop(key, None)
            self.give(key)
            raise

    def give(self, key: str) -> None:
        """Let go of an item, soon."""
        self._given.append(key)
        self._called.set()

    # ---------------------------------------------------------------- the keepers

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / 4)
            with suppress(ConfigurationError):  # the next one may get through in time
                await self._database.execute(_RENEW, self.worker, self._seconds)

    async def _serve(self) -> None:
        """Return and take items, all that there are at once; look again for those that others hold."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK if self._wanted or self._given else None):
                    await self._called.wait()
            self._called.clear()
            try:
                await self._return()
                await self._take()
            except ConfigurationError as fault:
                self._tell(fault)

    async def _return(self) -> None:
        if given := self._given[:]:
            await self._database.execute(_RELEASE, self._job, given, self.worker)
            del self._given[: len(given)]
            for key in given:
                self._here.give(key)

    async def _take(self) -> None:
        wanted = list(self._wanted)
        for start in range(0, len(wanted), _MOST):
            some = wanted[start : start + _MOST]
            for (key,) in await self._database.fetch(_CLAIM, self._job, some, self.worker):
                waiting = self._wanted.pop(key, None)
                if waiting and not waiting.done():
                    waiting.set_result(None)
                elif not waiting:
                    self.give(key)

    def _tell(self, fault: ConfigurationError) -> None:
        for waiting in self._wanted.values():
            if not waiting.done():
                waiting.set_exception(ConfigurationError(str(fault)))
        self._wanted.clear()
