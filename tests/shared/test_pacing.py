"""Requests a second, on virtual time: as many as allowed, creates before looks, and a counter that is lost."""

import asyncio
import logging
from bisect import bisect_left
from pathlib import Path

import pytest
from bulk.hall import Hall, bulk, without_a_wire
from bulk.materials import a_spec, named
from tables import mostly_slow

from kling_elements_async import ConfigurationError, Created, ElementsSession, NotSentError, events
from kling_elements_async.shared import Rate, RedisSlots
from kling_elements_async.shared.memory_tickets import MemoryTickets
from kling_elements_async.shared.sqlite_tickets import SqliteTickets
from kling_elements_async.shared.visit import StoreLostError


@pytest.fixture(autouse=True)
def no_wire(monkeypatch):
    without_a_wire(monkeypatch)


@pytest.fixture
async def hall(clock):
    return Hall(clock, None, lambda: 5.0, host="one", latency=0.05)


@pytest.fixture
async def opened(clock, hall):
    sessions = []

    def session(max_rate, **options):
        sessions.append(ElementsSession(hall, clock=clock, max_rate=max_rate, **options))
        return sessions[-1]

    yield session
    for each in sessions:
        await each.close()


@pytest.fixture
async def seen(hall, monkeypatch):
    """When each request came."""
    times, answer = [], hall.answer

    async def noted(call, upload):
        times.append((hall.clock.now(), call.request.method))
        return await answer(call, upload)

    monkeypatch.setattr(hall, "answer", noted)
    return times


@pytest.mark.parametrize(
    ("rate", "seconds"), mostly_slow([(300, 4), (20, 12), (2.5, 12), (300, 12)], (20, 12), (2.5, 12))
)
async def test_a_rate(clock, opened, seen, rate, seconds):
    """As many a second as it allows, at most a fifteenth more in any, from the first second on."""
    session = opened(rate)
    count = int(rate * seconds)
    begin = clock.now()
    await asyncio.gather(*(session.list_elements() for _ in range(count)))
    times = sorted(at - begin for at, _ in seen)
    worst = max(bisect_left(times, at + 1) - bisect_left(times, at) for at in times)
    assert 0.99 <= (count - 1) / max(times) / rate <= 1.01 + 1 / 150
    assert worst <= max(1, rate * (1 + 1 / 15)) + 1


async def test_creates_go_before_looks(clock, opened, seen):
    """While many wait for their tasks, a create is next."""
    session = opened(10, max_connections=20)
    waits = [asyncio.ensure_future(session.wait_for_element(str(n), timeout=60)) for n in range(100)]
    await clock.sleep(2)
    begin = clock.now()
    await session.create_element(a_spec())
    took = clock.now() - begin
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    assert took < 1.0


async def test_a_call_that_finds_no_turn(clock, opened, seen):
    """What is not sent by its deadline never is, and says why."""
    session = opened(1)
    calls = [asyncio.ensure_future(session.create_element(a_spec(), timeout=3.0)) for _ in range(8)]
    done = await asyncio.gather(*calls, return_exceptions=True)
    failed = [each for each in done if isinstance(each, Exception)]
    assert {type(each) for each in failed} == {NotSentError}
    assert "max_rate" in str(failed[0])
    assert len(seen) == 8 - len(failed)


async def test_what_waits_for_a_turn_is_not_on_its_way(clock, opened):
    """Virtual time, which stands still while a request is on its way, goes on."""
    session = opened(1)
    calls = [asyncio.ensure_future(session.list_elements()) for _ in range(3)]
    await clock.sleep(0.5)
    assert session._transport.in_flight == 0
    await asyncio.gather(*calls)


async def test_a_wait_for_a_turn_is_not_a_requests_own_time(opened, seen):
    """Fifty lists at two a second: the last waits for 25 s, and has all its 20 s then."""
    await asyncio.gather(*(opened(2).list_elements() for _ in range(50)))
    assert len(seen) == 50


