"""The time that each request in flight has: who is cancelled, when, and by whom; on the loop's own clock."""

import asyncio
import contextlib
import time

import pytest

from kling_elements_async.deadlines import Deadlines

USUAL = 0.03
LATE = 5.0  # a busy machine wakes us no later than this


@pytest.fixture
async def deadlines():
    deadlines = Deadlines(USUAL)
    yield deadlines
    deadlines.end_all()
    assert (deadlines._in_flight, deadlines._timer) == ({}, None)


async def request(deadlines, seconds=USUAL, takes=30.0):
    """A request that takes so long; returns the seconds after which it was over, or what it came to."""
    start = time.monotonic()
    try:
        with deadlines.start(asyncio.get_running_loop(), seconds):
            await asyncio.sleep(takes)
    except TimeoutError:
        return time.monotonic() - start
    return "answered"


def timers():
    """The timers of requests that wait on the running loop; the test's own limit is none of them."""
    scheduled = [timer for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()]
    return [timer for timer in scheduled if timer._callback.__module__ == Deadlines.__module__]


async def test_an_answer_in_time(deadlines):
    """Nothing happens to the task that asked, then or when the time would be over."""
    assert await request(deadlines, takes=0) == "answered"
    await asyncio.sleep(2 * USUAL)
    assert asyncio.current_task().cancelling() == 0


@pytest.mark.parametrize("seconds", [USUAL, 0.01, 0.05])
async def test_no_answer_in_time(deadlines, seconds):
    """TimeoutError after the request's own time, usual or not, and the task is no longer being cancelled."""
    took = await request(deadlines, seconds)
    assert seconds <= took < seconds + LATE
    assert asyncio.current_task().cancelling() == 0


async def test_no_time_at_all(deadlines):
    """A request whose time was over before it began ends at its first suspension."""
    usual = asyncio.ensure_future(request(deadlines, 20.0))
    assert await request(deadlines, 0.0) < LATE
    assert not usual.done()
    usual.cancel()
    await asyncio.wait([usual])


async def test_several_times_at_once(deadlines):
    """Usual and own deadlines end each at its own time, whatever the order in which they began."""
    wanted, ended = [USUAL, 0.3, USUAL, 0.001, 0.15], []

    async def noted(index):
        took = await request(deadlines, wanted[index])
        ended.append(index)
        return took

    took = await asyncio.gather(*map(noted, range(5)))
    for seconds, found in zip(wanted, took, strict=True):
        assert seconds <= found < seconds + LATE
    assert ended == [3, 0, 2, 4, 1]


async def test_usual_ones_one_after_the_other(deadlines):
    """Each of them has the whole of its time, although one timer serves all."""

    async def later(after):
        await asyncio.sleep(after)
        return await request(deadlines)

    for took in await asyncio.gather(*(later(0.008 * number) for number in range(6))):
        assert USUAL <= took < USUAL + LATE


async def test_one_timer_for_many(deadlines):
    """A thousand requests with the usual time need one timer of the loop, also after most were answered."""
    many = [asyncio.create_task(request(deadlines, takes=0 if number else 30)) for number in range(1000)]
    await asyncio.sleep(0)
    assert len(timers()) == 1
    took, *others = await asyncio.gather(*many)
    assert USUAL <= took < USUAL + LATE
    assert set(others) == {"answered"}
    assert timers() == []


async def test_a_timer_of_ones_own_is_taken_off(deadlines):
    """A request with another time than the usual one leaves no timer behind when it is answered."""
    assert await request(deadlines, 30.0, takes=0) == "answered"
    assert timers() == []


async def test_the_end_of_all():
    """Every request in flight ends at once, with usual time or not, and no timer is left."""
    deadlines = Deadlines(20.0)
    many = [asyncio.create_task(request(deadlines, seconds)) for seconds in (20.0, 30.0, 20.0)]
    await asyncio.sleep(0)
    deadlines.end_all()
    assert deadlines._timer is None
    assert max(await asyncio.gather(*many)) < LATE
    assert timers() == []


async def test_the_end_of_all_is_no_end_for_good(deadlines):
    """A request that begins afterwards has its time, and ends after it."""
    deadlines.end_all()
    assert USUAL <= await request(deadlines) < USUAL + LATE


async def cancelled_requests(deadlines, ending):
    task = asyncio.create_task(request(deadlines, 0.01))
    await asyncio.sleep(0)
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


async def test_cancelled_before_and_caught(deadlines):
    """A request of a task that cleans up after its cancellation has its time like any other."""

    async def cleans_up():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(10)
        return await request(deadlines), asyncio.current_task().cancelling()

    task = asyncio.create_task(cleans_up())
    await asyncio.sleep(0)
    task.cancel()
    took, cancelling = await task
    assert (USUAL <= took < USUAL + LATE, cancelling) == (True, 1)


async def test_within_a_timeout_of_the_callers(deadlines):
    """asyncio.timeout around a request ends it as a timeout of the caller's, and leaves nothing behind."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(request(deadlines, 30.0), 0.01)
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
