"""The life of a session among loops, threads, processes and hooks."""

import asyncio
import copy
import gc
import itertools
import logging
import os
import pickle
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest
from tables import mostly_slow

from kling_elements_async import (
    CreateUncertainError,
    ElementsError,
    ElementsSession,
    Images,
    NotSentError,
    Polling,
    Retries,
    SessionUnusableError,
    WaitTimeoutError,
)
from kling_elements_async import transport as transport_module
from kling_elements_async.retries import may_be_sent_again, was_not_taken

from .canary import ACCESS_KEY, SECRET_KEY, SECRETS, caught, check_error, check_no_secret, shown
from .materials import CALLS, READS, a_spec, ezmodel, png, signing
from .test_connections import a_black_hole, a_free_port
from .wire_script import (
    WireServer,
    answer,
    envelope,
    fin,
    hang,
    headers,
    land,
    request,
    rst,
    send,
    silence,
)

# Real seconds. What is ended here would go on for 10 s and more; a busy machine takes its time, too.
PATIENCE = 5.0
ALL_CALLS = CALLS | {
    "wait": lambda session: session.wait_for_element("77"),
    "create_and_wait": lambda session: session.create_and_wait(a_spec()),
}
EACH_CALL = pytest.mark.parametrize("call", mostly_slow(ALL_CALLS, "create", "get", "wait"))


# ---------------------------------------------------------------- loops, threads, processes


@EACH_CALL
async def test_another_loop_in_another_thread(server, open_session, call):
    """Faults 101 and 106: refused at once; the session goes on where it belongs."""
    session = open_session()
    await session.get_element("77")

    async def elsewhere():
        with caught(SessionUnusableError):
            await ALL_CALLS[call](session)

    await asyncio.to_thread(asyncio.run, elsewhere())
    await session.get_element("77")
    assert len(server.requests) == 2


async def test_closed_from_another_loop(server, open_session):
    """Faults 101 and 103: while its own loop runs it can only be closed there; what waits there waits on."""
    session = open_session()
    server.otherwise = (request, silence)
    running = asyncio.ensure_future(session.get_element("77"))
    await server.until(lambda: server.requests)

    async def elsewhere():
        with caught(SessionUnusableError):
            await session.close()

    await asyncio.to_thread(asyncio.run, elsewhere())
    assert not running.done()
    await session.close()
    with caught(SessionUnusableError):
        await running


async def test_two_threads_at_once(server, open_session):
    """Fault 106: of two loops that start together one has the session, and the other is told."""
    session = open_session(url="http://127.0.0.1:1", retries=Retries(attempts=1))
    start, errors = threading.Barrier(2), []

    async def use():
        start.wait()
        try:
            await session.get_element("77")
        except ElementsError as error:
            errors.append(type(error))

    await asyncio.gather(*(asyncio.to_thread(asyncio.run, use()) for _ in range(2)))
    assert set(errors) <= {SessionUnusableError, NotSentError}
    assert errors.count(NotSentError) == 1
    await session.close()


@EACH_CALL
def test_another_loop_after_the_first_is_closed(call):
    """Fault 101: the second asyncio.run of a script is told so, and not that a loop is closed."""
    sessions = []

    async def first():
        async with WireServer() as server:
            sessions.append(ElementsSession(ezmodel(server.url)))
            await sessions[0].get_element("77")
            await sessions[0]._transport.close()

    async def second():
        with caught(SessionUnusableError):
            await ALL_CALLS[call](sessions[0])
        await sessions[0].close()

    asyncio.run(first())
    asyncio.run(second())


def test_built_where_no_loop_runs():
    """Fault 102: a session may be built before there is a loop."""
    port = a_free_port()
    session = ElementsSession(ezmodel(f"http://127.0.0.1:{port}"))

    async def use():
        async with WireServer(port=port), session:
            await session.get_element("77")

    asyncio.run(use())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@EACH_CALL
async def test_after_a_fork(open_session, call):
    """Fault 105: the child is told at once; the parent goes on."""
    session = open_session()
    await session.get_element("77")
    coroutine = ALL_CALLS[call](session)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            coroutine.send(None)
        except SessionUnusableError:
            code = 0
        finally:
            os._exit(code)
    coroutine.close()
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    await session.get_element("77")


