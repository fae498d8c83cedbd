"""An event loop on which the same program runs the same way each time, in virtual time.

Law: what runs on it sees no clock, no thread, no socket and no address of an object. Time goes on only when nothing
else is left to do, and then to the very moment at which something is.
"""

import asyncio
import selectors
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

_LONGEST = 1_000_000.0  # virtual seconds; a life that gets there would never end
_BUSIEST = 100_000  # passes of the loop in one moment


class _Numbered(asyncio.Task[Any]):
    """A task whose place in a set comes from its number: sets of tasks come out in the same order each time."""

    def __init__(self, number: int, *args: Any, **named: Any) -> None:
        self._number = number  # before the task is made: its making puts it into a set
        super().__init__(*args, **named)

    def __hash__(self) -> int:
        return self._number


class _Passing(selectors.SelectSelector):
    """Where a loop would wait for sockets or the next timer, time goes by instead."""

    now = 1000.0
    passes = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        self.passes = 0 if timeout else self.passes + 1
        assert timeout is not None, "nothing will ever happen any more, and somebody waits for it"
        assert self.now < _LONGEST, "virtual time ran away: nothing ended"
        assert self.passes < _BUSIEST, "time stands still: something is busy without end"
        self.now += timeout
        return []


class StillLoop(asyncio.SelectorEventLoop):
    """The loop; work for threads is done on it, at once."""

    def __init__(self) -> None:
        self._passing = _Passing()
        super().__init__(self._passing)
        numbers = count()
        self.set_task_factory(lambda loop, work, **named: _Numbered(next(numbers), work, loop=loop, **named))

    def time(self) -> float:
        return self._passing.now

    def call_soon_threadsafe(self, *args: Any, **named: Any) -> asyncio.Handle:
        return self.call_soon(*args, **named)

    def run_in_executor(self, _: object, function: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        done = self.create_future()
        try:
            done.set_result(function(*args))
        except Exception as error:
            done.set_exception(error)
        return done


class LoopClock:
    """A session's clock: the time of a loop, and seeded chance."""

    def __init__(self, loop: StillLoop) -> None:
        self.now = loop.time
        self.random = Random(0)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
