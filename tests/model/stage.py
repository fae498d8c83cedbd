"""Where the model plays: the package with its wire, threads and wall clock taken away, and a journal without a thread.

Law: what is not the package's own logic is plain here, and nothing depends on the machine.
"""

import asyncio
import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self
from uuid import UUID

import pytest

from kling_elements_async import creating, job, settling
from kling_elements_async.journals import file, sqlite
from kling_elements_async.transport import Transport
from kling_elements_async.wire import Call, Reply

from .loop import LoopClock, StillLoop

WALL = 1.7e9


class PlainFile(file.File):
    """A journal's file without its thread: an order is carried out on the loop, so long after it was given."""

    disk = 0.0

    async def open(self) -> None:
        self._connection = file._connected(self._path)
        self._connection.execute("PRAGMA synchronous=OFF")
        self._waiting: deque[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]] = deque()

    async def do(self, order: Callable[[sqlite3.Connection], Any]) -> Any:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._waiting.append((order, done))
        loop.call_later(self.disk, self._next)
        return await done

    def _next(self) -> None:
        if self._waiting:  # else a close was quicker
            file._carry_out(self._connection, [self._waiting.popleft()], asyncio.get_running_loop())

    async def close(self) -> None:
        while self._waiting:
            self._next()
        self._connection.close()


class Stage:
    """A loop, its clock, and the patches; ``disk`` is how many seconds a commit takes."""

    def __init__(self, disk: float) -> None:
        self.loop = StillLoop()
        self.clock = LoopClock(self.loop)
        self.patch = pytest.MonkeyPatch()
        clock, numbers = self.clock, count(1)

        class Wall(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Self:
                return cls.fromtimestamp(WALL + clock.now(), tz or UTC)

        async def exchange(transport: Any, call: Call[Any], upload: Any) -> Reply:
            return await transport._gateway.answer(call, upload)

        self.patch.setattr(Transport, "_exchange", exchange)
        self.patch.setattr(PlainFile, "disk", disk)
        self.patch.setattr(sqlite, "File", PlainFile)
        self.patch.setattr(job, "datetime", Wall)
        self.patch.setattr(settling, "datetime", Wall)
        self.patch.setattr(creating, "uuid", SimpleNamespace(uuid4=lambda: UUID(int=next(numbers))))
        self.patch.setattr(threading.Thread, "start", _refused)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)

    def later(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start something, and give it a few turns of the loop."""
        task = self.loop.create_task(coroutine)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # some are read by nobody
        self.run(self._turns())
        return task

    async def _turns(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    def close(self) -> None:
        left = asyncio.all_tasks(self.loop)
        self.patch.undo()
        self.loop.close()
        assert left == set(), f"still running: {left}"


def _refused(_: threading.Thread) -> None:
    raise AssertionError("a thread: what the model does would depend on how quick it is")


def as_a_crash_leaves_it(journal: Path, number: int) -> Path:
    """Copy a journal and its log as they are on disk at this moment."""
    into = journal.with_name(f"{number}.journal")
    for suffix in ("", "-wal"):
        with contextlib.suppress(FileNotFoundError):
            into.with_name(into.name + suffix).write_bytes(journal.with_name(journal.name + suffix).read_bytes())
    return into
