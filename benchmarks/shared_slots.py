"""Slots that many workers share, in virtual time: how full they are, how many creates are refused, what it costs.

The package's own ``LeasedSlots``, one a worker, and its own script, run by a Lua of the tests' on virtual time,
1 ms away. Creates take 0.1 s, tasks 16 to 24 s, and an end is seen up to 1 s late, as lists show it. Each worker
always has more to create than it may run, until its part is through; measured is from 60 s on until the first
worker has no more to begin. Where the limit is learned, the account has so many slots and refuses beyond; where it
is told, the account takes all, and the most that ran says whether it was kept. Needs lupa, of the extra ``test``.
"""

import asyncio
from random import Random

from attrs import define, field
from lupa import luajit21

from kling_elements_async.lifecycle import Lifecycle
from kling_elements_async.shared.leased_slots import LeasedSlots
from tests.shared.lua_books import LuaBooks, LuaSlots

from .table import Row, Table
from .virtual import VirtualClock
from .virtual import run as run_virtually

LEAST_FULL = 92
MOST_REFUSED = 2
SETTLED = 60.0
_CREATE = 0.1
_LATEST = 1.0


@define
class _Account:
    """A gateway's account: its slots, 0 for any number, and the spans in which tasks ran."""

    slots: int
    random: Random
    spans: list[tuple[float, float]] = field(factory=list)
    refusals: list[float] = field(factory=list)
    running: int = 0
    most: int = 0

    def create(self) -> float:
        """Return how long the new task runs, or 0 for a refusal."""
        loop = asyncio.get_running_loop()
        if self.slots and self.running >= self.slots:
            self.refusals.append(loop.time())
            return 0.0
        seconds = self.random.uniform(16, 24)
        self.running += 1
        self.most = max(self.most, self.running)
        self.spans.append((loop.time(), loop.time() + seconds))
        loop.call_later(seconds, self._end)
        return seconds

    def _end(self) -> None:
        self.running -= 1


@define(eq=False)
class _Worker:
    """So many elements, of which a few wait for a slot at any time."""

    account: _Account
    slots: LeasedSlots
    lifecycle: Lifecycle
    left: int
    random: Random
    depth: int
    through: float = 0.0

    async def work(self) -> None:
        await asyncio.gather(*(self._line() for _ in range(self.depth)))
        await self.slots.close()

    async def _line(self) -> None:
        while self.left:
            self.left -= 1
            await self._one()
        self.through = self.through or asyncio.get_running_loop().time()

    async def _one(self) -> None:
        is_first = False
        while True:
            await self.slots.queue(first=is_first)
            await asyncio.sleep(_CREATE)
            if seconds := self.account.create():
                break
            self.slots.refused()
            self.slots.gave_back()
            is_first = True
        task_id = str(len(self.account.spans))
        self.slots.started(task_id)
        await asyncio.sleep(seconds + self.random.uniform(0, _LATEST))
        self.slots.ended(task_id)


@define
class _Figures:
    full: float
    refused: float
    most: int
    visits: float
    seconds: float


async def _simulated(workers: int, limit: int, elements: int, *, is_told: bool) -> _Figures:
    random = Random(7)
    clock = VirtualClock(random)
    account = _Account(0 if is_told else limit, random)
    books = LuaBooks(clock, lua=luajit21)  # the same language as in Redis, and twice as fast
    books.keeps = False
    crew = []
    for number in range(workers):
        lifecycle = Lifecycle(clock)
        place = LuaSlots(books, str(number))
        slots = LeasedSlots(
            lifecycle,
            limit if is_told else None,
            lambda _: None,
            store=place.store("account"),
            lease=place.lease,
            close_gate=lambda _: None,
        )
        depth = max(12, 4 * limit // workers)
        crew.append(_Worker(account, slots, lifecycle, elements // workers, random, depth))
    await asyncio.gather(*(worker.work() for worker in crew))
    until = min(worker.through for worker in crew)
    taken = sum(max(0.0, min(end, until) - max(start, SETTLED)) for start, end in account.spans)
    refused = sum(SETTLED <= at < until for at in account.refusals)
    creates = refused + sum(SETTLED <= start < until for start, _ in account.spans)
    return _Figures(
        taken / limit / (until - SETTLED) * 100,
        refused / creates * 100,
        account.most,
        books.count / elements,
        asyncio.get_running_loop().time(),
    )


def _rows(workers: int, limit: int, elements: int, *, is_told: bool) -> tuple[Row, ...]:
    found = run_virtually(_simulated(workers, limit, elements, is_told=is_told))
    title = f"{workers} workers, {limit:,} slots, {'told' if is_told else 'learned'}, {elements:,} elements"
    return (
        Row(
            f"{title}: full",
            found.full,
            " %",
            least=LEAST_FULL,
        ),
        Row("  most at once", found.most, most=limit, digits=0),
        Row("  creates refused", found.refused, " %", most=MOST_REFUSED),
        Row("  visits an element", found.visits),
        Row("  virtual time", found.seconds, " s", digits=0),
    )


def run(*, quick: bool) -> Table:
    rows = (
        *_rows(3, 20, 1_500, is_told=True),
        *_rows(3, 20, 1_500, is_told=False),
        *_rows(200, 1_000, 20_000 if quick else 1_000_000, is_told=True),
    )
    return Table("shared_slots: workers that share the slots of an account, virtual time", rows)
