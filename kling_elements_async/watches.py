"""Waits as futures, and what is known of the tasks that they are for.

Law: sends nothing and sleeps nowhere. All waits on one task share one watch; whoever looks, singly or by a
list, hands in here what it saw or that it saw nothing. The first end that is seen is the end.
"""

import asyncio
import copy
import logging
import math
import sys
from collections.abc import Callable
from typing import Any

from attrs import define, evolve, field

from .durations import Durations
from .errors import (
    ElementFailedError,
    ElementsError,
    NotFoundError,
    NotOfferedError,
    SessionUnusableError,
    UnexpectedReplyError,
    WaitTimeoutError,
)
from .listening import SILENT, Events
from .misses import Misses
from .models import ElementTask, ReferenceType, TaskStatus
from .wire import readable

logger: logging.Logger = logging.getLogger("kling_elements_async")

OnUpdate = Callable[[ElementTask], object]

# A task just created may take this long to be seen by a query.
VISIBLE_WITHIN = 30.0
# Looks at a task that has ended, but shows no usable element id, before its answer is called broken.
LOOKS_FOR_AN_ID = 3
# Misses of a task that this session did not create: the first may be a lag, the second is the answer.
MISSES = 2
# Looks come so many times later at tasks that call back, as long as the last true callback is no older than this.
SLOWER_WITH_CALLBACKS = 4.0
HEARD_WITHIN = 60.0
_ORDER = {TaskStatus.SUBMITTED: 0, TaskStatus.UNKNOWN: 1, TaskStatus.PROCESSING: 1}
# Elements whose task is remembered, so that it is said when a second task names the same one.
OWNERS_KEPT = 10_000
_NO_RECORD: dict[str, Any] = {}


def is_whole(task: ElementTask) -> bool:
    """Whether a state can be taken in as it is: a success that names no element is confirmed by a query first."""
    return task.status is not TaskStatus.SUCCEEDED or task.element_id is not None


def _lean(task: ElementTask, task_id: str) -> ElementTask:
    """Return a state to keep: ten thousand watches hold no records of the gateway's, and equal texts once."""
    same_id = task_id if task.task_id == task_id else task.task_id
    return evolve(task, task_id=same_id, status_word=sys.intern(str(task.status_word)), raw=_NO_RECORD)


@define(eq=False, repr=False)
class Wait:
    """One caller's wait: resolved by whoever sees the end first."""

    future: "asyncio.Future[ElementTask]"
    on_update: OnUpdate | None
    began: float
    until: float
    shown: str | None = None

    def show(self, task: ElementTask) -> None:
        """Call the caller's ``on_update`` at the first look and at each change; its faults are its own."""
        state = task.status_word if task.status is TaskStatus.UNKNOWN else task.status
        if self.on_update is None or self.shown == state or self.future.done():
            return
        self.shown = state
        try:
            self.on_update(task)
        except (Exception, asyncio.CancelledError):  # its own cancellation, not ours: nothing is awaited here
            logger.exception("on_update raised for task %s; the wait goes on", task.task_id)


@define(eq=False, repr=False)
class Watch:
    """One task, looked at for all who wait for it."""

    task_id: str
    born: float = -math.inf
    kind: ReferenceType | None = None
    waits: list[Wait] = field(factory=list)
    last: ElementTask | None = None
    last_error: ElementsError | None = None
    misses: int = 0
    looks_without_id: int = 0
    unlisted: int = 0
    calls_back: bool = False
    is_hinted: bool = False
    confirming: "asyncio.Task[None] | None" = None
    stream: "asyncio.Task[None] | None" = None

    @property
    def has_ended(self) -> bool:
        """Whether nobody waits any more."""
        return all(wait.future.done() for wait in self.waits)

    def resolve(self, task: ElementTask) -> None:
        """Give every wait its result."""
        for wait in self.waits:
            if not wait.future.done():
                wait.future.set_result(task)

    def fail(self, error: Exception) -> None:
        """Give every wait a copy of an error: a traceback grows with each raise."""
        for wait in self.waits:
            if not wait.future.done():
                wait.future.set_exception(copy.copy(error) if isinstance(error, ElementsError) else error)

    def expire(self, wait: Wait, now: float) -> None:
        """Tell one wait that its time is over."""
        if not wait.future.done():
            elapsed = now - wait.began
            error = WaitTimeoutError(self.task_id, task=self.last, elapsed=elapsed, last_error=self.last_error)
            wait.future.set_exception(error)

    def expire_due(self, now: float) -> None:
        """Tell every wait whose time is over."""
        for wait in self.waits:
            if wait.until <= now:
                self.expire(wait, now)


