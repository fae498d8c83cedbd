"""Requests counted by all processes of a machine, in a file. Needs the extra ``rate``.

Law: one number in one row an account, changed in one transaction, and never on the loop's thread. pyrate-limiter's
own bucket in SQLite keeps a row for each request, and needs another package to be safe between processes.
"""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from pyrate_limiter import Decision, Rate, StateStore
from pyrate_limiter.abstracts.algorithm import State, StateAlgorithm
from pyrate_limiter.clocks import WallClock

from .cells import Cells
from .visit import StoreLostError

_BUSY = 1.0
_TABLE = "CREATE TABLE IF NOT EXISTS rate (account TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID"
_READ = "SELECT state FROM rate WHERE account = ?"
_WRITE = "INSERT INTO rate VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET state = excluded.state"


class SqliteTickets:
    """The counter of one account."""

    def __init__(self, per_second: float, path: Path, account: str) -> None:
        self._store = SqliteStore(path, account)
        self._cells = Cells(per_second, self._store)
        self.most: int = self._cells.most
        self.slack: float = self._cells.slack

    async def take(self, count: int) -> float:
        try:
            seconds = await asyncio.to_thread(self._cells.taken, count)
        except (sqlite3.Error, OSError) as error:
            reason = type(error).__name__
        else:
            assert isinstance(seconds, float)
            return seconds
        raise StoreLostError(reason)

    async def close(self) -> None:
        await asyncio.to_thread(self._store.close)


class SqliteStore(StateStore):
    """A state of the library's in a row; used by one thread at a time."""

    default_clock: WallClock = WallClock()

    def __init__(self, path: Path, account: str) -> None:
        self._path = path
        self._account = account
        self._connection: sqlite3.Connection | None = None

    def check(self, algorithm: StateAlgorithm, rates: list[Rate], now: int, weight: int) -> Decision:
        connection = self._opened()
        with closing(connection.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                state, decision = algorithm.step(rates, self._read(cursor, algorithm, rates), now, weight)
                if decision.allowed:
                    cursor.execute(_WRITE, (self._account, " ".join(map(str, state))))
            finally:
                cursor.execute("COMMIT")
        return decision

    def read(self, algorithm: StateAlgorithm, rates: list[Rate]) -> State:
        with closing(self._opened().cursor()) as cursor:
            return self._read(cursor, algorithm, rates)

    def reset(self) -> None:
        self._opened().execute("DELETE FROM rate WHERE account = ?", (self._account,))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(self._path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
            # A count that a power cut takes back is no loss, and waiting for the disk would be.
            connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; {_TABLE};")
            self._connection = connection
        return self._connection

    def _read(self, cursor: Any, algorithm: StateAlgorithm, rates: list[Rate]) -> State:
        row = cursor.execute(_READ, (self._account,)).fetchone()
        return algorithm.decode(row[0].split()) if row else algorithm.initial(rates)