def test_another_kind_of_loop():
    """Fault 107: uvloop, where it is installed, makes no difference."""
    uvloop = pytest.importorskip("uvloop")

    async def use():
        async with WireServer() as server, ElementsSession(ezmodel(server.url)) as session:
            server.script(request, land, rst)
            element = await session.create_and_wait(a_spec())
            assert [f"9{task_id}" for task_id in server.ledger.tasks] == [element.element_id]
            server.ledger.status = "processing"
            with pytest.raises(WaitTimeoutError):
                await session.wait_for_element("77", timeout=0.05)

    uvloop.run(use())


async def test_a_wall_clock_that_jumps(server, open_session, monkeypatch):
    """Fault 90: an hour forth and back at each look at it changes no pause and no deadline."""
    real, jumps = time.time, itertools.cycle((3600.0, -3600.0))
    monkeypatch.setattr(time, "time", lambda: real() + next(jumps))
    server.ledger.status = "processing"
    session = open_session(clock=None, polling=Polling(first=0.01, longest=0.01))
    server.script(request, send(answer(envelope(None, 1302, "slow down"), 429, Retry_After="0.01")), fin)
    waiting = asyncio.create_task(session.wait_for_element("77", timeout=30))
    await server.until(lambda: len(server.looks) > 3)
    server.ledger.status = "succeed"
    assert await waiting == "977"
    server.ledger.status = "processing"
    with caught(WaitTimeoutError) as info:
        await session.wait_for_element("78", timeout=0.1)
    assert 0.1 <= info.value.elapsed < 30


# ---------------------------------------------------------------- the end


@EACH_CALL
async def test_used_after_its_end(server, open_session, call):
    """Fault 103: told so, and nothing is sent; a second close is nothing."""
    session = open_session()
    await session.get_element("77")
    await session.close()
    await session.close()
    with caught(SessionUnusableError):
        await ALL_CALLS[call](session)
    assert len(server.requests) == 1


async def closed_while(session, call, ready):
    """Close the session when ``ready`` has come, and return the call's error; both long before its own time is up."""
    running = asyncio.ensure_future(ALL_CALLS[call](session))
    await ready()
    await asyncio.sleep(0.01)
    assert not running.done()
    start = time.monotonic()
    await session.close()
    assert time.monotonic() - start < PATIENCE, "close() took its time"
    done, _ = await asyncio.wait([running], timeout=PATIENCE)
    if not done:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        pytest.fail("the call went on after close()")
    error = running.exception()
    check_error(error)
    return error


BEGUN = {
    "before the answer": (request, silence),
    "within the head of the answer": (request, send(b"HTTP/1.1 200 OK\r\nContent-"), silence),
    "within the body": (request, send(answer(envelope({"task_id": "77"}))[:-5]), silence),
}


@pytest.mark.parametrize("call", mostly_slow([*READS, "wait"], "get", "delete", "wait"))
@pytest.mark.parametrize("where", BEGUN)
@pytest.mark.parametrize("attempts", mostly_slow([1, 4], 4))
async def test_closed_while_a_read_waits_for_its_answer(server, open_session, where, call, attempts):
    """Fault 103: the call ends with SessionUnusableError, whichever attempt it was."""
    server.otherwise = BEGUN[where]
    session = open_session(clock=None, retries=Retries(attempts=attempts))
    error = await closed_while(session, call, lambda: server.until(lambda: server.requests))
    assert type(error) is SessionUnusableError, repr(error)


@pytest.mark.parametrize("call", ["create", "create_and_wait"])
@pytest.mark.parametrize("where", BEGUN)
async def test_closed_while_a_create_waits_for_its_answer(server, open_session, where, call):
    """Fault 103: its POST had begun, so it is uncertain, with the id to look for."""
    server.otherwise = BEGUN[where]
    error = await closed_while(open_session(clock=None), call, lambda: server.until(lambda: server.requests))
    assert type(error) is CreateUncertainError, repr(error)
    assert error.external_task_id == server.posts[0].json["external_task_id"]
    assert len(server.posts) == 1


