"""What a session leaves behind: tasks, open files and sockets, and its key in what is logged or raised.

Law: looks at this process only, before and after; it starts nothing and closes nothing. Linux only.
"""

import asyncio
import gc
import logging
import os
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from attrs import define, field


class Log(logging.Handler):
    """Hears everything from DEBUG on, and counts the lines in which a key stands."""

    def __init__(self, key: str) -> None:
        super().__init__(logging.DEBUG)
        self._key = key
        self.lines = self.with_key = 0
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += 1
        text = self._formatter.format(record) + repr(record.args)
        self.with_key += self._key in text

    def __enter__(self) -> Self:
        root = logging.getLogger()
        self._level_before = root.level
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        return self

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.removeHandler(self)
        root.setLevel(self._level_before)


def open_files() -> list[str]:
    """Return what this process has open, sockets included."""
    names = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            names.append(os.readlink(entry))  # noqa: PTH115 - a socket's target is no path
        except OSError:  # the listing's own
            continue
    return sorted(names)


@define
class Before:
    """What was there before; ``leaked`` says what is there beyond it."""

    files: list[str] = field(factory=open_files)
    tasks: "set[asyncio.Task[object]]" = field(factory=asyncio.all_tasks)

    def leaked(self) -> list[str]:
        """Return what has been left behind, each by a name."""
        gc.collect()
        left = [f"task {task.get_coro()}" for task in asyncio.all_tasks() - self.tasks]
        files = open_files()
        for name in self.files:
            if name in files:
                files.remove(name)
        return left + files


def errors_with_key(errors: Iterable[BaseException], key: str) -> int:
    """Count the errors that show a key in their text, fields or tracebacks, locals included.

    Of those that came the same way one is looked at: ten thousand tracebacks show the same frames.
    """
    ways = {_way(error): error for error in errors}
    return sum(key in text for error in ways.values() for text in _shown(error))


def _way(error: BaseException) -> tuple[object, ...]:
    frames = traceback.walk_tb(error.__traceback__)
    return type(error), tuple((frame.f_code.co_name, line) for frame, line in frames)


def _shown(error: BaseException) -> Iterable[str]:
    link: BaseException | None = error
    while link is not None:
        frames = traceback.StackSummary.extract(traceback.walk_tb(link.__traceback__), capture_locals=True)
        yield "".join((str(link), repr(link), repr(vars(link)), *frames.format()))
        link = link.__cause__ or link.__context__
