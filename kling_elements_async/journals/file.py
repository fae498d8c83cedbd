"""A file of SQLite's that one process uses, on a thread of its own that commits together what arrived together.

Law: WAL mode with full synchronisation: a commit that was reported survives a loss of power. The file is locked
while it is open, and only its owner may read it. A file of another kind is refused and left as it is.
"""

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError

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
CREATE TABLE IF NOT EXISTS plan (number INTEGER PRIMARY KEY, key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS failures (
    key TEXT PRIMARY KEY,
    task_id TEXT,
    error_type TEXT NOT NULL,
    error TEXT NOT NULL
) WITHOUT ROWID;
"""
_TABLES = {"about", "items", "plan", "failures"}
_OLDEST_TABLES = {"about", "items"}


class File:
    """An open file, and the thread that uses it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._orders: queue.SimpleQueue[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]] | None]
        self._orders = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        """Open or make it.

        Raises:
            ConfigurationError: another process uses it, or it is no journal.

        """
        try:
            connection = await asyncio.to_thread(_connected, self._path)
        except (sqlite3.Error, OSError) as error:
            fault = str(error)
        else:
            loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._work, args=(connection, loop), name="kling journal")
            self._thread.start()
            return
        used = "another process uses it" if "locked" in fault else fault
        raise ConfigurationError(f"the journal {self._path} can't be used: {used}")

    async def close(self) -> None:
        """Finish what was ordered, and close it."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._orders.put(None)
            await asyncio.to_thread(thread.join)

    async def do(self, order: Callable[[sqlite3.Connection], Any]) -> Any:
        """Carry out an order, and return its result when it is on disk.

        Raises:
            ConfigurationError: it can't be written, or the file is not open.

        """
        if self._thread is None:
            raise ConfigurationError(f"the journal {self._path} is not open: async with SqliteJournal(path)")
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
    except Exception as error:  # noqa: BLE001 - whoever ordered it waits, and half a character is no sqlite3.Error
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


def _connected(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, timeout=0, check_same_thread=False)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        _check_tables(connection)
        with connection:
            connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_tables(connection: sqlite3.Connection) -> None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and not _OLDEST_TABLES <= tables <= _TABLES:
        raise sqlite3.DatabaseError("it is a database of another program")
