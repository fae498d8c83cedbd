"""A journal in a file of SQLite's: what a job has set out to do and what came of it, for one process at a time.

Law: an older journal is taken up as it is, and no other kind of file is touched.
"""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import ConfigurationError
from ..journal import Entry, Progress, Result
from . import reading
from .claims import Claims
from .file import File

_VERSION = "1"
_AT_ONCE = 50_000  # keys in one transaction: the intents of a job that runs meanwhile wait for no more
_COUNTS = """
SELECT (SELECT count(*) FROM plan), count(*), count(task),
    (SELECT count(*) FROM failures), (SELECT count(*) FROM failures JOIN items USING (key))
FROM items
"""
_FAILED = """
INSERT OR REPLACE INTO failures SELECT ?, ?, ?, ?
WHERE NOT EXISTS (SELECT 1 FROM items WHERE key = ? AND task IS NOT NULL)
"""
_RESULTS = """
SELECT key, task, task_id, NULL AS error_type, NULL AS error FROM items WHERE task IS NOT NULL AND key > :after
UNION ALL SELECT key, NULL, task_id, error_type, error FROM failures WHERE key > :after
ORDER BY key LIMIT :most
"""


class SqliteJournal:
    """The journal of one job in a file: ``async with SqliteJournal(path) as journal``."""

    is_shared: bool = False

    def __init__(self, path: str | Path) -> None:
        if isinstance(path, str) and "://" in path:  # its text may hold a password
            raise ConfigurationError(
                "a journal's path is that of a file; a database is a PostgresJournal(url, job=…)"
            )
        self._path = Path(path)
        self._claims = Claims()
        self._file = File(self._path)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Open or make the file.

        Raises:
            ConfigurationError: another process uses it, or it is no journal.

        """
        await self._file.open()

    async def bind(self, gateway: str) -> None:
        """Write down whose journal it is, or see that it is this gateway's.

        Raises:
            ConfigurationError: it belongs to another gateway.

        """
        about = await self._file.do(lambda db: _bound(db, gateway))
        if about != _about(gateway):
            whose = f"{about.get('gateway')}, version {about.get('version')}"
            raise ConfigurationError(f"the journal {self._path} can't be used: it belongs to {whose}")

    async def take_in(self, keys: Iterable[str], *, first: int = 0) -> int:
        """Write down what there is to do, numbered from ``first``; return how many when that is on disk."""
        numbered = enumerate(keys, first)
        count = 0
        while some := await asyncio.to_thread(lambda: list(islice(numbered, _AT_ONCE))):
            count += len(some)
            await self._file.do(partial(_plan, rows=some))
        return count

    async def claim(self, key: str) -> Entry | None:
        """Wait until no other job of this process works on an item, and return what is known of it."""
        await self._claims.take(key)
        row = None
        try:
            row = await self._file.do(
                lambda db: db.execute("SELECT * FROM items WHERE key = ?", (key,)).fetchone()
            )
        except BaseException:
            self._claims.give(key)
            raise
        return Entry(*row) if row else None

    def release(self, key: str) -> None:
        """Let go of an item."""
        self._claims.give(key)

    async def intend(self, entry: Entry) -> None:
        """Write down that a create is about to be sent. Comes back when that is on disk."""
        values = (entry.key, entry.digest, entry.external_task_id, entry.sent_at)

        def write(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, NULL, NULL)", values)
            db.execute("DELETE FROM failures WHERE key = ?", (entry.key,))

        await self._file.do(write)

    async def created(self, entry: Entry) -> None:
        """Write down the task that a create has led to."""
        values = (entry.key, entry.digest, entry.external_task_id, entry.sent_at, entry.task_id)
        await self._file.do(
            lambda db: db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, NULL)", values)
        )

    async def finished(self, key: str, task: str) -> None:
        """Write down a finished task."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("UPDATE items SET task = ? WHERE key = ?", (task, key))
            db.execute("DELETE FROM failures WHERE key = ?", (key,))

        await self._file.do(write)

    async def dropped(self, key: str) -> None:
        """Forget an item of which nothing exists: a rerun may create it."""
        await self._file.do(lambda db: db.execute("DELETE FROM items WHERE key = ?", (key,)))

    async def failed(self, result: Result) -> None:
        """Write down why there is no element, for those who read the results."""
        values = (result.key, result.task_id, result.error_type, result.error)
        await self._file.do(lambda db: db.execute(_FAILED, (*values, result.key)))

    async def progress(self) -> Progress:
        """Count, also while a job of this process runs."""
        return reading.progress(*await self._file.do(lambda db: db.execute(_COUNTS).fetchone()))

    def results(self) -> AsyncGenerator[Result, None]:
        """Iterate over the outcomes so far, in the order of their keys, also while a job of this process runs."""
        return reading.results(lambda after: self._file.do(partial(_page, after=after)))

    async def close(self) -> None:
        """Finish what was ordered, and close the file."""
        await self._file.close()


def _plan(connection: sqlite3.Connection, rows: list[tuple[int, str]]) -> None:
    connection.executemany("INSERT OR REPLACE INTO plan VALUES (?, ?)", rows)


def _page(connection: sqlite3.Connection, after: str) -> list[tuple[str, str | None, str | None, str, str]]:
    return connection.execute(_RESULTS, {"after": after, "most": reading.PAGE}).fetchall()


def _about(gateway: str) -> dict[str, str]:
    return {"gateway": gateway, "version": _VERSION}


def _bound(connection: sqlite3.Connection, gateway: str) -> dict[str, str]:
    """Return whose journal it is, having made it ours if it was nobody's."""
    about = dict(connection.execute("SELECT name, value FROM about"))
    if not about:
        about = _about(gateway)
        connection.executemany("INSERT INTO about VALUES (?, ?)", about.items())
    return about
