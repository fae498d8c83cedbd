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
        self.is_closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self._pauses: set[asyncio.Future[object]] = set()

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
        loop = self.check()
        left = until - self.clock.now()
        pause = asyncio.ensure_future(
            self.clock.sleep(max(0.0, left)) if left < math.inf else loop.create_future()
        )
        self._pauses.add(pause)
        try:
            await asyncio.wait((turn, pause), return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()
            self._pauses.discard(pause)
        if self.is_closed and not turn.done():
            raise self.closed_error()
        return turn.done()

    def close(self) -> None:
        """End every pause, and refuse every further call."""
        self.is_closed = True
        for pause in self._pauses:
            pause.cancel()

    @staticmethod
    def closed_error() -> SessionUnusableError:
        """Return the error for what was running when the session closed."""
        return SessionUnusableError("the session was closed while this was running")


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
