"""The timeout of a wait, and cancelling it. Where a call hangs, the time is real."""

import asyncio
import math

import pytest
from tables import mostly_slow

from kling_elements_async import NotSentError, TaskStatus, WaitTimeoutError

from .errors import caught
from .materials import GATEWAYS, a_spec
from .server import HANG, RESET, TRUE

ELEMENT_ID = "856528387816046601"


def slow_task(server, gateway="ezmodel"):
    known = server.accounts[gateway].add()
    known.words = ("processing",)
    return known


async def test_a_deadline(server, open_session, clock):
    """Still running at the deadline: the error has the last task seen and the time it took."""
    known = slow_task(server)
    start = clock.now()
    with caught(WaitTimeoutError) as info:
        await open_session().wait_for_element(known.task_id, timeout=60)
    assert isinstance(info.value, TimeoutError)
    assert 59.9 <= clock.now() - start <= 60.1
    assert (info.value.task_id, info.value.task.status) == (known.task_id, TaskStatus.PROCESSING)
    assert 59.9 <= info.value.elapsed <= 60.1
    assert info.value.last_error is None


async def test_a_deadline_of_create_and_wait(server, open_session, clock):
    """The timeout covers the create and the wait together."""
    server.accounts["ezmodel"].words = ("processing",)
    start = clock.now()
    with caught(WaitTimeoutError):
        await open_session().create_and_wait(a_spec(), timeout=60)
    assert clock.now() - start <= 60.1


async def test_an_unknown_word_is_named_in_the_error(server, open_session):
    """The deadline ends the wait, and tells which word was not understood."""
    known = server.accounts["ezmodel"].add()
    known.words = ("warming_up_v9",)
    with caught(WaitTimeoutError) as info:
        await open_session().wait_for_element(known.task_id, timeout=60)
    assert "warming_up_v9" in str(info.value)
    assert (info.value.task.status, info.value.task.status_word) == (TaskStatus.UNKNOWN, "warming_up_v9")


async def test_an_unknown_word_is_warned_of_once(server, open_session, caplog):
    """Many looks, one line in the log."""
    known = server.accounts["ezmodel"].add()
    known.words = ("warming_up_v8",)
    with caught(WaitTimeoutError):
        await open_session().wait_for_element(known.task_id, timeout=60)
    lines = [
        record
        for record in caplog.records
        if "warming_up_v8" in record.getMessage() and record.levelname == "WARNING"
    ]
    assert len(lines) == 1


@pytest.mark.parametrize("gateway", mostly_slow(GATEWAYS, "ezmodel", "evolink"))
async def test_a_deadline_with_a_call_in_flight(server, open_session, gateway):
    """The gateway hangs: the wait ends at its timeout all the same, and not with the request's own 20 s."""
    known = slow_task(server, gateway)
    server.always("get", HANG)
    loop = asyncio.get_running_loop()
    start = loop.time()
    with caught(WaitTimeoutError) as info:
        await open_session(gateway, clock=None).wait_for_element(known.task_id, timeout=0.05)
    assert 0.049 <= loop.time() - start <= 5
    assert (info.value.task, info.value.task_id) == (None, known.task_id)


async def test_a_deadline_while_everything_fails(server, open_session, clock):
    """Resets to the end: the error says what the last of them was."""
    server.always("get", RESET)
    start = clock.now()
    with caught(WaitTimeoutError) as info:
        await open_session().wait_for_element("1", timeout=60)
    assert info.value.task is None
    assert info.value.last_error
    assert clock.now() - start <= 60.1


async def test_no_time_at_all_is_one_look(server, open_session):
    """timeout=0 tells whether it is done, in one request."""
    session = open_session()
    done, known = server.accounts["ezmodel"].add(), slow_task(server)
    assert await session.wait_for_element(done.task_id, timeout=0) == ELEMENT_ID
    assert len(server.seen) == 1
    with caught(WaitTimeoutError) as info:
        await session.wait_for_element(known.task_id, timeout=0)
    assert info.value.task.status == TaskStatus.PROCESSING
    assert len(server.seen) == 2


@pytest.mark.parametrize("timeout", [-1, -0.001, math.nan, -math.inf])
async def test_a_timeout_that_is_none(server, open_session, timeout):
    """Negative and NaN are mistakes, found before anything is sent."""
    with pytest.raises(ValueError):
        await open_session().wait_for_element("1", timeout=timeout)
    with pytest.raises(ValueError):
        await open_session().create_and_wait(a_spec(), timeout=timeout)
    assert server.accepted == 0


@pytest.mark.slow
async def test_no_limit(server, open_session, clock):
    """timeout=None waits for as long as it takes."""
    server.accounts["ezmodel"].duration = 1500.0
    known = server.accounts["ezmodel"].add()
    assert await open_session().wait_for_element(known.task_id, timeout=None) == ELEMENT_ID
    assert clock.now() - known.born >= 1500


@pytest.mark.parametrize("hanging", [True, False])
async def test_a_cancelled_wait(server, open_session, hanging):
    """Cancelling takes effect at once, in a call and between two, and the session stays usable."""
    known = slow_task(server)
    session = open_session(clock=None)
    server.script("get", HANG if hanging else TRUE)
    wait = asyncio.create_task(session.wait_for_element(known.task_id))
    await server.until("get", 1)
    await asyncio.sleep(0.02)
    wait.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await wait
    known.words = ("succeed",)
    assert await session.wait_for_element(known.task_id) == ELEMENT_ID


async def test_a_cancelled_wait_leaves_nothing_behind(server, open_session):
    """No task of the session goes on after it."""
    before = asyncio.all_tasks()
    known = slow_task(server)
    session = open_session(clock=None)
    wait = asyncio.create_task(session.wait_for_element(known.task_id))
    await server.until("get", 1)
    wait.cancel()
    await asyncio.gather(wait, return_exceptions=True)
    await session.close()
    async with asyncio.timeout(5):
        while asyncio.all_tasks() - before:  # noqa: ASYNC110 - the server's own end as well
            await asyncio.sleep(0.001)


async def test_a_wait_in_a_timeout_of_the_caller(server, open_session):
    """asyncio.timeout around a wait is honoured and stays the caller's TimeoutError."""
    known = slow_task(server)
    server.always("get", HANG)
    with pytest.raises(TimeoutError) as info:
        async with asyncio.timeout(0.1):
            await open_session(clock=None).wait_for_element(known.task_id)
    assert not isinstance(info.value, WaitTimeoutError)


async def test_two_waits_with_two_deadlines(server, open_session, clock):
    """They share the looks, and each keeps its own deadline."""
    server.accounts["ezmodel"].duration = 40.0
    known = server.accounts["ezmodel"].add()
    session = open_session()
    waits = (session.wait_for_element(known.task_id, timeout=timeout) for timeout in (20, 100))
    short, long = await asyncio.gather(*waits, return_exceptions=True)
    assert isinstance(short, WaitTimeoutError)
    assert 19.9 <= short.elapsed <= 20.1
    assert long == ELEMENT_ID


async def test_a_create_that_is_not_sent_in_time(server, open_session):
    """Its timeout ends before the gateway can be reached: nothing happened there."""
    session = open_session()
    await server.__aexit__()
    with caught(NotSentError):
        await session.create_element(a_spec(), timeout=5)
