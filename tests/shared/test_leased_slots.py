"""Sessions that share their slots, in virtual time: paused, without their books, refused, and closed."""

import asyncio
import logging

import pytest
from bulk.hall import Hall, bulk, without_a_wire
from bulk.materials import a_spec, named

from kling_elements_async import (
    AuthenticationError,
    Created,
    ElementsSession,
    InsufficientBalanceError,
    NotSentError,
    PermissionDeniedError,
    events,
)
from kling_elements_async.sandbox.refusal import RefusedError
from kling_elements_async.shared import denial

from .lua_books import LuaBooks, LuaSlots, LuaStore

LEASE = 15.0


@pytest.fixture(autouse=True)
def no_wire(monkeypatch):
    without_a_wire(monkeypatch)


@pytest.fixture
async def lua(clock):
    return LuaBooks(clock)


@pytest.fixture
async def hall(clock):
    return Hall(clock, None, lambda: 5.0, host="one")


@pytest.fixture
async def told():
    return []


@pytest.fixture
async def opened(clock, lua, hall, told):
    """`opened("a", limit)`: the session of one worker, closed at the end."""
    sessions = []

    def session(worker, limit=6, **options):
        options = {"slots": LuaSlots(lua, worker, LEASE), "on_event": told.append} | options
        sessions.append(ElementsSession(hall, clock=clock, max_running_tasks=limit, **options))
        return sessions[-1]

    yield session
    for each in sessions:
        await each.close()


def lost(told):
    return [event for event in told if isinstance(event, events.SharedLost)]


async def two_jobs(opened, items=40):
    """Two workers, each with a job under way."""
    return [
        asyncio.ensure_future(bulk(opened(worker), named(items, start=items * number), timeout=9000))
        for number, worker in enumerate("ab")
    ]


async def test_a_worker_that_only_creates(clock, opened, hall):
    """The ends of its tasks are seen while another waits, though it does not wait for them."""
    one, other = opened("a"), opened("b")
    for spec in named(6):
        await one.create_element(spec)
    await clock.sleep(60)
    assert hall.counts == {"create": 6}, "nobody waited, and nothing was looked at"
    await other.create_element(a_spec("late"), timeout=30)


async def test_a_pause_beyond_the_lease(clock, opened, hall, lua, monkeypatch):
    """Others have its slots by then: it sends nothing on the word of old, and enters what still runs first."""
    standing = asyncio.Event()
    standing.set()
    visit = LuaStore.visit

    async def paused(store, told):
        answer = await visit(store, told)
        if store.worker == "a":
            await standing.wait()
        return answer

    monkeypatch.setattr(LuaStore, "visit", paused)
    one, other = opened("a"), opened("b")
    for spec in named(3):
        await one.create_element(spec)
    standing.clear()
    waiting = asyncio.ensure_future(one.create_element(a_spec("old word"), timeout=600))
    await clock.sleep(LEASE + 1)
    sent = len(hall.creates)
    job = asyncio.ensure_future(bulk(other, named(60, start=10), timeout=9000))
    await clock.sleep(2)
    assert hall.account.running == 6
    lua.visits.clear()
    standing.set()
    await waiting
    entered = [told for worker, told, _ in lua.visits if worker == "a"]
    assert entered[0].unsure == 3 or entered[0].held == 0
    assert sent == 3
    await job
    assert hall.account.most_running == 6


async def test_books_that_are_lost(clock, opened, hall, lua, told, caplog):
    """The work goes on, the limit holds, one warning and one event a worker say so; then they are asked again."""
    jobs = await two_jobs(opened)
    await clock.sleep(7)
    with caplog.at_level(logging.INFO, "kling_elements_async"):
        lua.is_lost = True
        await clock.sleep(60)
        lost_until = clock.now()
        lua.is_lost = False
        lua.empty()
        done = [outcome for job in jobs for outcome in await job]
    assert {type(outcome) for outcome in done} == {Created}
    assert hall.account.most_running == 6
    assert [(event.what, event.most) for event in lost(told)] == [("slots", 3)] * 2
    assert sum("out of reach" in line for line in caplog.messages) == 2
    assert sum("are back" in line for line in caplog.messages) == 2
    assert hall.fullness(lost_until - 40, lost_until, 6) > 0.85