async def test_closed_while_a_create_uploads(open_session):
    """Fault 103: the server does not read, so the upload stands still; it is uncertain all the same."""
    picture = png(5_000_000)
    spec = a_spec(reference=Images(picture, [picture]))
    async with WireServer(received_at_once=4096) as server:
        server.otherwise = (headers, hang)
        session = open_session(url=server.url, clock=None)
        running = asyncio.create_task(session.create_element(spec))
        await server.until(lambda: server.requests)
        await asyncio.sleep(0.05)
        start = time.monotonic()
        await session.close()
        assert time.monotonic() - start < PATIENCE
        done, _ = await asyncio.wait([running], timeout=PATIENCE)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert done, "the create went on after close()"
        check_error(running.exception())
        assert type(running.exception()) is CreateUncertainError


@EACH_CALL
async def test_closed_while_it_connects(open_session, call):
    """Fault 103: no connection yet, so nothing was sent."""
    sockets = a_black_hole()
    try:
        session = open_session(url=f"http://127.0.0.1:{sockets[0].getsockname()[1]}", clock=None)
        error = await closed_while(session, call, lambda: asyncio.sleep(0.02))
        assert type(error) is SessionUnusableError, repr(error)
    finally:
        for each in sockets:
            each.close()


@EACH_CALL
async def test_closed_within_a_handshake(server, open_session, call):
    """Fault 103: TLS has not begun, so nothing was sent."""
    server.otherwise = (silence,)
    session = open_session(url=f"https://127.0.0.1:{server.port}", clock=None)
    error = await closed_while(session, call, lambda: server.until(lambda: server.connections))
    assert type(error) is SessionUnusableError, repr(error)


@EACH_CALL
async def test_closed_while_it_queues(server, open_session, call):
    """Fault 103: it waited for a connection, so nothing of it was sent."""
    server.otherwise = (request, silence)
    session = open_session(clock=None, max_connections=1)
    blocking = asyncio.create_task(session.list_elements())
    await server.until(lambda: server.requests)
    error = await closed_while(session, call, lambda: asyncio.sleep(0.01))
    assert type(error) is SessionUnusableError, repr(error)
    assert len(server.requests) == 1
    assert (await asyncio.gather(blocking, return_exceptions=True))[0] is not None


@EACH_CALL
async def test_closed_within_a_pause_between_attempts(open_session, call):
    """Fault 103: a pause ends at once."""
    session = open_session(url="http://127.0.0.1:1", clock=None)
    error = await closed_while(session, call, lambda: asyncio.sleep(0.03))
    assert type(error) is SessionUnusableError, repr(error)


@EACH_CALL
async def test_closed_while_the_gate_is_shut(server, open_session, call):
    """Fault 103: a call that waits for the gate ends at once."""
    server.script(request, send(answer(envelope(None, 1302, "slow down"), 429, Retry_After="20")), fin)
    session = open_session(clock=None, retries=Retries(attempts=1))
    await asyncio.gather(session.get_element("77"), return_exceptions=True)
    error = await closed_while(session, call, lambda: asyncio.sleep(0.02))
    assert type(error) is SessionUnusableError, repr(error)
    assert len(server.requests) == 1


async def test_closed_while_a_lost_create_is_looked_up(server, open_session):
    """Fault 103: between two looks the create is uncertain."""
    server.script(request, land, rst)
    server.otherwise = (request, send(answer("<html>", 502)), fin)
    session = open_session(clock=None)
    error = await closed_while(session, "create", lambda: server.until(lambda: server.looks))
    assert type(error) is CreateUncertainError, repr(error)


async def test_closed_while_many_run(server, open_session):
    """Fault 103: two hundred waits and reads end together."""
    server.otherwise = (request, silence)
    session = open_session(clock=None)
    calls = [session.wait_for_element(str(number)) for number in range(100)]
    running = [asyncio.ensure_future(call) for call in (*calls, *(session.get_element("77") for _ in range(100)))]
    await server.until(lambda: len(server.requests) >= 100)
    start = time.monotonic()
    await session.close()
    errors = await asyncio.gather(*running, return_exceptions=True)
    assert time.monotonic() - start < PATIENCE
    assert {type(error) for error in errors} == {SessionUnusableError}


