"""The span in which a session may be used."""

import asyncio
import math
import os

import pytest

from kling_elements_async import SessionUnusableError
from kling_elements_async.clock import SystemClock
from kling_elements_async.lifecycle import Lifecycle


@pytest.fixture
def lifecycle(clock):
    return Lifecycle(clock)


async def asleep(lifecycle, seconds=10.0):
    task = asyncio.create_task(lifecycle.sleep(seconds))
    for _ in range(3):
        await asyncio.sleep(0)
    return task


async def test_the_first_use_decides(lifecycle):
    """It belongs to the loop of its first check, which may come as often as one likes."""
    assert not lifecycle.was_used
    assert lifecycle.check() is lifecycle.check() is asyncio.get_running_loop()
    assert lifecycle.was_used


async def test_used_after_close(lifecycle):
    """Closed is closed, for calls and pauses."""
    lifecycle.close()
    with pytest.raises(SessionUnusableError, match="closed"):
        lifecycle.check()
    with pytest.raises(SessionUnusableError, match="closed"):
        await lifecycle.sleep(1)


def test_used_from_another_loop():
    """A second loop is refused at once, in words of ours."""
    lifecycle = Lifecycle(SystemClock())

    async def use():
        lifecycle.check()

    asyncio.run(use())
    with pytest.raises(SessionUnusableError, match="event loop"):
        asyncio.run(use())


async def test_used_after_a_fork(lifecycle, monkeypatch):
    """A child process is refused, before anything is shared with its parent."""
    lifecycle.check()
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with pytest.raises(SessionUnusableError, match="fork"):
        lifecycle.check()


async def test_a_pause(lifecycle, clock):
    """It takes its seconds of the session's clock, several at once."""
    await asyncio.gather(lifecycle.sleep(3), lifecycle.sleep(5), lifecycle.sleep(0))
    assert (clock.elapsed, sorted(clock.naps), lifecycle._pauses) == (5, [0, 3, 5], set())


async def test_a_close_ends_every_pause(lifecycle, clock):
    """At once, with an error that stands alone."""
    tasks = [await asleep(lifecycle) for _ in range(3)]
    lifecycle.close()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [(type(error), error.__cause__, error.__suppress_context__) for error in found] == [
        (SessionUnusableError, None, True)
    ] * 3
    assert (clock.elapsed, lifecycle._pauses) == (0, set())


@pytest.mark.parametrize("closed", [False, True])
async def test_a_cancelled_pause(lifecycle, closed):
    """A cancellation passes as such, also while the session closes."""
    task = await asleep(lifecycle)
    task.cancel()
    if closed:
        lifecycle.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert lifecycle._pauses == set()


async def test_a_pause_in_a_timeout_of_the_caller(lifecycle):
    """asyncio.timeout ends a pause as it ends any other wait."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await lifecycle.sleep(10)


# ---------------------------------------------------------------- a future, until a deadline


def later(clock, seconds, future):
    """Resolve a future after so many seconds of the clock."""

    async def resolve():
        await clock.sleep(seconds)
        future.set_result(None)

    return asyncio.create_task(resolve())


@pytest.fixture
async def turn():
    return asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("until", [5, math.inf])
async def test_a_future_that_comes_in_time(lifecycle, clock, turn, until):
    """It is waited for no longer than it takes, and no pause is left."""
    coming = later(clock, 3, turn)
    assert await lifecycle.reached(turn, clock.now() + until)
    assert (clock.elapsed, lifecycle._pauses) == (3, set())
    await coming


async def test_a_future_that_is_there(lifecycle, clock, turn):
    """It takes no time, whatever the deadline was."""
    turn.set_result(None)
    for left in (-1, 0, 5, math.inf):
        assert await lifecycle.reached(turn, clock.now() + left)
    assert clock.elapsed == 0


@pytest.mark.parametrize("left", [-3, 0, 2])
async def test_a_future_that_does_not_come_in_time(lifecycle, clock, turn, left):
    """False at the deadline, on the session's clock; the future is left as it is, for its owner."""
    assert not await lifecycle.reached(turn, clock.now() + left)
    assert (clock.elapsed, turn.done(), lifecycle._pauses) == (max(0, left), False, set())