async def test_books_that_come_back_empty_for_one(clock, opened, hall, lua):
    """They do not know the other yet: each keeps to its part until all have had the time to come back."""
    jobs = await two_jobs(opened)
    await clock.sleep(7)
    lua.is_lost = True
    await clock.sleep(20)
    lua.empty()
    lua.is_lost, lua.lost_for = False, {"b"}
    await clock.sleep(LEASE / 2 - 1)
    lua.lost_for = set()
    for job in jobs:
        await job
    assert hall.account.most_running == 6


async def test_books_that_were_never_there(clock, opened, hall, lua, told):
    """Nobody knows who else there is: one task at a time, and it says so."""
    lua.is_lost = True
    await bulk(opened("a", 20), named(4), timeout=900)
    assert hall.account.most_running == 1
    assert [event.most for event in lost(told)] == [1]


async def test_a_store_at_fault(clock, opened, hall, monkeypatch, told):
    """Whatever it raises, no create sleeps on."""

    async def broken(store, told):
        raise KeyError("granted")

    monkeypatch.setattr(LuaStore, "visit", broken)
    await opened("a").create_element(a_spec())
    assert [event.reason for event in lost(told)] == ["KeyError"]


async def test_a_gate_that_another_worker_closed(clock, opened, hall, told):
    """A 429 for one holds back the others, for as long."""
    one, other = opened("a", None), opened("b", None)
    await one.create_element(a_spec("first"))
    await other.create_element(a_spec("second"))
    begin, hall.limited_until = clock.now(), clock.now() + 10.0
    creating = asyncio.ensure_future(one.create_element(a_spec("third")))
    await clock.sleep(1)
    sent = len(hall.creates)
    await other.create_element(a_spec("fourth"))
    await creating
    times = [at for at, name, _ in hall.creates if name == "fourth"]
    assert sent == 3
    assert len(times) == 1, "it was not sent to be refused"
    assert times[0] >= begin + 10
    assert any(isinstance(event, events.GateClosed) for event in told)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(1000, AuthenticationError), (1102, InsufficientBalanceError), (1304, PermissionDeniedError)],
)
async def test_an_error_of_the_account(clock, opened, hall, monkeypatch, code, kind):
    """The others fail at once, unsent, with its class and whose it was; a success of the first clears it."""
    one, other = opened("a"), opened("b")
    create = hall.account.create

    def refuse(*_):
        raise RefusedError(code)

    monkeypatch.setattr(hall.account, "create", refuse)
    with pytest.raises(kind):
        await one.create_element(a_spec())
    await clock.sleep(0.1)
    sent = len(hall.creates)
    with pytest.raises(kind, match="another worker of this account") as info:
        await other.create_element(a_spec())
    assert len(hall.creates) == sent
    assert info.value.code == code
    monkeypatch.setattr(hall.account, "create", create)
    await one.create_element(a_spec())
    await clock.sleep(0.1)
    await other.create_element(a_spec("now it goes"))


async def test_an_error_of_the_account_stops_a_job(clock, opened, hall, lua, monkeypatch):
    """As its own would: the job says from where on nothing was sent."""
    monkeypatch.setattr(hall.account, "create", lambda *_: (_ for _ in ()).throw(RefusedError(1102)))
    with pytest.raises(InsufficientBalanceError):
        await opened("a").create_element(a_spec())
    await clock.sleep(0.1)
    with pytest.raises(InsufficientBalanceError) as info:
        await bulk(opened("b"), named(30))
    assert info.value.unsent_from == 0
    assert len(hall.creates) == 1


