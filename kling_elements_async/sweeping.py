"""Looking at many tasks with one request: the list, read for all who wait.

Law: absence from a list proves nothing, since no page documents its order, its lag, or whether unfinished and
failed tasks are in it. What two lists in a row did not show is looked at singly; a list that turns out to be
no help is left alone for a while.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from itertools import count
from typing import Any

from .errors import AuthenticationError, ElementsError, NotOfferedError
from .lifecycle import Lifecycle
from .listening import SILENT, Events
from .models import ElementTask, Page
from .polling import Polling
from .watches import Watch, Watches, is_whole

ListPage = Callable[[int, int], Awaitable[Page]]

# Open watches from which on a list is asked for instead of each task, and down to which it goes on to be, for
# each page that a sweep needs. `python -m benchmarks switch` measures where a list begins to pay.
FROM = 4
DOWN_TO = 2
LEAST_ROWS = 30
MOST_ROWS = 500
# Seconds of lateness, summed over all who wait, that one request is worth. With 1,000 tasks of about 20 s this
# gives 0.08 requests an element, noticed 0.9 s late.
SECONDS_PER_REQUEST = 13.0
LISTS_MISSED = 2
SPOT_CHECK_EVERY = 4
STRIKES = 2
LEFT_ALONE_FOR = 300.0
# A gateway on a bad day, or tasks of long ago, are no reason to give lists up for minutes, as lag is, or that they
# do not show what was just created: doubling up to that.
ALONE_FOR_NOW = 5.0
# Rows taken in before others have their turn.
_AT_ONCE = 50
# Seconds that are no pause: added to a clock, fewer may not move it.
_MOMENT = 1e-3


class Sweeping:
    """Reads lists for the watches of one session, while that pays."""

    def __init__(
        self,
        list_page: ListPage,
        watches: Watches,
        polling: Polling,
        lifecycle: Lifecycle,
        is_urgent: Callable[[], bool],
        *,
        events: Events = SILENT,
    ) -> None:
        self._list_page = list_page
        self._watches = watches
        self._polling = polling
        self._lifecycle = lifecycle
        self._is_urgent = is_urgent
        self._events = events
        self.is_running: bool = False
        self._not_before = -math.inf
        self._pages = self._opened = 1
        self._depth = 0
        self._failures = self._rests = 0
        self._strikes = 0
        self._rate = 0.0
        self._swept_at = 0.0
        self._sweeps = 0
        self._ended_singly: set[str] = set()
        self._call: asyncio.Future[None] | None = None

    def covers(self, watch: Watch) -> bool:
        """Whether a watch is left to the lists."""
        return self.is_running and watch.unlisted < LISTS_MISSED

    def pays(self) -> bool:
        """Whether a list costs less than a look at each task, and is to be trusted."""
        watches = self._watches.by_id.values()
        # So many pages were for so many watches; fewer need fewer.
        pages = max(1, math.ceil(self._pages * min(1.0, len(watches) / self._opened)))
        few = DOWN_TO * pages if self.is_running else max(FROM, DOWN_TO * pages)
        if len(watches) <= few or self._lifecycle.clock.now() < self._not_before:
            return False
        if sum(watch.unlisted < LISTS_MISSED for watch in watches) > few:
            return True
        # Counted again in a while only: each look at one of thousands that no list shows asks for it.
        self._not_before = self._lifecycle.clock.now() + self._polling.first
        return False

    def ended_singly(self, task_id: str) -> None:
        """Note a task whose end a single look has shown: a list that denies it lags."""
        if self.is_running:
            self._ended_singly.add(task_id)

    async def run(
        self,
        first_pause: Callable[[Watch], float],
        look_singly: Callable[[Watch], None],
        look_once: Callable[[Watch], Coroutine[Any, Any, bool]],
    ) -> None:
        """Sweep as long as it pays; ``look_singly`` takes a watch over for good, ``look_once`` for one look."""
        self.is_running = True
        self._rate, self._sweeps, self._swept_at = 0.0, 0, self._lifecycle.clock.now()
        early = self._polling.pauses(self._lifecycle.clock.random)
        try:
            # Asked anew, since others come meanwhile whose tasks may end sooner, or have ended long ago.
            while (pause := min(map(first_pause, self._watches.by_id.values()), default=0.0)) > _MOMENT:
                await self._rest(min(pause, self._polling.first))
            while self.pays():
                await self._sweep(look_singly)
                await self._spot_check(look_once)
                if self.pays():
                    await self._rest(self._pause(next(early)))
        finally:
            self.is_running = False
            self._ended_singly.clear()

    def hurry(self) -> None:
        """Have the next sweep come soon: somebody waits for a task that may have ended long ago."""
        if self._call is not None and not self._call.done():
            self._call.set_result(None)

    async def _rest(self, seconds: float) -> None:
        """Pause until the next sweep, a call to hurry, or the deadline of a wait, which ends that wait only."""
        now = self._lifecycle.clock.now
        self._call = asyncio.get_running_loop().create_future()
        until = now() + seconds
        while now() < until:
            if await self._lifecycle.reached(self._call, min(until, self._watches.nearest_deadline())):
                hurried = self._swept_at + self._polling.first / 2
                await self._lifecycle.sleep(max(0.0, min(hurried, until) - now()))
                return
            self._watches.expire_due()

    def _pause(self, early: float) -> float:
        """Return the pause that costs least, lateness and requests together, at the rate at which tasks end."""
        polling = self._polling
        slower = min(map(self._watches.slower_by, self._watches.by_id.values()), default=1.0)
        if self._is_urgent():
            pause = polling.first
        elif self._rate:
            best = math.sqrt(2 * self._pages * SECONDS_PER_REQUEST / self._rate)
            pause = min(max(best, polling.first), polling.longest)
        else:
            return early * slower
        return pause * slower * self._lifecycle.clock.random.triangular(0.8, 1.2)

    async def _sweep(self, look_singly: Callable[[Watch], None]) -> None:
        opened = {task_id: watch for task_id, watch in self._watches.by_id.items() if self.covers(watch)}
        unseen = set(opened)
        try:
            ended = await self._read_pages(opened, unseen)
        except NotOfferedError:
            self._not_before = math.inf
            return
        except AuthenticationError as error:
            self._watches.fail_all(error)
            return
        except ElementsError as error:
            self._failed(opened, error)
            return
        self._failures = 0
        if len(unseen) <= len(opened) / 2:
            self._rests = 0
        self._watches.misses.over()
        self._reckon(ended)
        for task_id in unseen:
            watch = opened[task_id]
            watch.unlisted += 1
            if watch.unlisted >= LISTS_MISSED and not watch.has_ended:
                look_singly(watch)
        self._watches.expire_due()
        self._judge()

    def _judge(self) -> None:
        """Leave a list alone that does not show most of what is waited for, or that lags."""
        watches = self._watches.by_id.values()
        alone = [watch for watch in watches if watch.unlisted >= LISTS_MISSED]
        if self._strikes < STRIKES and len(alone) <= max(FROM, len(watches) / 2):
            return
        ours = sum(watch.born > -math.inf for watch in alone)
        if self._strikes >= STRIKES or ours > FROM:
            self._leave_alone()
        else:
            # Of a task that was not just created here nobody knows how far down it stands.
            self._leave_alone_for_now()

    async def _read_pages(self, opened: dict[str, Watch], unseen: set[str]) -> int:
        """Read as many pages as the open tasks need, and return how many of them have ended.

        What has ended stays in the list, so the deepest row of an open task says how far down they reach.
        """
        needed = max(len(opened), self._depth) * 5 // 4
        size = min(MOST_ROWS, max(LEAST_ROWS, needed))
        deepest = ended = 0
        for number in count(1):
            if self._events:
                self._events.tell("Looked", None)
            page = await self._list_page(number, size)
            self._pages, self._opened = number, len(opened) or 1
            is_news = False  # a page that only repeats others is no way on: some gateways send one for ever
            for row, task in enumerate(page.tasks, (number - 1) * size + 1):
                if row % _AT_ONCE == 0:
                    await asyncio.sleep(0)  # those who have waited go on: all in one pass would hold the loop
                # A success without its element is looked at singly: lists may be behind.
                if (watch := self._watch_of(task, opened)) and is_whole(task):
                    is_news = is_news or watch.task_id in unseen
                    unseen.discard(watch.task_id)
                    watch.unlisted = 0
                    ended += not watch.has_ended and self._watches.seen(watch, task)
                    deepest = deepest if watch.has_ended else row
            if not unseen or page.is_last or (not is_news and number * size >= needed):
                break
        self._depth = deepest
        return ended

    def _watch_of(self, task: ElementTask, opened: dict[str, Watch]) -> Watch | None:
        if task.task_id in self._ended_singly:
            self._ended_singly.discard(task.task_id)
            self._strikes = 0 if task.is_terminal else self._strikes + 1
        return opened.get(task.task_id) or opened.get(task.external_task_id or "")

    def _reckon(self, ended: int) -> None:
        """Keep the rate at which tasks end, in ends a second, smoothed over the last sweeps."""
        now = self._lifecycle.clock.now()
        rate = ended / max(now - self._swept_at, 1e-3)
        self._rate = (self._rate + rate) / 2 if self._rate else rate
        self._swept_at = now

    def _failed(self, opened: dict[str, Watch], error: ElementsError) -> None:
        self._failures += 1
        self._watches.misses.note(error)
        for watch in opened.values():
            watch.last_error = error
        self._watches.expire_due()
        if self._failures > LISTS_MISSED or self._rests:
            self._leave_alone_for_now()

    async def _spot_check(self, look_once: Callable[[Watch], Coroutine[Any, Any, bool]]) -> None:
        """Look at one of the older half: they are the likeliest to have ended behind a lagging list.

        Now and then; after each sweep while the list has not shown any end yet, or has just denied one.
        """
        self._sweeps += 1
        is_doubtful = self._strikes or (not self._rate and self._sweeps > SPOT_CHECK_EVERY)
        if is_doubtful or self._sweeps % SPOT_CHECK_EVERY == 0:
            left = [watch for watch in self._watches.by_id.values() if self.covers(watch) and not watch.has_ended]
            if left:
                old = self._lifecycle.clock.random.choice(left[: (len(left) + 1) // 2])
                if await look_once(old):
                    self.ended_singly(old.task_id)

    def _leave_alone_for_now(self) -> None:
        self._leave_alone(min(ALONE_FOR_NOW * 2**self._rests, LEFT_ALONE_FOR))
        self._rests += 1

    def _leave_alone(self, seconds: float = LEFT_ALONE_FOR) -> None:
        self._not_before = self._lifecycle.clock.now() + seconds
        self._strikes = self._failures = 0
