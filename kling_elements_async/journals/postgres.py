"""A journal in PostgreSQL: one job, and any number of workers on any number of machines.

Law: an item is worked on by one worker at a time; a dead worker's items are free when its lease has ended. An
intent is written only by who holds the item then. Needs the extra ``postgres``.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from itertools import islice
from numbers import Real
from types import TracebackType
from typing import Any, Self

from .. import optional
from ..arguments import check, check_whole
from ..errors import ConfigurationError, NotSentError
from ..journal import Entry, Progress, Result
from ..secret import hidden
from . import reading
from . import statements as sql
from .leases import Leases

_VERSION = 1
_AT_ONCE = 20_000


class PostgresJournal:
    """The journal of one job in a database: ``async with PostgresJournal(dsn, job="props") as journal``.

    Args:
        dsn: where the database is, ``postgresql://user:password@host/name``.
        job: the name of the job; a database holds any number of them.
        lease: the seconds after which a worker that has died, or has not reached the database, loses its items.
        connections: how many at most.

    """

    is_shared: bool = True

    def __init__(self, dsn: str, *, job: str, lease: float = 30.0, connections: int = 4) -> None:
        dsn = hidden(dsn)
        check(dsn, "dsn", "text is expected", str)
        check(job, "job", "text is expected", str)
        check(lease, "lease", "at least a second is needed", Real, lambda lease: 1 <= lease < float("inf"))
        check_whole(connections, "connections", 1)
        self._pool: Any = optional.load("journals.pool", extra="postgres").Pool(dsn, connections)
        self._job = job
        self._leases = Leases(self._pool, job, lease)

    async def __aenter__(self) -> Self:
        await self._pool.open()
        try:
            await self._pool.execute(sql.SCHEMA)
            await self._leases.open()
        except BaseException:
            await self._pool.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._leases.close()
        finally:
            await self._pool.close()

    async def bind(self, gateway: str) -> None:
        """Write down whose job it is, or see that it is this gateway's.

        Raises:
            ConfigurationError: it belongs to another gateway.

        """
        await self._pool.execute(sql.BIND, self._job, gateway, _VERSION)
        ((whose, version),) = await self._pool.fetch(sql.WHOSE, self._job)
        if (whose, version) != (gateway, _VERSION):
            raise ConfigurationError(f"the journal of {self._job!r} belongs to {whose}, version {version}")

    async def take_in(self, keys: Iterable[str], *, first: int = 0) -> int:
        """Write down what there is to do, numbered from ``first``; return how many when that is durable."""
        rest = iter(keys)
        count = 0
        while some := await asyncio.to_thread(lambda: list(islice(rest, _AT_ONCE))):
            await self._pool.execute(sql.PLAN, self._job, some, first + count)
            count += len(some)
        return count

    async def claim(self, key: str) -> Entry | None:
        """Wait until no other worker is at an item, make it ours, and return what is known of it."""
        await self._leases.take(key)
        try:
            rows = await self._pool.fetch(sql.ENTRY, self._job, key)
        except BaseException:
            self._leases.give(key)
            raise
        return Entry(*rows[0]) if rows else None

    def release(self, key: str) -> None:
        """Let go of an item, soon."""
        self._leases.give(key)

    async def intend(self, entry: Entry) -> None:
        """Write down that a create is about to be sent. Comes back when that is durable.

        Raises:
            NotSentError: another worker has the item by now.

        """
        values = (entry.key, entry.digest, entry.external_task_id, entry.sent_at)
        if not await self._pool.execute(sql.INTEND, self._job, *values, self._leases.worker):
            raise NotSentError(f"not sent: another worker has taken {entry.key} over", permanent=True)

    async def created(self, entry: Entry) -> None:
        """Write down the task that a create has led to."""
        values = (entry.key, entry.digest, entry.external_task_id, entry.sent_at, entry.task_id)
        await self._pool.execute(sql.CREATED, self._job, *values)

    async def finished(self, key: str, task: str) -> None:
        """Write down a finished task."""
        await self._pool.execute(sql.FINISHED, self._job, key, task)

    async def dropped(self, key: str) -> None:
        """Forget an item of which nothing exists, if it is still ours."""
        await self._pool.execute(sql.DROPPED, self._job, key, self._leases.worker)

    async def failed(self, result: Result) -> None:
        """Write down why there is no element, for those who read the results."""
        values = (result.key, result.task_id, result.error_type, result.error)
        await self._pool.execute(sql.FAILED, self._job, *values)

    async def progress(self) -> Progress:
        """Count, from anywhere, also while the job runs."""
        (counts,) = await self._pool.fetch(sql.COUNTS, self._job)
        return reading.progress(*counts)

    def results(self) -> AsyncGenerator[Result, None]:
        """Iterate over the outcomes so far, in the order of their keys, from anywhere."""
        return reading.results(lambda after: self._pool.fetch(sql.RESULTS, self._job, after, reading.PAGE))