async def test_never_closed(server, recwarn):
    """Fault 104: our own warning names the line that made the session."""
    session = ElementsSession(ezmodel(server.url))
    line = sys._getframe().f_lineno - 1
    await session.get_element("77")
    await session._transport.close()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        del session
        gc.collect()
    ours = [str(each.message) for each in seen if issubclass(each.category, ResourceWarning)]
    assert len(ours) == 1
    assert f"{__file__}:{line}" in ours[0]
    check_no_secret(*ours)


# ---------------------------------------------------------------- pickling, copying, showing


async def test_a_session_is_not_pickled(server, open_session):
    """Fault 120: TypeError; a copy, where there is one, shows no key."""
    session = open_session()
    await session.get_element("77")
    with pytest.raises(TypeError) as info:
        pickle.dumps(session)
    check_no_secret(str(info.value))
    for way in (copy.copy, copy.deepcopy):
        try:
            check_no_secret(repr(way(session)))
        except TypeError as error:
            check_no_secret(str(error))


@pytest.mark.parametrize("make", [ezmodel, signing], ids=["key", "pair"])
async def test_the_parts_of_a_session_show_no_key(server, open_session, make):
    """Faults 119 and 120: neither the session nor what it is made of, two levels deep, pickled or not."""
    session = open_session(make)
    await session.get_element("77")
    for part in (session, *vars(session).values()):
        texts = [repr(part), str(part), repr(getattr(part, "__dict__", ""))]
        try:
            texts.append(pickle.dumps(part).decode("latin-1"))
        except (TypeError, AttributeError) as error:
            texts.append(str(error))
        check_no_secret(*texts)


@pytest.mark.parametrize("make", [ezmodel, signing], ids=["key", "pair"])
@pytest.mark.parametrize("call", mostly_slow(CALLS, "create", "get"))
async def test_a_key_that_the_gateway_sends_back(server, open_session, make, call):
    """Fault 119: the credential that was sent stands in a refusal, a page and a header, and in no error of ours."""
    session = open_session(make)
    token = session.gateway.authorization()
    server.script(request, send(answer(envelope(None, 1002, f"no: {token}"), 401, X_Request_Id=token)), fin)
    server.otherwise = (request, send(answer(f"<html>Bearer {token}", 403, X_Request_Id=token)), fin)
    for _ in range(2):
        with pytest.raises(ElementsError) as info:
            await CALLS[call](session)
        check_error(info.value)
        assert token not in str(info.value)


def test_the_canary_sings():
    """Fault 119: the search itself finds a key in a message, in a chained error and in a frame's locals."""

    def fails(text):
        kept = text  # noqa: F841
        raise ValueError("nothing to see")

    def fails_next(text):
        try:
            fails(text)
        except ValueError:
            raise RuntimeError("no") from None

    for secret in SECRETS[:2]:
        with pytest.raises(RuntimeError) as info:
            fails_next(secret)
        with pytest.raises(AssertionError):
            check_no_secret(*shown(info.value))
    assert ACCESS_KEY not in SECRETS
    assert SECRET_KEY in SECRETS


# ---------------------------------------------------------------- hooks and cancellation


@pytest.mark.parametrize(
    "error", [ValueError("mine"), ElementsError("mine"), TimeoutError(), StopIteration()], ids=repr
)
async def test_a_hook_that_raises(server, open_session, caplog, error):
    """Fault 109: logged, and the wait comes to its end all the same."""
    seen = []

    def hook(task):
        seen.append(task.status)
        raise error

    assert await open_session().wait_for_element("77", on_update=hook) == "977"
    assert seen
    records = [record for record in caplog.records if record.name == "kling_elements_async" and record.exc_info]
    assert len(records) == len(seen)


async def test_a_hook_of_one_wait_leaves_the_other_alone(open_session):
    """Fault 109: two waits on one task, the hook of one raises."""
    session, seen = open_session(), []

    def bad(_):
        raise ValueError("mine")

    waits = (session.wait_for_element("77", on_update=hook) for hook in (bad, seen.append))
    assert await asyncio.gather(*waits) == ["977", "977"]
    assert len(seen) == 1


