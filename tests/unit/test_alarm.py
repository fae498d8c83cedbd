"""The one alarm of all waits, while every look hangs: on a loop of virtual time, that of its timers."""

import asyncio
from random import Random

import pytest
from model.loop import LoopClock, StillLoop

from kling_elements_async import NotOfferedError, Polling, WaitTimeoutError
from kling_elements_async.lifecycle import Lifecycle
from kling_elements_async.waiting import Waiting


async def hanging(task_id, until):
    await asyncio.Event().wait()


async def no_list(page, page_size):
    raise NotOfferedError("ezmodel", "list elements")


def timers():
    return [timer for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()]


def on_still_loop(work, now=None):
    """What `work(waiting)` returns; nothing may be left on the loop. `now` is the time of the session's clock."""

    async def run():
        clock = LoopClock(asyncio.get_running_loop())
        clock.now = now or clock.now
        waiting = Waiting(hanging, no_list, Polling(), Lifecycle(clock))
        found = await work(waiting)
        assert timers() == []
        await waiting.close()
        return found

    with asyncio.Runner(loop_factory=StillLoop) as runner:
        return runner.run(run())


async def timed_out(waiting, number, timeout):
    """How late a wait ended, and how long it says that it took."""
    now = asyncio.get_running_loop().time
    began = now()
    with pytest.raises(WaitTimeoutError) as info:
        await waiting.wait(f"task-{number}", timeout=timeout, on_update=None)
    return now() - began - timeout, info.value.elapsed - timeout


@pytest.mark.parametrize("timeouts", [[600.0] * 50, [number / 7 for number in range(1, 400)], [1e-9, 3.0, 1e-3]])
def test_each_wait_ends_at_its_own_deadline(timeouts):
    """In whatever order they came; at most 20 ms late, so that thousands of deadlines are not as many alarms."""
    Random(1).shuffle(timeouts)
    found = on_still_loop(
        lambda waiting: asyncio.gather(*(timed_out(waiting, *each) for each in enumerate(timeouts)))
    )
    for late, told in found:
        assert -1e-6 <= late <= 0.0201
        assert -1e-6 <= told <= 0.0201


def test_a_shorter_wait_comes_later():
    """The alarm is set anew for it; the longer one keeps its time, and one without a limit goes on."""

    async def work(waiting):
        endless = asyncio.ensure_future(waiting.wait("endless", timeout=None, on_update=None))
        long = asyncio.ensure_future(timed_out(waiting, 1, 60.0))
        await asyncio.sleep(10)
        short = await timed_out(waiting, 2, 5.0)
        found = short, await long
        assert not endless.done()
        endless.cancel()
        await asyncio.wait([endless])
        return found

    assert all(late <= 0.0201 for each in on_still_loop(work) for late in each)


def test_a_wait_that_is_left_takes_the_alarm_with_it():
    """Of the last one nothing stays on the loop; one that comes after it has an alarm of its own."""

    async def work(waiting):
        for _ in range(3):
            left = asyncio.ensure_future(waiting.wait("left", timeout=30.0, on_update=None))
            await asyncio.sleep(1)
            left.cancel()
            await asyncio.wait([left])
            assert timers() == []
        return await timed_out(waiting, 1, 2.0)

    assert max(on_still_loop(work)) <= 0.0201


def test_a_clock_that_stands_still():
    """The loop's time counts as well: each wait ends, and one after the other."""

    async def work(waiting):
        return await asyncio.gather(*(timed_out(waiting, number, number + 1.0) for number in range(5)))

    assert all(late <= 0.0201 for late, _ in on_still_loop(work, now=lambda: 7.0))


def test_a_clock_that_fails_once():
    """What it costs is said by the loop; the waits that come later have an alarm."""

    async def work(waiting):
        complaints, now = [], waiting.watches.now
        asyncio.get_running_loop().set_exception_handler(lambda _, about: complaints.append(about["exception"]))

        def failing():
            raise OSError("no clock")

        first = asyncio.ensure_future(timed_out(waiting, 1, 5.0))
        await asyncio.sleep(4.9)
        waiting.watches.now = failing
        await asyncio.sleep(0.2)
        waiting.watches.now = now
        second = await timed_out(waiting, 2, 3.0)
        assert [str(complaint) for complaint in complaints] == ["no clock"]
        return (await first)[1], second[0]

    first, second = on_still_loop(work)
    assert (first < 4, second <= 0.0201) == (True, True)
