"""What a bulk job has set out to do and what came of it, on disk, so that a rerun makes nothing twice.

Law: an intent is durable before its request is sent, and a task id before it is waited for. Holds no key and
no picture. SQLite in WAL mode with full synchronisation, one process at a time, on a thread of its own that
commits together what arrived together.
"""

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import frozen

from .errors import ConfigurationError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items (
    key TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    external_task_id TEXT,
    sent_at REAL,
    task_id TEXT,
    task TEXT
) WITHOUT ROWID;
"""
_VERSION = "1"


@frozen
class Entry:
    """What is known of one item: an intent, a task once it has an id, the finished ``task`` as JSON in the end."""

    key: str
    digest: str
    external_task_id: str | None
    sent_at: float | None
    task_id: str | None = None
    task: str | None = None


class Journal:
    """The entries of one job, by key."""

    def __init__(self, path: Path, gateway: str) -> None:
        self._path = path
        self._gateway = gateway
        self._orders: queue.SimpleQueue[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]] | None]
        self._orders = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        """Open or make the file.

        Raises:
            ConfigurationError: another process uses it, it belongs to another gateway, or is no journal.

        """
        try:
            connection = await asyncio.to_thread(_connected, self._path, self._gateway)
        except (sqlite3.Error, OSError) as error:
            fault = str(error)
        else:
            loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._work, args=(connection, loop), name="kling journal")
            self._thread.start()
            return
        used = "another process uses it" if "locked" in fault else fault
        raise ConfigurationError(f"the journal {self._path} can't be used: {used}")

    async def entry(self, key: str) -> Entry | None:
        """Return what is known of one item."""
        row = await self._ordered(lambda db: db.execute("SELECT * FROM items WHERE key = ?", (key,)).fetchone())
        return Entry(*row) if row else None

    async def intend(self, entry: Entry) -> None:
        """Write down that a create is about to be sent. Comes back when that is on disk."""
        values = (entry.key, entry.digest, entry.external_task_id, entry.sent_at)
        await self._ordered(
            lambda db: db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, NULL, NULL)", values)
        )

    async def created(self, entry: Entry) -> None:
        """Write down the task that a create has led to."""
        values = (entry.key, entry.digest, entry.external_task_id, entry.sent_at, entry.task_id)
        await self._ordered(
            lambda db: db.execute("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, NULL)", values)
        )

    async def finished(self, key: str, task: str) -> None:
        """Write down a finished task."""
        await self._ordered(lambda db: db.execute("UPDATE items SET task = ? WHERE key = ?", (task, key)))

    async def dropped(self, key: str) -> None:
        """Forget an item of which nothing exists: a rerun may create it."""
        await self._ordered(lambda db: db.execute("DELETE FROM items WHERE key = ?", (key,)))

    async def close(self) -> None:
        """Finish what was ordered, and close the file."""
        if self._thread is not None:
            self._orders.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    async def _ordered(self, order: Callable[[sqlite3.Connection], Any]) -> Any:
        done = asyncio.get_running_loop().create_future()
        self._orders.put((order, done))
        return await done

    def _work(self, connection: sqlite3.Connection, loop: asyncio.AbstractEventLoop) -> None:
        """Carry out orders until there are no more, all that are waiting in one transaction."""
        is_open = True
        while is_open:
            batch = [self._orders.get()]
            while not self._orders.empty():
                batch.append(self._orders.get())
            is_open = None not in batch
            orders = [order for order in batch if order is not None]
            if orders:
                _carry_out(connection, orders, loop)
        connection.close()


def _carry_out(connection: sqlite3.Connection, orders: list[Any], loop: asyncio.AbstractEventLoop) -> None:
    fault: Exception | None = None
    results: list[Any] = []
    try:
        with connection:
            results = [order(connection) for order, _ in orders]
    except sqlite3.Error as error:
        fault = ConfigurationError(f"the journal can't be written: {error}")

    def tell() -> None:
        for index, (_, done) in enumerate(orders):
            if done.done():
                continue
            if fault is not None:
                done.set_exception(fault)
            else:
                done.set_result(results[index])

    if not loop.is_closed():
        loop.call_soon_threadsafe(tell)


def _connected(path: Path, gateway: str) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, timeout=0, check_same_thread=False)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        _check_tables(connection)
        with connection:
            connection.executescript(_SCHEMA)
            _claim(connection, gateway)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_tables(connection: sqlite3.Connection) -> None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and tables != {"about", "items"}:
        raise sqlite3.DatabaseError("it is a database of another program")


def _claim(connection: sqlite3.Connection, gateway: str) -> None:
    """Write down whose journal it is, or see that it is ours."""
    about = dict(connection.execute("SELECT name, value FROM about"))
    ours = {"gateway": gateway, "version": _VERSION}
    if not about:
        connection.executemany("INSERT INTO about VALUES (?, ?)", ours.items())
    elif about != ours:
        raise sqlite3.DatabaseError(f"it belongs to {about.get('gateway')}, version {about.get('version')}")
