"""The account's slots, in virtual time: full, not stormed, and fair."""

import asyncio
import sys
from random import Random

import pytest
from tables import mostly_slow

from kling_elements_async import (
    Created,
    ElementsSession,
    InsufficientBalanceError,
    NotCreated,
    NotSentError,
    TooManyTasksError,
)
from kling_elements_async import bulk as bulk_module
from kling_elements_async.sandbox.refusal import RefusedError
from kling_elements_async.testing import VirtualClock

from .hall import Hall, bulk, without_a_wire
from .materials import a_spec, named

SETTLED_AFTER = 60.0  # seconds: three times a task


@pytest.fixture(autouse=True)
def no_wire(monkeypatch):
    without_a_wire(monkeypatch)


def about_20(seed=0):
    random = Random(seed)
    return lambda: random.uniform(16.0, 24.0)


@pytest.fixture
async def hall(clock):
    return Hall(clock, 20, about_20(), host="one")


def figures_of(hall: Hall, begin: float, label: str, slots: int = 20) -> tuple[float, float]:
    since = begin + SETTLED_AFTER
    refused, creates = hall.refused(since)
    of_all, all_creates = hall.refused()
    share = refused / creates
    full = hall.fullness(since, hall.last_start(), slots)
    sys.stdout.write(
        f"\n{label}: refused with 1303 once settled {refused} of {creates} = {share:.2%} "
        f"(with the start {of_all} of {all_creates}), slots {full:.1%} full, "
        f"{hall.clock.now() - begin:.0f} s of virtual time, requests {hall.counts}\n"
    )
    return share, full


async def settled_job(clock: VirtualClock, hall: Hall, items: int, label: str) -> tuple[float, float]:
    begin = clock.now()
    async with ElementsSession(hall, clock=clock) as session:
        outcomes = await bulk(session, [a_spec(f"item-{number}") for number in range(items)])
    failed = [outcome.error for outcome in outcomes if isinstance(outcome, NotCreated)]
    figures = figures_of(hall, begin, label)
    assert len(outcomes) == items
    assert failed == [], f"{len(failed)} of {items} were not created, the first: {failed[0]}"
    assert hall.account.most_running <= 20
    return figures


async def test_an_account_of_20_slots(clock, hall):
    """Once settled, at most 2 % of the creates are refused, and the slots are 92 % full."""
    share, full = await settled_job(clock, hall, 150, "150 items")
    assert share <= 0.02
    assert full >= 0.92


@pytest.mark.slow
@pytest.mark.parametrize("open_at_most", [100, 1000])
async def test_2000_items_in_an_account_of_20_slots(clock, hall, capsys, monkeypatch, open_at_most):
    """The figure to reach, over the whole job: each item is made, whatever it waited for its slot."""
    monkeypatch.setattr(bulk_module, "MOST_OPEN", open_at_most)
    with capsys.disabled():
        share, full = await settled_job(clock, hall, 2000, f"2,000 items, {open_at_most} open")
    assert share <= 0.02
    assert full >= 0.92


@pytest.mark.slow
async def test_the_same_with_a_long_timeout(clock, hall, capsys):
    """The figures of the slots alone, with a timeout that nothing can run into."""
    begin = clock.now()
    with capsys.disabled():
        async with ElementsSession(hall, clock=clock) as session:
            outcomes = await bulk(session, [a_spec(f"item-{number}") for number in range(2000)], timeout=9000.0)
        share, full = figures_of(hall, begin, "2,000 items, timeout 9,000 s")
    assert {type(outcome) for outcome in outcomes} == {Created}
    assert share <= 0.02
    assert full >= 0.92


@pytest.mark.parametrize("allowed", mostly_slow([1, 5, 12], 5))
async def test_max_running_tasks_is_never_exceeded(clock, hall, allowed):
    """The account allows more, the caller does not."""
    async with ElementsSession(hall, clock=clock, max_running_tasks=allowed) as session:
        outcomes = await bulk(session, named(60 if allowed > 1 else 12))
    assert {type(outcome) for outcome in outcomes} == {Created}
    assert hall.account.most_running == allowed
    assert hall.refused()[0] == 0


