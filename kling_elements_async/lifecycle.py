"""The span in which a session may be used: one event loop, one process, until its close.

Law: every public call passes ``check``; every pause is taken here, so that a close ends it at once.
"""

import asyncio
import math
import os
from typing import Any

from .clock import Clock
from .errors import SessionUnusableError


class Lifecycle:
    """Belongs to the loop and process of its first use."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.is_closed: bool = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self._pauses: set[asyncio.Future[object]] = set()
        # Hundreds may wait at once, each until its deadline: one alarm at the nearest is enough for all.
        self._waits: dict[asyncio.Future[None], float] = {}
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at = math.inf

    def check(self) -> asyncio.AbstractEventLoop:
        """Return the running loop.

        Raises:
            SessionUnusableError: the session is closed, or belongs to another loop, thread or process.

        """
        if self.is_closed:
            raise SessionUnusableError("the session is closed: make a new one")
        if self._loop is not None and self._pid != os.getpid():
            raise SessionUnusableError("the session was used before a fork: make a new one in each process")
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop, self._pid = loop, os.getpid()
        elif self._loop is not loop:
            raise SessionUnusableError("the session belongs to another event loop: make one for each loop")
        return loop

    @property
    def was_used(self) -> bool:
        """Whether any call was made."""
        return self._loop is not None

    async def sleep(self, seconds: float) -> None:
        """Pause on the session's clock.

        Raises:
            SessionUnusableError: the session was closed meanwhile.

        """
        self.check()
        pause = asyncio.ensure_future(self.clock.sleep(seconds))
        self._pauses.add(pause)
        try:
            await pause
        except asyncio.CancelledError:
            if self.is_closed and not _is_being_cancelled():
                raise self.closed_error() from None
            raise
        finally:
            self._pauses.discard(pause)

    async def reached(self, turn: "asyncio.Future[Any]", until: float) -> bool:
        """Wait for a future until a deadline on the session's clock, and say whether it is done.

        Raises:
            SessionUnusableError: the session was closed meanwhile.

        """
        woken: asyncio.Future[None] = self.check().create_future()

        def wake(_: object) -> None:
            _wake(woken)

        self._waits[woken] = until
        if until < self._alarm_at:
            self._set_alarm(until)
        turn.add_done_callback(wake)
        try:
            await woken
        finally:
            turn.remove_done_callback(wake)
            del self._waits[woken]
            if not self._waits:
                self._set_alarm(math.inf)
        if self.is_closed and not turn.done():
            raise self.closed_error()
        return turn.done()

    def _set_alarm(self, at: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = at
        self._alarm = asyncio.ensure_future(self._ring(at)) if at < math.inf else None

    async def _ring(self, at: float) -> None:
        """Wake those whose time is over, each time that the nearest deadline has come."""
        try:
            while at < math.inf:
                await self.clock.sleep(max(0.0, at - self.clock.now()))
                now = self.clock.now()
                self._wake_due(now)
                at = min((until for until in self._waits.values() if until > now), default=math.inf)
                self._alarm_at = at
        except Exception:
            self._wake_due(math.inf)  # a clock that fails leaves nobody asleep
            raise
        self._alarm = None

    def _wake_due(self, now: float) -> None:
        for woken, until in self._waits.items():
            if until <= now:
                _wake(woken)

    def close(self) -> None:
        """End every pause, and refuse every further call.

        Raises:
            SessionUnusableError: its loop runs elsewhere, in another thread or in the process that was forked.

        """
        if self._loop is not None and self._loop.is_running():
            self.check()
        self.is_closed = True
        for pause in self._pauses:
            pause.cancel()
        self._wake_due(math.inf)

    @staticmethod
    def closed_error() -> SessionUnusableError:
        """Return the error for what was running when the session closed."""
        return SessionUnusableError("the session was closed while this was running")


def _wake(woken: "asyncio.Future[None]") -> None:
    if not woken.done():
        woken.set_result(None)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
