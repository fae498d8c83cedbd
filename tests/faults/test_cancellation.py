"""Cancelled at every point at which a call can be cancelled: nothing is left, and nothing is sent afterwards."""

import asyncio
import time
import types
from pathlib import Path

import pytest

from kling_elements_async import Images, Polling

from .materials import CALLS, READS, a_spec, png
from .test_connections import a_black_hole
from .wire_script import answer, envelope, fin, land, request, rst, send, silence

# Real seconds. What a cancellation must not wait for takes 10 s and more; a busy machine takes its time, too.
PATIENCE = 5.0
PICTURE_CALLS = ["create", "create with a known id", "get", "delete", "wait"]


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "front.png"
    path.write_bytes(png(200_000))
    return path


def called(session, call, picture):
    if call.startswith("create"):
        known = "mine" if call != "create" else None
        return session.create_element(a_spec(reference=Images(picture, [picture]), external_task_id=known))
    if call == "wait":
        return session.wait_for_element("77")
    return CALLS[call](session)


@types.coroutine
def cancelled_at(coroutine, suspension):
    """Run a coroutine, and cancel its task as it suspends for the n-th time; None is never."""
    send_in, count = (coroutine.send, None), 0
    while True:
        try:
            awaited = send_in[0](send_in[1])
        except StopIteration as end:
            return end.value
        if count == suspension:
            asyncio.current_task().cancel()
        count += 1
        try:
            yield awaited
        except BaseException as error:
            send_in = coroutine.throw, error
        else:
            send_in = coroutine.send, None


async def awaited(coroutine):
    return await coroutine


def taken(session):
    clients = [client for client in (session._transport._shared, session._transport._creates) if client]
    return [connection for client in clients for connection in client.connector._acquired]


def is_open(path):
    def target(descriptor):
        try:
            return descriptor.readlink()
        except FileNotFoundError:  # closed meanwhile, by a thread
            return None

    return any(target(descriptor) == path for descriptor in Path("/proc/self/fd").iterdir())


async def settled(server, session, picture, others):
    """Wait a moment for threads and closing connections, then say what is left."""

    def left():
        tasks = asyncio.all_tasks() - others - server.tasks - {asyncio.current_task()}
        # One connection may stay, the kept one.
        connections = list(server.tasks)[1:]
        return [*tasks, *connections, *taken(session), *(["the picture is open"] if is_open(picture) else [])]

    for _ in range(20):  # a connection that was cut at once is still to be accepted
        await asyncio.sleep(0)
    deadline = time.monotonic() + PATIENCE
    # Looked at once for each answer: a thread that was cancelled while it waited opens the picture later, and closes it.
    while (found := left()) and time.monotonic() < deadline:  # noqa: ASYNC110 - a test's own patience
        await asyncio.sleep(0.001)
    return found


async def cancelled_once(server, session, call, picture, start):
    """Run ``start(coroutine)``'s cancellation; return whether the call had ended before it."""
    others = asyncio.all_tasks()
    posts = len(server.posts)
    running = asyncio.ensure_future(start(called(session, call, picture)))
    done, _ = await asyncio.wait([running], timeout=PATIENCE)
    assert done, "it swallowed the cancellation"
    assert await settled(server, session, picture, others) == []
    assert len(server.posts) - posts <= 1
    if not running.cancelled():
        running.result()
        return True
    if call.startswith("create") and len(server.posts) > posts:
        with pytest.raises(asyncio.CancelledError) as info:
            await running
        external_id = server.posts[-1].json["external_task_id"] if server.posts[-1].body else ""
        assert any(f"external_task_id={external_id}" in note for note in getattr(info.value, "__notes__", [])), (
            "the POST had begun, and nothing says so"
        )
    return False


@pytest.mark.parametrize("call", PICTURE_CALLS)
async def test_cancelled_at_each_suspension(server, open_session, picture, call):
    """Faults 68 and 69: at the k-th suspension of the call's own task, for every k."""
    session = open_session(polling=Polling(first=0.01, longest=0.01))
    for suspension in range(200):
        server.ledger.tasks.clear()
        if await cancelled_once(
            server,
            session,
            call,
            picture,
            lambda call: awaited(cancelled_at(call, suspension)),  # noqa: B023
        ):
            break
    assert 0 < suspension < 199
    await session.get_element("77")


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("call", PICTURE_CALLS)
async def test_cancelled_after_each_step_of_the_loop(server, open_session, picture, call, every):
    """Faults 68 and 69: after k steps of the loop, in which the server and the writer move on, too."""
    session = open_session(polling=Polling(first=0.01, longest=0.01))

    async def after(coroutine, steps):
        running = asyncio.ensure_future(coroutine)
        try:
            for _ in range(steps):
                await asyncio.sleep(0)
        finally:
            running.cancel()
        return await running

    for steps in range(0, 400, every):
        server.ledger.tasks.clear()
        if await cancelled_once(server, session, call, picture, lambda call: after(call, steps)):  # noqa: B023
            break
    assert steps > 2
    await session.get_element("77")


