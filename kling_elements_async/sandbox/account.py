"""The truth of one account: its tasks, elements, slots and requests. Knows no HTTP and no dialect."""

import math
from collections import Counter, deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from attrs import define, evolve

from .order import Order
from .refusal import RefusedError, invalid
from .task import State, Task


@define
class Seen:
    """One request as the account saw it; the status is 0 until, and unless, an answer went out."""

    call: str
    at: float
    status: int = 0


@define
class Called:
    """One callback: whom it told of which state of which task; the status is 0 until it was answered."""

    url: str
    task_id: str
    state: State
    status: int = 0


class Account:
    """One account at one gateway. Tests read it; `slots` and `exhausted` may be set at any time."""

    def __init__(
        self,
        *,
        slots: int | None,
        clock: Callable[[], float],
        wall: Callable[[], float],
        duration: Callable[[], float],
        new_ids: Callable[[], tuple[str, str]],
    ) -> None:
        """Open an empty account."""
        self.slots = slots
        self.exhausted = False
        """Whether the resource pack is used up: creates are then refused with 1102."""
        self.tasks: dict[str, Task] = {}
        """Every task by its id, oldest first."""
        self.deleted: set[str] = set()
        """The ids of deleted elements."""
        self.requests: deque[Seen] = deque(maxlen=100_000)
        """The latest requests, oldest first."""
        self.counts: Counter[str] = Counter()
        """All requests so far, by call."""
        self.most_running: int = 0
        """The most tasks that ever ran at the same time."""
        self.called: deque[Called] = deque(maxlen=100_000)
        """The latest callbacks, oldest first."""
        self._changes: list[tuple[float, int, Task]] = []
        self._clock = clock
        self._wall = wall
        self._duration = duration
        self._new_ids = new_ids
        self._order: list[Task] = []
        self._by_external_id: dict[str, Task] = {}
        self._by_element_id: dict[str, Task] = {}
        self._ends: list[float] = []
        self._landings: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()
        self._moment: float | None = None

    @property
    def creates(self) -> int:
        """How many creates took effect."""
        return len(self.tasks)

    @property
    def by_external_id(self) -> dict[str, Task]:
        """The tasks that were given an external id, by it."""
        return dict(self._by_external_id)

    @property
    def made_twice(self) -> int:
        """How many tasks were made from an order that had made one before, whatever their external ids."""
        return self.creates - len({evolve(task.order, external_task_id="") for task in self._order})

    @property
    def elements(self) -> dict[str, Task]:
        """The elements that exist by now and are not deleted, by their ids."""
        now = self.now()
        return {
            task.element_id: task
            for task in self._order
            if task.state(now) == "succeed" and task.element_id not in self.deleted
        }

    @property
    def running(self) -> int:
        """How many tasks take up a slot by now."""
        now = self.now()
        while self._ends and self._ends[0] <= now:
            heappop(self._ends)
        return len(self._ends)

    def now(self) -> float:
        """Read the clock; while something lands late, it shows the moment of the landing."""
        return self._clock() if self._moment is None else self._moment

    def see(self, call: str) -> Seen:
        """Log a request as it arrives."""
        seen = Seen(call, self._clock())
        self.requests.append(seen)
        self.counts[call] += 1
        return seen

    def land(self, seconds: float, effect: Callable[[], object]) -> None:
        """Let an effect happen so many seconds from now."""
        heappush(self._landings, (self._clock() + seconds, next(self._numbers), effect))

    def settle(self) -> None:
        """Let everything happen that is due. Lazily, so that no task runs in the background."""
        now = self._clock()
        while self._landings and self._landings[0][0] <= now:
            self._moment, _, effect = heappop(self._landings)
            effect()
        self._moment = None

    @property
    def next_change(self) -> float:
        """When a callback URL is next to be told something, on the sandbox's clock; infinite for never."""
        moments = [heap[0][0] for heap in (self._changes, self._landings) if heap]
        return min(moments, default=math.inf)

    def changed(self) -> list[Task]:
        """Take the tasks with a callback URL that have changed since the last time, each once."""
        now, tasks = self.now(), []
        while self._changes and self._changes[0][0] <= now:
            tasks.append(heappop(self._changes)[2])
        return list(dict.fromkeys(tasks))

    def create(self, order: Order, failure: str = "") -> Task:
        """Accept an order; an external id is good once in an account."""
        if order.external_task_id in self._by_external_id:
            raise invalid(f"External_task_id {order.external_task_id} already exists")
        if self.exhausted:
            raise RefusedError(1102)
        if self.slots is not None and self.running >= self.slots:
            raise RefusedError(1303)
        task = self._task(order, failure or order.problem)
        self._keep(task)
        return task

    def find(self, identity: str) -> Task:
        """Look a task up by its id or by its external id."""
        task = self.tasks.get(identity) or self._by_external_id.get(identity)
        if task is None:
            raise invalid(f"Task not found by id/external id: {identity}")
        return task

    def page(self, number: int, size: int) -> list[Task]:
        """List tasks, newest first, whatever has become of them."""
        end = max(0, len(self._order) - (number - 1) * size)
        return self._order[max(0, end - size) : end][::-1]

    def delete(self, element_id: str) -> None:
        """Delete an element; it stays listed."""
        task = self._by_element_id.get(element_id)
        if task is None or task.state(self.now()) != "succeed":
            raise invalid(f"Element not found for id: {element_id}")
        if element_id in self.deleted:
            raise invalid(f"Element already be deleted for id: {element_id}")
        self.deleted.add(element_id)

    def _task(self, order: Order, failure: str) -> Task:
        task_id, element_id = self._new_ids()
        return Task(task_id, element_id, order, self.now(), self._wall(), self._duration(), failure)

    def _keep(self, task: Task) -> None:
        self.tasks[task.task_id] = task
        self._order.append(task)
        self._by_element_id[task.element_id] = task
        if task.external_task_id:
            self._by_external_id[task.external_task_id] = task
        heappush(self._ends, task.ends)
        if task.order.callback_url:
            for moment in (task.starts, task.ends):
                heappush(self._changes, (moment, next(self._numbers), task))
        self.most_running = max(self.most_running, self.running)