@pytest.mark.parametrize(("code", "status"), [(1103, 403), (1201, 400), (1303, 429)])
def test_an_error_that_is_not_the_accounts(code, status):
    """Another create may do better."""
    error = PermissionDeniedError("ezmodel", "create", "no", status=status, code=code)
    assert denial.written(error) == ""


def test_an_error_of_a_later_version():
    """It holds the create back as one of the account, whatever its name."""
    text = denial.written(AuthenticationError("ezmodel", "create", "no", status=401, code=1000))
    error = denial.read(text.replace("AuthenticationError", "AWordOfTomorrow"))
    assert isinstance(error, PermissionDeniedError)
    assert (error.status, error.code) == (401, 1000)


async def test_a_create_that_finds_no_slot(clock, opened, hall):
    """It is not sent within its timeout, and says so."""
    one, other = opened("a", 1), opened("b", 1)
    hall.account._duration = lambda: 500.0
    await one.create_element(a_spec())
    with pytest.raises(NotSentError):
        await other.create_element(a_spec("late"), timeout=20.0)
    assert len(hall.creates) == 1


async def test_cancelled_creates(clock, opened, hall):
    """Their places and slots go to others."""
    one, other = opened("a", 2), opened("b", 2)
    singles = [asyncio.ensure_future(one.create_and_wait(spec)) for spec in named(8)]
    await clock.sleep(1)
    for single in singles[2:]:
        single.cancel()
    await asyncio.gather(*singles, return_exceptions=True)
    begin = clock.now()
    assert len(await bulk(other, named(4, start=20))) == 4
    assert clock.now() - begin < 2 * 5 + 5
    assert hall.account.most_running == 2


async def test_creates_that_are_cancelled_while_slots_are_asked_for(clock, opened, hall, lua):
    """What was granted to them is given back at once, not with the next renewal."""
    lua.latency = 1.0
    one, other = opened("a", 2), opened("b", 2)
    asking = [asyncio.ensure_future(one.create_element(spec)) for spec in named(2)]
    await clock.sleep(0.5)
    for each in asking:
        each.cancel()
    await asyncio.wait(asking)
    await clock.sleep(0.6)  # the grant is on its way to nobody
    begin = clock.now()
    await other.create_element(a_spec("late"))
    assert clock.now() - begin < 3


async def test_a_worker_that_leaves(clock, opened, hall):
    """What it leaves running keeps its slots until its lease ends; the rest is free at once."""
    hall.account._duration = lambda: 12.0
    one = opened("a", 3)
    await one.create_element(a_spec())
    await one.close()
    other = opened("b", 3)
    begin = clock.now()
    job = asyncio.ensure_future(bulk(other, named(6), timeout=900))
    await clock.sleep(5)
    assert hall.account.running == 3
    await job
    assert hall.account.most_running == 3
    assert clock.now() - begin < 60


async def test_a_worker_that_leaves_creates_in_its_queue(clock, opened, hall, lua):
    """What runs keeps its slots, though nobody watches it any more; and who leaves with nothing is forgotten."""
    one, other = opened("a", 3), opened("b", 3)
    job = asyncio.ensure_future(bulk(one, named(9)))
    await clock.sleep(2)
    await one.close()
    await asyncio.gather(job, return_exceptions=True)
    (held,) = (text.split()[1] for name, text in lua.fields(next(iter(lua.keys))).items() if name == "w:a")
    assert held == "3"
    assert len(await bulk(other, named(3, start=20), timeout=900)) == 3
    assert hall.account.most_running == 3
    await clock.sleep(1)
    await other.close()
    assert not [name for name in lua.fields(next(iter(lua.keys))) if name == "w:b"]


async def test_what_is_told_of_waiting(clock, opened, told):
    """A create that has to wait is told as with slots of its own."""
    await bulk(opened("a", 2), named(6))
    assert [event.running for event in told if isinstance(event, events.Queued)] != []