async def test_a_job(clock, opened, seen):
    """All requests of a session count: creates, lists and looks."""
    begin = clock.now()
    outcomes = await bulk(opened(10), named(40))
    assert {type(outcome) for outcome in outcomes} == {Created}
    assert len(seen) <= 10 * (clock.now() - begin) + 2


class Counter:
    """A shared counter that can be lost."""

    most, slack = 5, 0.0

    def __init__(self, clock):
        self.inner = MemoryTickets(100.0, clock)
        self.is_lost = False

    async def take(self, count):
        if self.is_lost:
            raise StoreLostError("the test's own")
        return await self.inner.take(count)

    async def close(self):
        pass


async def test_a_counter_that_is_lost(clock, opened, seen, caplog):
    """The session goes on with the rate that it had; it says so once, and comes back by itself."""
    told = []
    session = opened(100, on_event=told.append)
    counter = session._pacing._shared = Counter(clock)

    async def look_for(seconds):
        until, before = clock.now() + seconds, len(seen)
        while clock.now() < until:
            await session.list_elements()
        return (len(seen) - before) / seconds

    alone = await look_for(10)
    counter.is_lost = True
    with caplog.at_level(logging.INFO, "kling_elements_async"):
        lost = await asyncio.gather(*(look_for(10) for _ in range(9)))
        counter.is_lost = False
        await look_for(3)
    assert 0.9 * alone <= lost[0] <= 1.15 * alone
    (event,) = [each for each in told if isinstance(each, events.SharedLost)]
    assert event.what == "rate"
    assert [line.partition(" (")[0] for line in caplog.messages] == [
        "the shared rate is out of reach",
        "the shared rate is back",
    ]


async def test_a_counter_at_fault(opened, hall):
    """Whatever it raises, no call sleeps on."""

    class Broken:
        most, slack = 5, 0.0

        async def take(self, count):
            raise KeyError("a reason of its own")

        async def close(self):
            pass

    told = []
    session = opened(100, on_event=told.append)
    session._pacing._shared = Broken()
    await asyncio.gather(*(session.list_elements() for _ in range(3)))
    assert [event.reason for event in told if isinstance(event, events.SharedLost)] == ["KeyError"]


async def test_a_file(tmp_path):
    """Two counters of one account share it, and those of another have their own."""
    path = tmp_path / "rate.sqlite"
    once_in_20_s = 0.05  # by the machine's clock, on however slow a machine
    one, same, other = (SqliteTickets(once_in_20_s, path, name) for name in ("one", "one", "other"))
    assert await one.take(1) == 0
    assert 0 < await same.take(1) <= 20
    assert await other.take(1) == 0
    for each in (one, same, other):
        await each.close()


async def test_a_file_that_cannot_be_opened(tmp_path):
    """It counts as lost."""
    with pytest.raises(StoreLostError):
        await SqliteTickets(15.0, tmp_path / "no" / "such.sqlite", "one").take(1)


@pytest.mark.parametrize("rate", [0, -1, 1e-5, float("nan"), float("inf"), True, "300", 10**9])
def test_no_rate(hall, rate):
    with pytest.raises(ConfigurationError, match="requests a second"):
        ElementsSession(hall, max_rate=rate)


@pytest.mark.parametrize("where", ["localhost:6379", "http://localhost", 7, "rate.sqlite"])
def test_no_place(where):
    """The error does not repeat it: it may hold a password."""
    with pytest.raises(ConfigurationError, match="redis://") as info:
        Rate(300, where)
    assert str(where) not in str(info.value).replace("redis://localhost:6379", "").replace("redis://host:6379", "")
    with pytest.raises(ConfigurationError):
        RedisSlots(where)


def test_nothing_shows_a_password():
    """Neither value shows its URL."""
    url = "redis://user:no-real-password@localhost:6379/0"
    assert "no-real" not in f"{RedisSlots(url)!r}{Rate(300, url)!r}{Rate(300, Path('a'))!r}"