async def test_a_future_that_fails(lifecycle, clock, turn):
    """It is reached, and its error is for whoever reads it."""
    turn.set_exception(ValueError("mine"))
    assert await lifecycle.reached(turn, clock.now() + 5)
    assert isinstance(turn.exception(), ValueError)


@pytest.mark.parametrize("left", [10, math.inf])
async def test_a_close_while_a_future_is_awaited(lifecycle, clock, turn, left):
    """It ends at once with an error of ours, and the future is left as it is."""
    tasks = [asyncio.create_task(lifecycle.reached(turn, clock.now() + left)) for _ in range(3)]
    for _ in range(3):
        await asyncio.sleep(0)
    lifecycle.close()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(error) for error in found] == [SessionUnusableError] * 3
    assert (clock.elapsed, turn.done(), lifecycle._pauses) == (0, False, set())


async def test_a_close_as_a_future_comes(lifecycle, clock, turn):
    """What was reached in the same moment was reached."""
    task = asyncio.create_task(lifecycle.reached(turn, clock.now() + 10))
    await asyncio.sleep(0)
    turn.set_result(None)
    lifecycle.close()
    assert await task


@pytest.mark.parametrize("left", [10, math.inf])
async def test_cancelled_while_a_future_is_awaited(lifecycle, clock, turn, left):
    """The cancellation passes; neither the future nor those who wait for it too are touched."""
    first, second = (asyncio.create_task(lifecycle.reached(turn, clock.now() + left)) for _ in range(2))
    for _ in range(3):
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    assert (first.cancelled(), turn.cancelled(), second.done()) == (True, False, False)
    turn.set_result(None)
    assert await second
    assert lifecycle._pauses == set()


async def test_deadlines_that_come_in_another_order_than_they_were_set(lifecycle, clock):
    """Each wait ends at its own, by one sleep at a time, and none is left behind."""
    ends = {}

    async def wait(left):
        assert not await lifecycle.reached(asyncio.get_running_loop().create_future(), clock.now() + left)
        ends[left] = clock.elapsed

    await asyncio.gather(*(wait(left) for left in (7, 3, 5, 5)))
    assert ends == {3: 3, 5: 5, 7: 7}
    assert (lifecycle._waits, lifecycle._alarm, lifecycle._alarm_at) == ({}, None, math.inf)


async def test_many_with_one_deadline_share_a_sleep(lifecycle, clock, turn):
    """A thousand that wait for one thing cost one sleep, and when all have gone the clock is left alone."""
    until = clock.now() + 600
    waits = [asyncio.create_task(lifecycle.reached(turn, until)) for _ in range(1000)]
    await later(clock, 1, turn)
    assert all(await asyncio.gather(*waits))
    assert sorted(clock.naps) == [1, 600]
    assert (clock.elapsed, lifecycle._waits, lifecycle._alarm) == (1, {}, None)


async def test_the_nearest_deadline_goes_before_it_comes(lifecycle, clock, turn):
    """The others are still told at theirs."""
    first = asyncio.create_task(lifecycle.reached(turn, clock.now() + 3))
    second = asyncio.create_task(lifecycle.reached(asyncio.get_running_loop().create_future(), clock.now() + 9))
    await later(clock, 1, turn)
    assert await first
    assert not await second
    assert (clock.elapsed, lifecycle._waits) == (9, {})


async def test_a_clock_that_fails(lifecycle, clock, monkeypatch):
    """Whoever waits by it is told that the time is over, rather than never."""

    async def broken(seconds):
        raise OSError("no clock")

    monkeypatch.setattr(clock, "sleep", broken)
    futures = [asyncio.get_running_loop().create_future() for _ in range(2)]
    waits = [asyncio.create_task(lifecycle.reached(future, clock.now() + 5)) for future in futures]
    await asyncio.sleep(0)
    alarm = lifecycle._alarm
    assert await asyncio.gather(*waits) == [False, False]
    assert isinstance(alarm.exception(), OSError)


async def test_a_future_awaited_after_the_close(lifecycle, turn):
    """Closed is closed."""
    lifecycle.close()
    with pytest.raises(SessionUnusableError, match="closed"):
        await lifecycle.reached(turn, math.inf)


async def test_the_clock_of_the_machine():
    """It never goes back, sleeps, and draws numbers."""
    clock = SystemClock()
    start = clock.now()
    await clock.sleep(0)
    assert clock.now() >= start
    assert 0 <= clock.random.random() < 1
