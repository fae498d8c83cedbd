"""Where a list begins to pay against single looks: requests and CPU for 2 to 32 waits at once.

Requests come from virtual time (see ``account``), with the list on from the first wait, and off. The CPU of one
look and of one list is that of a real session against the gateway in a process of its own: its lists show the open
tasks and, as an account with a history would, elements that ended long ago up to their last row.
"""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from random import Random
from statistics import median
from unittest.mock import patch

from attrs import frozen

from kling_elements_async import sweeping

from .account import Account, Pace, waited
from .contest import session_to
from .gateway import FIRST_TASK_ID, served
from .policies import drawn
from .table import Note, Row, Table

_WAITS = (2, 3, 4, 6, 8, 12, 16, 24, 32)
_HISTORY = 1000
_BLOCK = 20


@frozen
class _Costs:
    """CPU seconds of a look at one task, and of a list for so many."""

    look: float
    lists: dict[int, float]


def rows_for(waits: int) -> int:
    """Return how long a list is that is asked for so many open tasks."""
    return max(sweeping.LEAST_ROWS, waits + waits // 4)


async def _cpu(request: Callable[[], Awaitable[object]]) -> float:
    gc.collect()
    before = time.process_time()
    for _ in range(_BLOCK):
        await request()
    return (time.process_time() - before) / _BLOCK


async def _costs(url: str, rounds: int) -> _Costs:
    task_id = str(FIRST_TASK_ID + _HISTORY)
    async with session_to(url) as session:
        looks: list[float] = []
        lists: dict[int, list[float]] = {waits: [] for waits in _WAITS}
        for _ in range(rounds + 1):
            looks.append(await _cpu(lambda: session.get_element(task_id)))
            for waits, found in lists.items():
                size = rows_for(waits)
                found.append(await _cpu(lambda size=size: session.list_elements(page_size=size)))  # type: ignore[misc]
    return _Costs(median(looks[1:]), {waits: median(found[1:]) for waits, found in lists.items()})


def _pace(waits: int, *, has_list: bool, seeds: int) -> Pace:
    paces = []
    with patch.object(sweeping, "FROM", 1), patch.object(sweeping, "DOWN_TO", 1):
        for seed in range(seeds):
            random = Random(seed)
            paces.append(waited(Account(drawn(waits, random), has_list=has_list), random))
    return Pace.typical(paces)


def _rows(waits: int, costs: _Costs, seeds: int) -> tuple[Row, ...]:
    listed, single = (_pace(waits, has_list=has_list, seeds=seeds) for has_list in (True, False))
    per_list = costs.lists[waits] / costs.look
    # Some of the requests are single looks even with the list: they are taken for lists here, against it.
    cpu = listed.requests * per_list / single.requests
    return (
        Row(f"{waits} waits: requests, list / single", listed.requests / single.requests),
        Row(f"  {waits} waits: CPU of a list, in single looks", per_list, digits=1),
        Row(f"  {waits} waits: CPU, list / single, at most", cpu),
        Row(f"  {waits} waits: later by", listed.lateness - single.lateness, " s"),
    )


def run(*, quick: bool) -> Table:
    rounds, seeds = (5, 20) if quick else (20, 100)
    with served(ended=_HISTORY, running=32) as gateway:
        costs = asyncio.run(_costs(gateway.url, rounds))
    rows = [row for waits in _WAITS for row in _rows(waits, costs, seeds)]
    now = Note("sweeping.FROM, DOWN_TO", f"{sweeping.FROM}, {sweeping.DOWN_TO}")
    look = Row("CPU of a look at one task", costs.look * 1e6, " µs", digits=0)
    return Table("switch: where a list begins to pay", (now, look, *rows))