@pytest.mark.parametrize("of", ["single creates", "a bulk job that is left"])
async def test_no_task_is_watched_for_a_queue_that_is_gone(clock, of):
    """Soon after the last create has left the queue, nobody asks for the tasks that run on."""
    hall = Hall(clock, 5, lambda: 50_000.0, host="one")
    async with ElementsSession(hall, clock=clock, max_running_tasks=5) as session:
        if of == "single creates":
            creates = [session.create_element(spec, timeout=20) for spec in named(8)]
            made = await asyncio.gather(*creates, return_exceptions=True)
            assert [type(each) for each in made[5:]] == [NotSentError] * 3
        else:
            async with session.create_many(named(8)):
                await clock.sleep(20)
        await clock.sleep(60)
        asked = dict(hall.counts)
        await clock.sleep(3600)
        assert hall.counts == asked


async def test_a_slot_that_frees_after_the_queue_was_gone(clock):
    """The next create that queues finds it, although nobody has watched for a while."""
    hall = Hall(clock, 1, lambda: 300.0, host="one")
    async with ElementsSession(hall, clock=clock, max_running_tasks=1) as session:
        await session.create_element(a_spec("one"))
        with pytest.raises(NotSentError):
            await session.create_element(a_spec("two"), timeout=20)
        await clock.sleep(600)
        began = clock.elapsed
        await session.create_element(a_spec("three"), timeout=20)
        assert clock.elapsed - began < 5


@pytest.mark.parametrize("before", mostly_slow([0, 300], 0))
async def test_single_creates_of_an_account_that_refuses_all(clock, monkeypatch, before):
    """Of hundreds at once only those on their way meet it; each says of its own element what the account was told."""
    hall = Hall(clock, None, lambda: 1.0, host="one")
    async with ElementsSession(hall, clock=clock, max_connections=20) as session:
        await bulk(session, named(before))
        monkeypatch.setattr(hall.account, "create", lambda *_: (_ for _ in ()).throw(RefusedError(1102)))
        found = await asyncio.gather(*map(session.create_element, named(400)), return_exceptions=True)
        assert {(type(error), error.code) for error in found} == {(InsufficientBalanceError, 1102)}
        assert all(f"'item-{number}'" in str(error) for number, error in enumerate(found))
        assert len(hall.creates) - before <= 20
        monkeypatch.undo()
        without_a_wire(monkeypatch)
        await session.create_and_wait(a_spec("after the money came"))


async def test_max_running_tasks_holds_for_single_creates_as_well(clock, hall):
    """Slots belong to the session: bulk jobs and single creates share them."""
    async with ElementsSession(hall, clock=clock, max_running_tasks=4) as session:
        await asyncio.gather(
            bulk(session, named(10)),
            bulk(session, named(10, start=10)),
            *(session.create_and_wait(spec) for spec in named(5, start=20)),
        )
    assert hall.account.most_running == 4


@pytest.mark.slow
async def test_max_running_tasks_above_what_the_account_allows(clock, hall):
    """The account's refusals are waited out: every item is made all the same."""
    async with ElementsSession(hall, clock=clock, max_running_tasks=25) as session:
        outcomes = await bulk(session, named(80))
    assert [outcome.error for outcome in outcomes if isinstance(outcome, NotCreated)] == []


async def test_creates_queue_first_come_first_served(clock, hall):
    """Under a fixed limit they start in the order in which they came."""
    async with ElementsSession(hall, clock=clock, max_running_tasks=3) as session:
        await bulk(session, named(40))
    started = [int(name.removeprefix("item-")) for _, name, status in hall.creates if status == 200]
    assert started == sorted(started)


async def test_no_create_is_passed_by_for_long(clock, hall):
    """Where the limit is found out by refusals, a refused create goes before those that came after it."""
    async with ElementsSession(hall, clock=clock) as session:
        await bulk(session, named(150))
    started = [int(name.removeprefix("item-")) for _, name, status in hall.creates if status == 200]
    passed_by = {index: sum(each > index for each in started[: started.index(index)]) for index in started}
    assert max(passed_by.values()) <= 100, "more than those that were in flight at the first refusal"


