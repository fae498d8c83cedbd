"""A worker that is killed, in virtual time: its tasks run on at the gateway when its slots are others' already."""

import asyncio
import sys
from random import Random

import pytest
from bulk.hall import Hall, bulk, without_a_wire
from bulk.materials import named

from kling_elements_async import Created, ElementsSession

from .lua_books import LuaBooks, LuaSlots

LEASE, LIMIT, LONGEST = 15.0, 12, 60.0


@pytest.fixture(autouse=True)
def no_wire(monkeypatch):
    without_a_wire(monkeypatch)


@pytest.fixture
async def crew(clock):
    """`crew(account's slots, limit told)`: the gateway, and how three workers do whose first is killed at 100 s."""
    sessions = []

    async def killed_at_100(slots, told):
        random = Random(1)
        hall = Hall(clock, slots, lambda: random.uniform(LONGEST / 2, LONGEST), host="one")
        books = LuaBooks(clock)
        sessions.extend(
            ElementsSession(hall, clock=clock, slots=LuaSlots(books, worker, LEASE), max_running_tasks=told)
            for worker in "abc"
        )
        jobs = [
            asyncio.ensure_future(bulk(session, named(40, start=100 * number), timeout=200))
            for number, session in enumerate(sessions)
        ]
        await clock.sleep(100)
        sessions[0]._slots._visitor.cancel()  # nothing is told any more, and nothing given back
        jobs[0].cancel()
        return hall, [outcome for job in jobs[1:] for outcome in await job]

    yield killed_at_100
    for session in sessions:
        await session.close()


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(LIMIT, id="the limit is told", marks=pytest.mark.slow),
        pytest.param(None, id="the limit is found out"),
    ],
)
async def test_tasks_that_outlive_their_worker(clock, crew, told):
    """The account refuses what comes in their place (1303); the others ask again, fail nothing, and fill up."""
    killed = clock.now() + 100
    hall, outcomes = await crew(LIMIT, told)
    refused, _ = hall.refused(killed, killed + LEASE + LONGEST)
    full = hall.fullness(killed + LEASE + LONGEST, hall.last_start(), LIMIT)
    sys.stdout.write(f"\n{refused} creates were refused, and the slots are {full:.1%} full afterwards\n")
    assert {type(outcome) for outcome in outcomes} == {Created}
    assert len(outcomes) == len({outcome.element.element_id for outcome in outcomes}) == 80
    assert hall.account.most_running == LIMIT
    assert 0 < refused <= 3 * LIMIT
    assert full >= 0.92


async def test_an_account_that_refuses_nothing(clock, crew):
    """The limit that is told is exceeded by no more than the dead worker had, and no longer than its tasks run."""
    killed = clock.now() + 100
    hall, outcomes = await crew(None, LIMIT)
    tasks = hall.account.tasks.values()

    def running(at):
        return sum(task.born <= at < task.ends for task in tasks)

    over = {task.born - killed: running(task.born) for task in tasks if running(task.born) > LIMIT}
    assert {type(outcome) for outcome in outcomes} == {Created}
    assert 0 < max(over.values()) - LIMIT <= LIMIT / 3
    assert all(LEASE * 2 / 3 <= at < LONGEST for at in over)