async def test_a_hook_that_closes_the_session(server, open_session):
    """Fault 109: a hook may start the end; the wait ends with one of our errors or its result, and nothing hangs."""
    server.ledger.status = "processing"
    session = open_session(polling=Polling(first=0.01, longest=0.01), clock=None)
    ends = []
    with caught(SessionUnusableError):
        await session.wait_for_element(
            "77", on_update=lambda _: ends.append(asyncio.ensure_future(session.close()))
        )
    await asyncio.gather(*ends)


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(), GeneratorExit()], ids=repr
)
@pytest.mark.parametrize(
    "worth", [may_be_sent_again, was_not_taken, lambda _: True], ids=["reads", "creates", "all"]
)
async def test_nothing_swallows_a_cancellation(open_session, error, worth):
    """Fault 111: what is no Exception is never taken for a failure that is worth another attempt."""
    resending, sent = open_session()._resending, []

    async def send_it():
        sent.append(1)
        raise NotSentError("first") if len(sent) == 1 else error

    with pytest.raises(type(error)):
        await resending.run(send_it, worth=worth)
    assert len(sent) == 2


@EACH_CALL
async def test_cancelled_within_a_pause(open_session, clock, call):
    """Fault 111: a cancellation in a pause between attempts comes through at once."""
    pausing = asyncio.Event()

    async def pause():
        pausing.set()
        await asyncio.Event().wait()

    clock.before_waking = pause
    running = asyncio.ensure_future(ALL_CALLS[call](open_session(url="http://127.0.0.1:1")))
    await pausing.wait()
    running.cancel()
    await asyncio.wait([running], timeout=PATIENCE)
    assert running.cancelled()


# ---------------------------------------------------------------- in a program of their own

HERE = Path(__file__).parent
PROGRAMS = ["work", "no-descriptors", "tls", "interrupted", "one-warning"]


def ran(name: str, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "dev", "-W", "error::ResourceWarning", "-m", f"faults.{name}", *args]
    paths = os.pathsep.join((str(HERE.parent), str(HERE.parents[1])))
    return subprocess.run(
        command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("what", mostly_slow(PROGRAMS))
def test_a_program_leaves_nothing(what):
    """Faults 29, 98, 104 and 108: a program ends with nothing left open, unread or said on stderr."""
    done = ran("leak_program", what)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1:] == ["clean"], done.stdout
    check_no_secret(done.stdout)
    assert done.returncode == 0


# ---------------------------------------------------------------- the loop stays free


@pytest.mark.slow
async def test_twenty_uploads_leave_the_loop_free(tmp_path, monkeypatch):
    """Fault 110: while twenty creates send 5 MB each, no other coroutine waits long for its turn."""
    monkeypatch.setattr(transport_module, "SLOWEST_UPLOAD", 1e9)
    picture = tmp_path / "front.png"
    picture.write_bytes(png(3_750_000))
    sink = subprocess.Popen(  # noqa: ASYNC220 - it starts in a moment
        [sys.executable, "-m", "faults.leak_program", "sink"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE.parent), str(HERE.parents[1])))},
        stdout=subprocess.PIPE,
        text=True,
    )
    lags = []

    async def measure():
        while True:
            start = time.thread_time()  # the loop's own work: other programs on the machine do not count
            await asyncio.sleep(0)
            lags.append(time.thread_time() - start)
            await asyncio.sleep(0.001)

    try:
        url = (await asyncio.to_thread(sink.stdout.readline)).strip()
        asyncio.get_running_loop().set_debug(False)
        async with ElementsSession(ezmodel(url)) as session:
            specs = [
                a_spec(name=f"number {number}", reference=Images(picture, ["https://example.com/side.png"]))
                for number in range(20)
            ]
            await session.check_element(specs[0])
            measuring = asyncio.create_task(measure())
            tasks = await asyncio.gather(*(session.create_element(spec) for spec in specs))
            measuring.cancel()
        assert len({task.task_id for task in tasks}) == 20
    finally:
        sink.terminate()
        sink.wait()
        sink.stdout.close()
    logging.getLogger(__name__).info("worst lag %.1f ms of %d", max(lags) * 1000, len(lags))
    assert len(lags) > 20
    assert max(lags) < 0.06
