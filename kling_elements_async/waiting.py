"""Waits for tasks to end.

Law: a wait is a future that something else resolves: a stream of looks at its task, or, while many wait, one
list for all of them. Nothing of a watch is left when its last wait has gone.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine
from numbers import Real
from typing import Any

from .arguments import check, check_callable
from .errors import ElementsError, WaitTimeoutError
from .lifecycle import Lifecycle
from .listening import SILENT, Events
from .looking import Look, Looking
from .models import ElementTask
from .polling import Polling
from .sweeping import ListPage, Sweeping
from .watches import OnUpdate, Wait, Watch, Watches, is_whole

logger: logging.Logger = logging.getLogger("kling_elements_async")

# Seconds between two looks at one task for which strangers can be the cause.
BETWEEN_HINTS = 5.0
# Seconds between two looks at who has waited too long: thousands may, each at a moment of its own.
_BETWEEN_ALARMS = 0.02


class Waiting:
    """The waits of one session."""

    def __init__(
        self,
        look: Look,
        list_page: ListPage,
        polling: Polling,
        lifecycle: Lifecycle,
        *,
        on_end: Callable[[str], None] = lambda _: None,
        is_urgent: Callable[[], bool] = lambda: False,
        events: Events = SILENT,
    ) -> None:
        self._lifecycle = lifecycle
        self._polling = polling
        self._events = events
        self.watches: Watches = Watches(lifecycle.clock.now, on_end, events)
        self._looking = Looking(look, self.watches, polling, lifecycle, events)
        self._sweeping = Sweeping(list_page, self.watches, polling, lifecycle, is_urgent, events=events)
        self._at_work: set[asyncio.Task[None]] = set()
        # One alarm, at the nearest deadline, is enough for all: a timer each is an eighth of what a wait holds.
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf

    async def wait(self, task_id: str, *, timeout: float | None, on_update: OnUpdate | None) -> ElementTask:
        """Return the task when it has ended with an element.

        Raises:
            ElementFailedError: it ended without one.
            WaitTimeoutError: it had not ended within ``timeout`` seconds.
            NotFoundError: there is no such task.
            AuthenticationError, PermissionDeniedError: the account may not look.

        """
        work = self._waited(task_id, timeout, on_update)
        return await (self._told(task_id, work) if self._events else work)

    async def _told(self, task_id: str, work: Coroutine[Any, Any, ElementTask]) -> ElementTask:
        """Tell of the beginning and the end of a wait."""
        number = self._events.number()
        self._events.tell("WaitBegan", number, task_id)
        try:
            task = await work
        except BaseException as error:
            self._events.tell("WaitEnded", number, task_id, None, error)
            raise
        self._events.tell("WaitEnded", number, task_id, task, None)
        return task

    async def _waited(self, task_id: str, timeout: float | None, on_update: OnUpdate | None) -> ElementTask:
        if timeout is not None:
            expected = "seconds, 0 for one look, or None for no limit, are expected"
            check(timeout, "timeout", expected, Real, lambda seconds: seconds >= 0)
        check_callable(on_update, "on_update")
        loop = self._lifecycle.check()
        limit = math.inf if timeout is None else timeout
        began = self._lifecycle.clock.now()
        wait = Wait(loop.create_future(), on_update, began, began + limit)
        if limit == 0:
            return await self._one_look(task_id, wait)
        watch = self._joined(task_id, wait)
        # The clock decides, at each look; the alarm cuts a look that is still in flight.
        if wait.until < self._alarm_at:
            self._set_alarm(wait.until, began)
        try:
            return await wait.future
        finally:
            self._left(watch, wait)

    async def followed(self, task_id: str, seconds: float) -> bool:
        """Watch a task that no caller waits for, for so long, and say whether it has ended or can't be seen to."""
        try:
            await self._waited(task_id, seconds, None)
        except WaitTimeoutError:
            return False
        except ElementsError as error:
            logger.debug("the task %s that holds a slot ended with %s", task_id, type(error).__name__)
        return True

    def called_back(self, task: ElementTask, *, is_signed: bool) -> None:
        """Take in a task's state as a callback tells it.

        A signed one is believed, an unsigned one is a hint: the task is looked at, once in a while at most. What
        nobody waits for is forgotten, so that a stranger's callbacks cost nothing.
        """
        self._events.tell("CalledBack", task.task_id, task.status, is_signed)
        # A success that names no element is confirmed, too: Kling's older body has no room for one. So is one that
        # names another task's: were it sent three times, it would end the wait.
        is_believed = is_signed and is_whole(task) and not self.watches.names_anothers(task)
        watches = self.watches.about(task)
        for watch in watches:
            watch.calls_back = watch.calls_back or is_signed
            if is_believed:
                self.watches.told(watch, task)
        if is_signed and task.is_terminal and not watches:
            self.watches.ended(task.task_id)
        elif task.is_terminal and not is_believed and watches:
            self._hinted(watches[0])

    def _hinted(self, watch: Watch) -> None:
        """See to it that a task is looked at soon: by the next list, where lists look at it."""
        if self._sweeping.covers(watch):
            self._sweeping.hurry()
        else:
            watch.is_hinted = True
            watch.confirming = watch.confirming or self._work(self._confirmed(watch))

    async def _confirmed(self, watch: Watch) -> None:
        """Look at a task for a hint of its end, at once, and then once for all those that came meanwhile."""
        try:
            while watch.is_hinted:
                watch.is_hinted = False
                if await self._looking.confirm(watch):
                    self.watches.heard()
                await self._lifecycle.sleep(BETWEEN_HINTS)
        except Exception as error:  # noqa: BLE001 - a fault in a reader must reach those who wait
            watch.fail(error)
        watch.confirming = None

    def _set_alarm(self, at: float, now: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._alarm_at = at
        if at < math.inf:
            self._alarm = asyncio.get_running_loop().call_later(max(0.0, at - now), self._ring)

    def _ring(self) -> None:
        """Tell the waits whose time is over."""
        rang_at, self._alarm, self._alarm_at = self._alarm_at, None, math.inf
        self.watches.expire_due(rang_at)
        now = max(rang_at, self._lifecycle.clock.now())  # a clock that stands still has come as far as the loop
        self._set_alarm(max(self.watches.nearest_deadline(), now + _BETWEEN_ALARMS), now)

    async def _one_look(self, task_id: str, wait: Wait) -> ElementTask:
        watch = self.watches.made(task_id)
        watch.waits.append(wait)
        await self._looking.once(watch)
        watch.expire(wait, self._lifecycle.clock.now())
        return await wait.future

    def _joined(self, task_id: str, wait: Wait) -> Watch:
        watch = self.watches.by_id.get(task_id)
        # One that has ended is looked at by nobody: its waits have their result, and leave it in a moment.
        if watch is None or watch.has_ended:
            watch = self.watches.by_id[task_id] = self.watches.made(task_id)
            watch.waits.append(wait)
            self._attend(watch)
        else:
            watch.waits.append(wait)
        return watch

    def _left(self, watch: Watch, wait: Wait) -> None:
        watch.waits.remove(wait)
        if watch.waits:
            return
        if self.watches.by_id.get(watch.task_id) is watch:
            del self.watches.by_id[watch.task_id]
            if not self.watches.by_id:
                self._set_alarm(math.inf, now=0.0)
        for work in (watch.stream, watch.confirming):
            if work:
                work.cancel()

    def _attend(self, watch: Watch) -> None:
        """See to it that a watch is looked at: by the lists, or by a stream of its own."""
        if not self._is_left_to_lists(watch):
            watch.stream = watch.stream or self._work(self._looked(watch))
        elif not self._looking.first_pause(watch):
            self._sweeping.hurry()

    def _is_left_to_lists(self, watch: Watch) -> bool:
        """Whether the lists look at a watch; they are begun, or begun again, as soon as they pay."""
        if not self._sweeping.is_running and self._sweeping.pays():
            self._sweeping.is_running = True
            self._work(self._swept())
        return self._sweeping.covers(watch)

    async def _looked(self, watch: Watch) -> None:
        try:
            await self._looking.stream(watch, self._is_left_to_lists)
            if watch.has_ended:
                self._sweeping.ended_singly(watch.task_id)
        except Exception as error:  # noqa: BLE001 - a fault in a reader must reach those who wait
            watch.fail(error)
        watch.stream = None

    async def _swept(self) -> None:
        try:
            await self._sweeping.run(self._looking.first_pause, self._attend, self._looking.once)
        except Exception as error:  # noqa: BLE001 - as above
            self.watches.fail_all(error)
        for watch in tuple(self.watches.by_id.values()):
            self._attend(watch)

    def _work(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)
        return task

    async def close(self) -> None:
        """End every wait with ``SessionUnusableError`` and every look."""
        self.watches.fail_all(self._lifecycle.closed_error())
        at_work = tuple(self._at_work)
        for task in at_work:
            task.cancel()
        await asyncio.gather(*at_work, return_exceptions=True)
