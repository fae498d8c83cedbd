"""An account in virtual time: tasks made at 0 s by one session, which end when their time is up, and who waits.

The package's own ``Waiting`` looks at them, singly or by the list, on a round trip of 0.1 s. The list shows every
task of the account, the newest first, and goes on showing those that have ended.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median
from typing import TypeVar

from attrs import define, frozen

from kling_elements_async import ElementTask, Page, Polling, TaskStatus
from kling_elements_async.errors import NotOfferedError
from kling_elements_async.lifecycle import Lifecycle
from kling_elements_async.models import Element
from kling_elements_async.waiting import Waiting

from .virtual import VirtualClock, run

T = TypeVar("T")

ROUND_TRIP = 0.1
_FIRST = 860434405402222626
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_FIRST_ELEMENT = 856528387816046601


@frozen
class Pace:
    """What a policy costs: requests an element, and seconds from an end until it is known, at the median."""

    requests: float
    lateness: float

    @classmethod
    def of(cls, requests: float, lateness: Sequence[float]) -> "Pace":
        return cls(requests / len(lateness), median(lateness))

    @classmethod
    def typical(cls, paces: "Sequence[Pace]") -> "Pace":
        """Return the median of several seeds."""
        return cls(median(pace.requests for pace in paces), median(pace.lateness for pace in paces))


@define
class Account:
    """Tasks of these durations, in seconds, and the requests that were made for them."""

    durations: Sequence[float]
    has_list: bool = True
    round_trip: float = ROUND_TRIP
    requests: int = 0

    def task_id(self, index: int) -> str:
        return str(_FIRST + index)

    async def look(self, task_id: str, until: float) -> ElementTask:  # noqa: ARG002 - the signature of a look
        return await self._answered(lambda: self._task(int(task_id) - _FIRST))

    async def list_page(self, number: int, size: int) -> Page:
        if not self.has_list:
            raise NotOfferedError("the account", "list elements")
        newest_first = range(len(self.durations))[::-1][(number - 1) * size : number * size]
        tasks = await self._answered(lambda: tuple(map(self._task, newest_first)))
        return Page(tuple(element for task in tasks for element in task.elements), tasks, number, size)

    async def _answered(self, answer: Callable[[], T]) -> T:
        self.requests += 1
        await asyncio.sleep(self.round_trip / 2)
        made = answer()
        await asyncio.sleep(self.round_trip / 2)
        return made

    def _task(self, index: int) -> ElementTask:
        ended = self.durations[index]
        now = asyncio.get_running_loop().time()
        is_over = now >= ended
        return ElementTask(
            self.task_id(index),
            TaskStatus.SUCCEEDED if is_over else TaskStatus.PROCESSING,
            elements=(Element(str(_FIRST_ELEMENT + index), reference_type="image"),) if is_over else (),
            created_at=_BEGAN,
            updated_at=_BEGAN + timedelta(seconds=min(now, ended)),
        )


async def _waited(account: Account, random: Random, seen: Sequence[float], *, is_ours: bool) -> Pace:
    clock = VirtualClock(random)
    lifecycle = Lifecycle(clock)
    waiting = Waiting(account.look, account.list_page, Polling(), lifecycle)
    for seconds in seen:
        waiting.watches.durations.note("image", seconds)

    async def lateness(index: int) -> float:
        await waiting.wait(account.task_id(index), timeout=3600, on_update=None)
        return clock.now() - account.durations[index]

    every = range(len(account.durations))
    if is_ours:
        for index in every:
            waiting.watches.born(account.task_id(index), "image")
    late = await asyncio.gather(*map(lateness, every))
    lifecycle.close()
    await waiting.close()
    return Pace.of(account.requests, late)


def waited(account: Account, random: Random, *, seen: Sequence[float] = (), is_ours: bool = True) -> Pace:
    """Wait for all tasks of an account at once, by a session that made them and has ``seen`` such durations."""
    return run(_waited(account, random, seen, is_ours=is_ours))