async def test_two_gateways_do_not_disturb_each_other(clock):
    """One is full, the other is not: it goes at its own speed."""
    full, free = Hall(clock, 2, about_20(), host="full"), Hall(clock, None, about_20(1), host="free")
    begin = clock.now()
    async with ElementsSession(full, clock=clock) as one, ElementsSession(free, clock=clock) as other:
        slow = asyncio.ensure_future(bulk(one, named(12)))
        assert len(await bulk(other, named(100))) == 100
        assert clock.now() - begin < 40
        assert {type(outcome) for outcome in await slow} == {Created}
    assert free.refused()[0] == 0
    assert free.account.most_running == 100
    assert full.account.most_running == 2


@pytest.mark.parametrize("foreign", mostly_slow([1, 10, 20], 20))
async def test_foreign_tasks_in_the_same_account(clock, hall, foreign):
    """Others take slots for a while: no storm of refusals meanwhile, and their slots are used when they go."""
    hall.occupy(foreign, 100.0)
    begin = clock.now()
    async with ElementsSession(hall, clock=clock) as session:
        outcomes = await bulk(session, named(200), timeout=6000.0)
    refused, creates = hall.refused(begin + 10, begin + 100)
    last = hall.last_start()
    later = hall.fullness(min(begin + 160, last - 40), last, 20)
    sys.stdout.write(
        f"\n{foreign} foreign tasks for 100 s: {refused} of {creates} creates refused from 10 s to 100 s, "
        f"slots {later:.0%} full from a minute after, the last of 200 started at {last - begin:.0f} s\n"
    )
    assert {type(outcome) for outcome in outcomes} == {Created}
    assert refused <= 90, "more than one refusal a second is a storm"
    assert later >= 0.5


async def test_the_start_is_no_storm(clock, hall):
    """After the first refusal, what has not left for the gateway yet is held back."""
    async with ElementsSession(hall, clock=clock, max_connections=40) as session:
        await bulk(session, named(120))
    refused, _ = hall.refused()
    sys.stdout.write(f"\n120 items at 40 connections: {refused} refused in all\n")
    assert refused <= 40 + 6


async def test_a_429_holds_back_what_waits_for_a_connection(clock):
    """The gate closes for all: what has not left by then stays until Retry-After is over, and is then made."""
    hall = Hall(clock, None, about_20(), host="limited")
    begin, hall.limited_until = clock.now(), clock.now() + 10.0
    async with ElementsSession(hall, clock=clock, max_connections=10) as session:
        outcomes = await bulk(session, named(150))
    early = [at for at, _, _ in hall.creates if at < begin + 9.9]
    assert {type(outcome) for outcome in outcomes} == {Created}
    assert len(early) <= 10, "more than were in flight at the first 429"


async def test_cancelled_creates_in_the_queue(clock, hall):
    """Their places go to those behind them, and no slot is lost."""
    async with ElementsSession(hall, clock=clock, max_running_tasks=2) as session:
        singles = [asyncio.ensure_future(session.create_and_wait(spec)) for spec in named(12)]
        await clock.sleep(5)
        for single in singles[3:9]:
            single.cancel()
        done = await asyncio.gather(*singles, return_exceptions=True)
        assert [isinstance(each, asyncio.CancelledError) for each in done] == [False] * 3 + [True] * 6 + [
            False
        ] * 3
        assert hall.account.creates == 6
        begin = clock.now()
        await bulk(session, named(4, start=20))
        assert clock.now() - begin < 2 * 24 + 8
    assert hall.account.most_running == 2


async def test_a_job_left_with_creates_in_the_queue(clock, hall):
    """The slots of what runs on at the gateway stay taken; a new job gets them one by one."""
    async with ElementsSession(hall, clock=clock, max_running_tasks=3) as session:
        async with session.create_many(named(50)) as outcomes:
            await anext(outcomes)
        sent = hall.account.creates
        assert sent <= 6
        outcomes = await bulk(session, named(5, start=50))
        assert {type(outcome) for outcome in outcomes} == {Created}
        assert hall.account.creates == sent + 5
    assert hall.account.most_running == 3


async def test_a_single_create_in_a_full_account(clock, hall):
    """It is not sent within its timeout, and says so; nothing of it exists."""
    hall.occupy(20, 500.0)
    async with ElementsSession(hall, clock=clock) as session:
        with pytest.raises((NotSentError, TooManyTasksError)):
            await session.create_element(a_spec(), timeout=60.0)
    assert hall.account.creates == 0
