"""Time and chance, as one argument.

Law: nothing else in the package reads a clock, sleeps or draws a number, but for the deadline of a request
on the wire, which is the event loop's. So a wait of an hour is tested in a millisecond.
"""

import asyncio
import time
from random import Random
from typing import Protocol


class Clock(Protocol):
    """What a session needs of time: a monotonic ``now``, a ``sleep``, and a seeded ``random``."""

    random: Random

    def now(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    async def sleep(self, seconds: float) -> object:
        """Come back after so many seconds of this clock."""
        ...


class SystemClock:
    """The machine's monotonic clock: a wall clock that jumps changes no wait."""

    def __init__(self) -> None:
        self.random: Random = Random()  # noqa: S311 - spreads requests, guards nothing

    def now(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
