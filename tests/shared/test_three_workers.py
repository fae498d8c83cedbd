"""Three workers at one account, in virtual time: the slots are kept, and full."""

import asyncio
import sys
from random import Random

import pytest
from bulk.hall import Hall, bulk, without_a_wire
from bulk.materials import named
from tables import mostly_slow

from kling_elements_async import Created, ElementsSession

from .lua_books import LuaBooks, LuaSlots


@pytest.fixture(autouse=True)
def no_wire(monkeypatch):
    without_a_wire(monkeypatch)


@pytest.fixture
def about_20():
    random = Random(0)
    return lambda: random.uniform(16.0, 24.0)


@pytest.mark.parametrize(
    ("fixed", "each"),
    mostly_slow([(20, 100), (None, 60), (None, 75), (None, 100)], (None, 60)),
)
async def test_the_slots_of_three_workers(clock, about_20, fixed, each):
    """A limit of 20 is kept, without a refusal where it is told; the slots are 92 % full; few visits an element."""
    hall = Hall(clock, None if fixed else 20, about_20, host="one")
    books = LuaBooks(clock)
    begin = clock.now()
    sessions = [
        ElementsSession(hall, clock=clock, slots=LuaSlots(books, f"w{n}"), max_running_tasks=fixed)
        for n in range(3)
    ]
    done = await asyncio.gather(
        *(bulk(s, named(each, start=each * n), timeout=3000) for n, s in enumerate(sessions))
    )
    for s in sessions:
        await s.close()
    refused, creates = hall.refused(begin + 60)
    full = hall.fullness(begin + 60, hall.last_start(), 20)
    sys.stdout.write(
        f"\nthree workers, 20 slots: {hall.account.most_running} at most, {refused} of {creates} refused once settled, "
        f"{full:.1%} full, {len(books.visits) / (3 * each):.1f} visits an element, {hall.counts}\n"
    )
    assert {type(outcome) for outcomes in done for outcome in outcomes} == {Created}
    assert hall.account.most_running == 20
    assert len(books.visits) / (3 * each) <= (1.8 if fixed else 3.0)
    assert refused <= (0 if fixed else 0.04 * creates)
    assert full >= 0.92
