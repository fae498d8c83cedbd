"""The time that each request in flight has left.

Law: a request is cancelled when its time is over or when all are ended, and at no other time. Most have the
same time, so they end in the order in which they began, and only the first of them needs a timer: one for each
costs as much as reading its answer.
"""

import asyncio
from types import TracebackType
from typing import Self

from attrs import define


class Deadlines:
    """The requests in flight of one loop; ``usual`` is the time, in seconds, that most of them have."""

    def __init__(self, usual: float) -> None:
        self._usual = usual
        self._in_flight: dict[_Deadline, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self, loop: asyncio.AbstractEventLoop, seconds: float) -> "_Deadline":
        """Return a context that raises ``TimeoutError`` when the time of the task within it is over."""
        task = asyncio.current_task(loop)
        assert task is not None
        return _Deadline(self, loop, task, loop.time() + seconds, seconds == self._usual)

    def begin(self, deadline: "_Deadline") -> None:
        """Count a request as in flight."""
        self._in_flight[deadline] = None
        if not deadline.is_usual:
            deadline.timer = deadline.loop.call_at(deadline.at, deadline.end)
        elif self._timer is None:
            self._timer = deadline.loop.call_at(deadline.at, self._end_due, deadline.loop)

    def done(self, deadline: "_Deadline") -> None:
        """Count a request as answered."""
        del self._in_flight[deadline]
        if deadline.timer:
            deadline.timer.cancel()

    def _end_due(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for deadline in self._in_flight:
            if deadline.is_usual and deadline.at > now:
                self._timer = loop.call_at(deadline.at, self._end_due, loop)
                return
            if deadline.is_usual:
                deadline.end()

    def end_all(self) -> None:
        """End every request now, and take the timer off the loop."""
        for deadline in self._in_flight:
            deadline.end()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


@define(eq=False, repr=False)
class _Deadline:
    owner: Deadlines
    loop: asyncio.AbstractEventLoop
    task: "asyncio.Task[object]"
    at: float
    is_usual: bool
    is_over: bool = False
    cancels_before: int = 0
    timer: asyncio.TimerHandle | None = None

    def end(self) -> None:
        if not self.is_over:
            self.is_over = True
            self.task.cancel()

    def __enter__(self) -> Self:
        self.cancels_before = self.task.cancelling()
        self.owner.begin(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.owner.done(self)
        # As asyncio.timeout does: a cancellation of the caller's that came as well goes on.
        if self.is_over and self.task.uncancel() <= self.cancels_before and kind is asyncio.CancelledError:
            raise TimeoutError from None