async def cancelled_when(session, call, ready):
    running = asyncio.ensure_future(call)
    await ready()
    running.cancel()
    start = time.monotonic()
    with pytest.raises(asyncio.CancelledError) as info:
        await running
    assert time.monotonic() - start < PATIENCE
    assert taken(session) == []
    return getattr(info.value, "__notes__", [])


@pytest.mark.parametrize("call", READS)
async def test_cancelled_while_the_answer_is_awaited(server, open_session, call):
    """Fault 69: at once; the connection is gone, and nothing more is sent."""
    server.otherwise = (request, silence)
    session = open_session(clock=None)
    await cancelled_when(session, CALLS[call](session), lambda: server.until(lambda: server.requests))
    await server.until(lambda: not server.tasks)
    assert len(server.requests) == 1


async def test_a_create_cancelled_after_its_post(server, open_session):
    """Fault 69: the note says which id to look for; it landed once, and a second call with it finds it."""
    server.script(request, land, silence)
    session = open_session(clock=None)
    spec = a_spec(external_task_id="mine-1")
    notes = await cancelled_when(session, session.create_element(spec), lambda: server.until(lambda: server.posts))
    assert [note for note in notes if "external_task_id=mine-1" in note]
    task = await session.create_element(spec)
    assert list(server.ledger.tasks) == [task.task_id]


async def test_a_create_cancelled_between_two_looks(server, open_session):
    """Fault 69: the loss of the answer is being found out about; the note is there, and nothing more is sent."""
    server.script(request, land, rst)
    server.otherwise = (request, send(answer("<html>", 502)), fin)
    session = open_session(clock=None)
    notes = await cancelled_when(
        session, session.create_element(a_spec()), lambda: server.until(lambda: server.looks)
    )
    assert any("external_task_id=" in note for note in notes)
    await asyncio.sleep(0.02)
    assert len(server.posts) == 1


async def test_a_create_cancelled_while_it_connects(open_session):
    """Fault 68: nothing was sent, so nothing says that the element may exist."""
    sockets = a_black_hole()
    try:
        session = open_session(url=f"http://127.0.0.1:{sockets[0].getsockname()[1]}", clock=None)
        assert await cancelled_when(session, session.create_element(a_spec()), lambda: asyncio.sleep(0.02)) == []
    finally:
        for each in sockets:
            each.close()


async def test_a_create_cancelled_within_a_handshake(server, open_session):
    """Fault 68: the connection stands, TLS does not; nothing was sent."""
    server.otherwise = (silence,)
    session = open_session(url=f"https://127.0.0.1:{server.port}", clock=None)
    create = session.create_element(a_spec())
    assert await cancelled_when(session, create, lambda: server.until(lambda: server.connections)) == []


async def test_a_create_cancelled_while_it_queues(server, open_session):
    """Fault 68: it waited for a connection; nothing was sent, then or later."""
    server.otherwise = (request, silence)
    session = open_session(clock=None, max_connections=1)
    blocking = asyncio.create_task(session.get_element("77"))
    await server.until(lambda: server.requests)
    running = asyncio.create_task(session.create_element(a_spec()))
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError) as info:
        await running
    blocking.cancel()
    await asyncio.gather(blocking, return_exceptions=True)
    assert server.posts == []
    assert getattr(info.value, "__notes__", []) == []


async def test_a_create_cancelled_behind_the_gate(server, open_session):
    """Fault 68: the gate was closed by another call, and nothing of the create was sent."""
    server.script(request, send(answer(envelope(None, 1302, "slow down"), 429, Retry_After="20")), fin)
    session = open_session(clock=None)
    first = asyncio.create_task(session.get_element("77"))
    await server.until(lambda: session._exchange._gate.is_closed)
    notes = await cancelled_when(session, session.create_element(a_spec()), lambda: asyncio.sleep(0.02))
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert server.posts == []
    assert notes == []


async def test_one_of_two_creates_with_one_id_is_cancelled(server, open_session):
    """Fault 64: the one that waits for the other goes on when the first is cancelled, and one task is made."""
    server.script(request, land, silence)
    session = open_session(clock=None)
    spec = a_spec(external_task_id="mine-1")
    first = asyncio.create_task(session.create_element(spec))
    second = asyncio.create_task(session.create_element(spec))
    await server.until(lambda: server.posts)
    first.cancel()
    task = await second
    assert first.cancelled()
    assert list(server.ledger.tasks) == [task.task_id]


async def test_one_of_two_waits_is_cancelled(server, open_session):
    """Fault 93: the other wait goes on; with both gone no look is left."""
    server.ledger.status = "processing"
    session = open_session(polling=Polling(first=0.01, longest=0.01), clock=None)
    first, second, third = (asyncio.create_task(session.wait_for_element("77")) for _ in range(3))
    await server.until(lambda: len(server.looks) > 1)
    first.cancel()
    third.cancel()
    await asyncio.gather(first, third, return_exceptions=True)
    server.ledger.status = "succeed"
    assert await second == "977"
    fourth = asyncio.create_task(session.wait_for_element("78"))
    server.ledger.status = "processing"
    await server.until(lambda: server.looks[-1].path.endswith("78"))
    fourth.cancel()
    await asyncio.gather(fourth, return_exceptions=True)
    await asyncio.sleep(0)
    assert not session._waiting.watches.by_id
    assert not session._waiting._at_work
