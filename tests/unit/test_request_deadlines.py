"""The time that each request in flight has: who is cancelled, when, and by whom; on the loop's own clock."""

import asyncio
import contextlib

import pytest

from kling_elements_async.deadlines import Deadlines

USUAL = 3.0


class Hand:
    """The loop's clock, which somebody moves."""

    now = 1000.0

    async def go_on(self, seconds=0.0):
        self.now += seconds
        for _ in range(6):  # what is due now comes to its end
            await asyncio.sleep(0)


@pytest.fixture
async def time(monkeypatch):
    time = Hand()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time.now)
    return time


@pytest.fixture
async def deadlines(time):
    deadlines = Deadlines(USUAL)
    yield deadlines
    deadlines.end_all()
    assert (deadlines._in_flight, deadlines._timer) == ({}, None)


async def request(deadlines, seconds=USUAL, takes=100.0):
    """A request that takes so long; returns the seconds after which it was over, or what it came to."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        with deadlines.start(loop, seconds):
            await asyncio.sleep(takes)
    except TimeoutError:
        return loop.time() - start
    return "answered"


async def begun(coroutine):
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0)
    return task


def timers():
    """The timers of requests that wait on the running loop; the test's own limit is none of them."""
    scheduled = [timer for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()]
    return [timer for timer in scheduled if timer._callback.__module__ == Deadlines.__module__]


async def test_an_answer_in_time(deadlines, time):
    """Nothing happens to the task that asked, then or when the time would be over."""
    assert await request(deadlines, takes=0) == "answered"
    await time.go_on(2 * USUAL)
    assert asyncio.current_task().cancelling() == 0


@pytest.mark.parametrize("seconds", [USUAL, 1.0, 5.0])
async def test_no_answer_in_time(deadlines, time, seconds):
    """TimeoutError after the request's own time, usual or not, and the task is no longer being cancelled."""

    async def asked():
        return await request(deadlines, seconds), asyncio.current_task().cancelling()

    task = await begun(asked())
    await time.go_on(seconds - 0.25)
    assert not task.done()
    await time.go_on(0.25)
    assert task.result() == (seconds, 0)


async def test_no_time_at_all(deadlines, time):
    """A request whose time was over before it began ends at its first suspension."""
    usual, none = await begun(request(deadlines, 20.0)), await begun(request(deadlines, 0.0))
    await time.go_on()
    assert none.result() == 0.0
    assert not usual.done()
    usual.cancel()
    await asyncio.wait([usual])


async def test_several_times_at_once(deadlines, time):
    """Usual and own deadlines end each at its own time, whatever the order in which they began."""
    wanted, ended = [USUAL, 30.0, USUAL, 1.0, 15.0], []

    async def noted(index):
        took = await request(deadlines, wanted[index])
        ended.append(index)
        return took

    tasks = [await begun(noted(index)) for index in range(5)]
    for _ in range(120):
        await time.go_on(0.25)
    assert [task.result() for task in tasks] == wanted
    assert ended == [3, 0, 2, 4, 1]


async def test_usual_ones_one_after_the_other(deadlines, time):
    """Each of them has the whole of its time, although one timer serves all."""
    tasks = []
    for _ in range(6):
        tasks.append(await begun(request(deadlines)))
        await time.go_on(0.5)
    for _ in range(12):
        await time.go_on(0.25)
    assert [task.result() for task in tasks] == [USUAL] * 6


async def test_one_timer_for_many(deadlines, time):
    """A thousand requests with the usual time need one timer of the loop, also after most were answered."""
    first, *others = [asyncio.create_task(request(deadlines, takes=0 if number else 30)) for number in range(1000)]
    await asyncio.sleep(0)
    assert len(timers()) == 1
    await time.go_on()
    assert {other.result() for other in others} == {"answered"}
    assert len(timers()) == 1
    await time.go_on(USUAL)
    assert first.result() == USUAL
    assert timers() == []


async def test_a_timer_of_ones_own_is_taken_off(deadlines):
    """A request with another time than the usual one leaves no timer behind when it is answered."""
    assert await request(deadlines, 30.0, takes=0) == "answered"
    assert timers() == []


async def test_the_end_of_all(deadlines, time):
    """Every request in flight ends at once, with usual time or not, and no timer is left."""
    many = [await begun(request(deadlines, seconds)) for seconds in (USUAL, 30.0, USUAL)]
    deadlines.end_all()
    assert deadlines._timer is None
    await time.go_on()
    assert [each.result() for each in many] == [0.0] * 3
    assert timers() == []


async def test_the_end_of_all_is_no_end_for_good(deadlines, time):
    """A request that begins afterwards has its time, and ends after it."""
    deadlines.end_all()
    task = await begun(request(deadlines))
    await time.go_on(USUAL)
    assert task.result() == USUAL


async def cancelled_requests(deadlines, ending):
    task = await begun(request(deadlines, 1.0))
    ending(task)
    await asyncio.wait([task])
    return task.cancelled()


async def test_cancelled_by_the_caller(deadlines):
    """A caller's cancellation stays one: it is not taken for the end of the request's time."""
    assert await cancelled_requests(deadlines, lambda task: task.cancel())


@pytest.mark.parametrize("first", ["the caller", "the deadline"])
async def test_cancelled_by_the_caller_and_the_deadline(deadlines, first):
    """Where both come in one moment, the caller's cancellation goes on, whichever came first."""

    def both(task):
        ends = [task.cancel, deadlines.end_all]
        for end in ends if first == "the caller" else reversed(ends):
            end()

    assert await cancelled_requests(deadlines, both)


async def test_cancelled_before_and_caught(deadlines, time):
    """A request of a task that cleans up after its cancellation has its time like any other."""

    async def cleans_up():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(10)
        return await request(deadlines), asyncio.current_task().cancelling()

    task = await begun(cleans_up())
    task.cancel()
    await time.go_on()
    await time.go_on(USUAL)
    assert task.result() == (USUAL, 1)


async def test_within_a_timeout_of_the_callers(deadlines, time):
    """asyncio.timeout around a request ends it as a timeout of the caller's, and leaves nothing behind."""
    task = await begun(asyncio.wait_for(request(deadlines, 30.0), 1.0))
    await time.go_on(1.0)
    with pytest.raises(TimeoutError):
        task.result()
    assert (deadlines._in_flight, timers()) == ({}, [])


@pytest.mark.parametrize("error", [ValueError("reset"), OSError("reset")], ids=repr)
async def test_a_request_that_fails(deadlines, error):
    """Its own error is raised as it is, also where its time ended in the same moment."""

    async def fails(*, late):
        with deadlines.start(asyncio.get_running_loop(), 30.0) as deadline:
            if late:
                deadline.end()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(10)
            raise error

    for late in (False, True):
        with pytest.raises(type(error)) as info:
            await fails(late=late)
        assert info.value is error
    assert asyncio.current_task().cancelling() == 0