class Watches:
    """All that a session waits for, and the tasks that it has just created."""

    def __init__(self, now: Callable[[], float], on_end: Callable[[str], None], events: Events = SILENT) -> None:
        self.by_id: dict[str, Watch] = {}
        self.durations: Durations = Durations()
        self.misses: Misses = Misses()
        self.now = now
        self._on_end = on_end
        self._events = events
        self._born: dict[str, tuple[float, ReferenceType, bool]] = {}
        self._heard_at = -math.inf
        self._owners: dict[str, str] = {}
        self._shared: set[str] = set()

    def born(self, task_id: str, kind: ReferenceType, *, calls_back: bool = False) -> None:
        """Note that this session created a task just now: it may not be visible yet."""
        now = self.now()
        while self._born and now - next(iter(self._born.values()))[0] > VISIBLE_WITHIN:
            del self._born[next(iter(self._born))]
        self._born[task_id] = now, kind, calls_back

    def made(self, task_id: str) -> Watch:
        """Return a watch that knows when its task was created, if it was here and just now."""
        born, kind, calls_back = self._born.get(task_id, (-math.inf, None, False))
        return Watch(task_id, born, kind, calls_back=calls_back)

    def about(self, task: ElementTask) -> list[Watch]:
        """Return the open watches that a callback concerns: one may be on its id, one on its external id."""
        ids = dict.fromkeys((task.task_id, task.external_task_id or ""))
        return [watch for each in ids if (watch := self.by_id.get(each)) and not watch.has_ended]

    def names_anothers(self, task: ElementTask) -> bool:
        """Whether a state names the element of another task."""
        return self._owners.get(task.element_id or "", task.task_id) != task.task_id

    def heard(self) -> None:
        """Note that a callback came which was true, and news."""
        self._heard_at = self.now()

    def told(self, watch: Watch, task: ElementTask) -> None:
        """Take in what a signed callback says, unless it is behind: they come twice, late, and sent again."""
        known = watch.last
        if known is None or task.is_terminal or _ORDER[task.status] > _ORDER.get(known.status, math.inf):
            self.heard()
            self.seen(watch, task)

    def slower_by(self, watch: Watch) -> float:
        """Return the factor by which looks at a task may come later: callbacks for such tasks arrive."""
        is_heard = self.now() - self._heard_at <= HEARD_WITHIN
        return SLOWER_WITH_CALLBACKS if watch.calls_back and is_heard else 1.0

    def ended(self, task_id: str) -> None:
        """Note the end of a task that nobody waits for."""
        self._on_end(task_id)

    def seen(self, watch: Watch, task: ElementTask) -> bool:
        """Take in a task's state, and say whether its watch has ended."""
        watch.last = task if task.is_terminal else _lean(task, watch.task_id)
        watch.last_error, watch.misses = None, 0
        self.misses.over()
        for wait in watch.waits:
            wait.show(task)
        if task.status is TaskStatus.FAILED:
            watch.fail(ElementFailedError(task))
        elif task.status is TaskStatus.SUCCEEDED and task.element_id is not None:
            self._resolve(watch, task, task.element_id)
        elif task.status is TaskStatus.SUCCEEDED:
            shown = readable(task.raw)
            text = f"task {task.task_id} has succeeded, but its answer names no element: {shown}"
            self._count_without_id(watch, UnexpectedReplyError(text, status=200, excerpt=shown))
        if task.is_terminal:
            self._learn(watch, task)
            self._on_end(task.task_id)
            self._events.tell("Settled", task)
        return watch.has_ended

    def missed(self, watch: Watch, error: ElementsError) -> None:
        """Take in a failed look: a missed look, unless no later one can be better."""
        watch.last_error = error
        self.misses.note(error)
        if isinstance(error, NotOfferedError | SessionUnusableError):
            watch.fail(error)
        elif isinstance(error, UnexpectedReplyError) and error.permanent:
            self._count_without_id(watch, error)
        elif isinstance(error, NotFoundError):
            watch.misses += 1
            if self.now() - watch.born > VISIBLE_WITHIN and watch.misses >= MISSES:
                watch.fail(error)
                self._on_end(watch.task_id)

    def fail_all(self, error: Exception) -> None:
        """End every wait: one refusal speaks for the key, and the others do not each ask again."""
        for watch in tuple(self.by_id.values()):
            watch.fail(error)

    def nearest_deadline(self) -> float:
        """Return when the next wait is over."""
        waits = (wait.until for watch in self.by_id.values() for wait in watch.waits if not wait.future.done())
        return min(waits, default=math.inf)

    def expire_due(self, now: float = -math.inf) -> None:
        """Tell every wait whose time is over, or is by the time that it is ``now`` at least."""
        now = max(now, self.now())
        for watch in self.by_id.values():
            watch.expire_due(now)

    def _resolve(self, watch: Watch, task: ElementTask, element_id: str) -> None:
        """Give the waits their element; one that another task has named before is not given without a word."""
        owner = self._owners.setdefault(element_id, task.task_id)
        if owner != task.task_id and element_id not in self._shared:
            self._shared.add(element_id)
            text = "task %s names element %s, which task %s has named before: look at both"
            logger.warning(text, task.task_id, readable(element_id, 60), owner)
        if len(self._owners) > OWNERS_KEPT:
            forgotten = next(iter(self._owners))
            del self._owners[forgotten]
            self._shared.discard(forgotten)
        watch.resolve(task)

    def _count_without_id(self, watch: Watch, error: ElementsError) -> None:
        watch.looks_without_id += 1
        if watch.looks_without_id >= LOOKS_FOR_AN_ID:
            watch.fail(error)

    def _learn(self, watch: Watch, task: ElementTask) -> None:
        """Remember how long the task took: by the gateway's own times where it gives both, else by ours."""
        kind = watch.kind or (task.element.reference_type if task.element else None)
        if kind is None or task.status is not TaskStatus.SUCCEEDED:
            return
        if task.created_at and task.updated_at and task.updated_at > task.created_at:
            self.durations.note(kind, (task.updated_at - task.created_at).total_seconds())
        elif watch.born > -math.inf:
            self.durations.note(kind, self.now() - watch.born)
