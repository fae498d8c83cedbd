"""Slots that a session shares with others: what it may run is granted by books that all of them keep.

Law: nothing runs that was not granted, but what was begun before a lease was lost. While the books are out of
reach, a session keeps to a part of the limit that leaves the others theirs.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from contextlib import suppress

from ..errors import ApiError, SessionUnusableError
from ..lifecycle import Lifecycle
from ..listening import SILENT, Events
from ..throttle import Slots
from . import denial
from .local_share import LocalShare
from .visit import Answer, Store, StoreLostError, Visit, why_lost

logger: logging.Logger = logging.getLogger("kling_elements_async")

RENEWALS = 3  # in the time of a lease
# Seconds between two questions for a slot of one that has less than its share. Who has its share asks again when a
# task of its own ends.
SOON = 0.5
SPREAD = 0.5


class LeasedSlots(Slots):
    """The slots of one session among those of its account."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        fixed: int | None,
        follow: Callable[[str], None],
        events: Events = SILENT,
        *,
        store: Store,
        lease: float,
        close_gate: Callable[[float], None],
    ) -> None:
        super().__init__(lifecycle.clock, fixed, follow, events)
        self._lifecycle = lifecycle
        self._store = store
        self._lease = lease
        self._close_gate = close_gate
        self._fixed = fixed or 0
        self._share = LocalShare(lease, fixed or 0)
        self._unsure: set[str] = set()
        self._started = 0
        self._was_refused = False
        self._closed_until = -math.inf
        self._denial = ""
        self._has_denied = False
        self._answer: Answer | None = None
        self._seen_at = math.inf  # when the last visit began that was answered
        self._told = 0
        self._is_leaving = False
        self._visitor: asyncio.Task[None] | None = None
        self._changed: asyncio.Future[None] | None = None

    # ---------------------------------------------------------------- what a create does

    def queue(self, *, first: bool = False) -> "asyncio.Future[None]":
        turn = asyncio.get_running_loop().create_future()
        if first:
            self._queue.appendleft(turn)
        else:
            self._queue.append(turn)
        if self._visitor is None:
            self._visitor = asyncio.get_running_loop().create_task(self._visits())
        self._wake()
        return turn

    def started(self, task_id: str) -> None:
        self._sending -= 1
        self._started += 1
        self.runs(task_id)
        # Only the limit is learned from it, and that an error of the account is over: else it is told by and by.
        if not self._is_fixed or self._has_denied:
            self._has_denied = False
            self._wake()

    def runs(self, task_id: str) -> None:
        super().runs(task_id)
        if self._answer and self._answer.is_wanted:
            self._follow(task_id)

    def refused(self) -> None:
        self._was_refused = not self._is_fixed
        self._share.refused(self.running)

    def denied(self, error: ApiError) -> None:
        super().denied(error)
        self._denial = denial.written(error)
        self._has_denied = bool(self._denial)
        self._wake()

    def ended(self, task_id: str) -> None:
        if not self._is_leaving:  # a watch that ends with its session says nothing of its task
            self._unsure.discard(task_id)
            super().ended(task_id)

    def gate_closed(self, seconds: float) -> None:
        """Note that a 429 has closed the gate, for the others to hear of."""
        self._closed_until = self._clock.now() + seconds
        self._wake()

    @property
    def is_held_by_others(self) -> bool:
        others = self._answer.others if self._answer and not self._share.is_lost else 0
        return self._is_fixed or (not self._running and self._sending == 1 and not others)

    @property
    def has_lapsed(self) -> bool:
        return not self._share.is_lost and self._clock.now() - self._seen_at > self._lease

    # ---------------------------------------------------------------- the visits

    def _wake(self) -> None:
        if self._share.is_lost:
            self._grant(self._share.most(self._clock.now()) - self._held)
            self._follow_all()
        elif self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    @property
    def _held(self) -> int:
        return len(self._running) + self._sending

    def _grant(self, most: int) -> None:
        while most > 0 and self._queue:
            self._sending += 1
            self._queue.popleft().set_result(None)
            most -= 1

    async def _visits(self) -> None:
        """Visit whenever something has changed, and else often enough to keep the lease."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._changed = loop.create_future()
                await self._visit_once()
                await self._lifecycle.reached(self._changed, self._clock.now() + self._pause())
        except SessionUnusableError:
            pass

    async def _visit_once(self, *, leaves: bool = False) -> None:
        began = self._clock.now()
        if self.has_lapsed:
            self._unsure = set(self._running)
        visit = self._visit(began, leaves=leaves)
        started, was_refused, told = self._started, self._was_refused, self._denial
        self._started, self._was_refused, self._denial = 0, False, ""
        try:
            answer = await self._store.visit(visit)
        except Exception as error:  # noqa: BLE001 - a fault of a store leaves nobody asleep
            self._started += started
            self._was_refused = self._was_refused or was_refused
            self._denial = self._denial or told
            self._lose(why_lost(error))
        else:
            self._take(answer, began)

    def _visit(self, now: float, *, leaves: bool) -> Visit:
        return Visit(
            held=self._held,
            sending=self._sending,
            unsure=len(self._unsure),
            want=max(0, min(len(self._queue), self._share.most(now) - self._held)),
            started=self._started,
            refused=self._was_refused,
            closed=max(0.0, self._closed_until - now),
            denial=self._denial,
            fixed=self._fixed,
            limit=self._answer.limit if self._answer else 0,
            epoch=self._answer.epoch if self._answer else "",
            leaves=leaves,
        )

    def _take(self, answer: Answer, began: float) -> None:
        """Act on an answer: grants, a gate that another has closed, an error that another has met."""
        now = self._clock.now()
        is_another = self._answer is not None and self._answer.epoch != answer.epoch
        if self._share.is_lost:
            logger.info("the shared slots are back")
        if self._share.is_lost or is_another:
            self._share.returns(now)
        self._share.learn(now, answer.limit, answer.workers)
        self._answer, self._seen_at = answer, began
        if answer.closed and now + answer.closed > self._closed_until + 0.1:
            self._closed_until = -math.inf  # it is theirs, and is not told again as ours
            self._close_gate(answer.closed)
        if answer.granted > len(self._queue):  # some have gone meanwhile: their slots are given back at once
            self._wake()
        self._grant(answer.granted)
        if answer.denial:
            self._fail_all(answer.denial)
        self._follow_all()
        if len(self._queue) > self._told:
            self._events.tell("Queued", self.running, len(self._queue))
        self._told = len(self._queue)

    def _follow_all(self) -> None:
        """See to it that the ends of the running tasks are seen, where anybody waits for a slot."""
        if self._queue or (self._answer and self._answer.is_wanted):
            for task_id in tuple(self._running):
                self._follow(task_id)

    def _fail_all(self, text: str) -> None:
        while self._queue:
            self._queue.popleft().set_exception(denial.read(text))

    def _lose(self, reason: str) -> None:
        now = self._clock.now()
        if not self._share.is_lost:
            self._share.lose(now, self._held)
            most = self._share.most(math.inf)
            logger.warning(
                "the shared slots are out of reach (%s): this worker goes on with %d of its own", reason, most
            )
            self._events.tell("SharedLost", "slots", reason, most)
        self._wake()

    def _pause(self) -> float:
        """Return the seconds until the next visit, if nothing changes."""
        if self.has_lapsed:
            return 0.0
        pause = self._lease / RENEWALS
        if self._share.is_lost:
            pause = min(pause, SOON * 2)
        elif self._queue and self._answer:
            has_share = self._answer.limit and self._held >= self._answer.share
            pause = pause if has_share else min(pause, SOON)
        return pause * self._clock.random.uniform(1 - SPREAD, 1)

    async def close(self) -> None:
        self._is_leaving = True
        if self._visitor is None:
            await self._store.close()
            return
        self._visitor.cancel()
        await asyncio.gather(self._visitor, return_exceptions=True)
        if not self._share.is_lost:
            self._sending = 0
            await self._visit_once(leaves=True)
        with suppress(StoreLostError):
            await self._store.close()
