"""Callbacks end to end: a session at the sandbox, its endpoint over HTTP, and gateways and strangers that call it."""

import asyncio
import gc
import threading
import tracemalloc

import aiohttp
import pytest
from aiohttp import web

from kling_elements_async import (
    ElementFailedError,
    ElementSpec,
    ElementsSession,
    Images,
    Polling,
    SessionUnusableError,
    UnexpectedReplyError,
    WebhookVerificationError,
    webhooks,
)
from kling_elements_async.sandbox import Fault, Sandbox

from .materials import NEXT_KEY, NEXT_SECRET, SECRET, content, headers

LINKS = Images("https://example.com/f.png", ["https://example.com/s.png"])
# Nothing but callbacks brings an end in the time of a test.
SLOW = Polling(first=1000, longest=1000)


class Time:
    """The sandbox's clock: its tasks take ten seconds, which pass when the test says."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
async def sandbox(time):
    async with Sandbox(durations=(10, 10), clock=time) as sandbox:
        yield sandbox


@pytest.fixture
async def open_session(sandbox):
    sessions = []

    def opened(gateway="ezmodel", **settings):
        sessions.append(ElementsSession(sandbox.gateway(gateway), **({"polling": SLOW} | settings)))
        return sessions[-1]

    yield opened
    for session in sessions:
        await session.close()


@pytest.fixture
async def serve():
    """`await serve(session)` is the URL of its endpoint."""
    runners = []

    async def served(session):
        app = web.Application()
        app.router.add_post("/called", webhooks.aiohttp_handler(session))
        runners.append(web.AppRunner(app, access_log=None, shutdown_timeout=0.1))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runners[-1].addresses[0][1]}/called"

    yield served
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as http:
        yield http


async def call(http, url, body, found=()):
    async with http.post(url, data=body, headers=dict(found)) as response:
        return response.status, await response.read()


def spec(url=None, tags=(), **more):
    return ElementSpec("Mira", "A singer", LINKS, callback_url=url, tags=tags, **more)


def told(task, status="succeed", **more):
    """Kling's older body about a task of the sandbox."""
    elements = [{"element_id": int(task.element_id)}] if status == "succeed" else []
    return content(
        {
            "task_id": task.task_id,
            "task_status": status,
            "task_status_msg": "No face",
            "task_info": {"external_task_id": task.external_task_id},
            "task_result": {"elements": elements},
        }
        | more
    )


async def until(holds):
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what another task or the server does
            await asyncio.sleep(0.001)


async def waited(session, sandbox, gateway="ezmodel", **more):
    """A task and a wait for it."""
    created = await session.create_element(spec(**more))
    wait = asyncio.create_task(session.wait_for_element(created.task_id))
    await until(lambda: created.task_id in session._waiting.watches.by_id)
    return sandbox.account(gateway).tasks[created.task_id], wait


# ---------------------------------------------------------------- signed


async def test_a_signed_callback_over_http(open_session, sandbox, serve, http):
    """It is answered with 204, and the wait has its element without one look."""
    session = open_session(webhook_secrets=[NEXT_SECRET, SECRET])
    url = await serve(session)
    task, wait = await waited(session, sandbox, url=url)
    body = told(task)
    assert await call(http, url, body, headers(body)) == (204, b"")
    assert await wait == task.element_id
    assert sandbox.account("ezmodel").counts["get"] == 0


@pytest.mark.parametrize(
    "forged", [{}, headers(b"{}"), headers(b"{}", key=b"another")], ids=["no", "wrong", "other"]
)
async def test_a_forged_callback_over_http(open_session, sandbox, serve, http, forged):
    """With secrets, what is not signed is not even a hint: 401, and no look."""
    session = open_session(webhook_secrets=SECRET)
    url = await serve(session)
    task, wait = await waited(session, sandbox)
    assert await call(http, url, told(task), forged) == (401, b"")
    assert await call(http, url, b"x" * 300_000, forged) == (413, b"")
    assert (wait.done(), sandbox.account("ezmodel").counts["get"]) == (False, 0)
    wait.cancel()


async def test_a_signed_failure(open_session, sandbox):
    """It raises what a look would have raised."""
    session = open_session(webhook_secrets=[SECRET])
    task, wait = await waited(session, sandbox)
    body = told(task, "failed")
    await session.deliver_callback(headers(body), body)
    with pytest.raises(ElementFailedError, match="No face"):
        await wait


async def test_a_secret_that_is_gone(open_session):
    """What was signed with it is refused; an iterator of secrets is read once and kept."""
    session = open_session(webhook_secrets=iter([SECRET]))
    body = b'{"id": "1", "status": "succeeded", "outputs": []}'
    for _ in range(2):
        await session.deliver_callback(headers(body), body)
        with pytest.raises(WebhookVerificationError):
            await session.deliver_callback(headers(body, key=NEXT_KEY), body)


async def test_a_signed_callback_frees_a_slot(open_session, sandbox, time):
    """A create that queues is sent when the task before it has ended, whoever waits for that."""
    session = open_session(webhook_secrets=[SECRET], max_running_tasks=1)
    first = await session.create_element(spec())
    second = asyncio.create_task(session.create_element(spec()))
    await until(lambda: session._slots.has_queue)
    body = told(sandbox.account("ezmodel").tasks[first.task_id])
    await session.deliver_callback(headers(body), body)
    assert (await second).task_id != first.task_id


async def test_a_callback_in_a_batch(open_session, sandbox, serve, http):
    """Bulk creates wait for callbacks as any wait does."""
    session = open_session(webhook_secrets=[SECRET])
    url = await serve(session)
    account = sandbox.account("ezmodel")

    async def call_for_all():
        await until(lambda: len(session._waiting.watches.by_id) == 5)
        for task in account.tasks.values():
            body = told(task)
            assert await call(http, url, body, headers(body)) == (204, b"")

    calling = asyncio.create_task(call_for_all())
    async with session.create_many([spec(url) for _ in range(5)]) as outcomes:
        made = {outcome.element.element_id async for outcome in outcomes}
    await calling
    assert made == {task.element_id for task in account.tasks.values()}
    assert account.counts["get"] == 0


# ---------------------------------------------------------------- hints


@pytest.mark.parametrize("gateway", ["ezmodel", "evolink"])
async def test_a_hint_over_http(open_session, sandbox, serve, http, time, gateway):
    """One look confirms it; the element that it names is not taken from it."""
    session = open_session(gateway)
    url = await serve(session)
    task, wait = await waited(session, sandbox, gateway, url=url)
    bodies = {
        "ezmodel": told(task, task_result={"elements": [{"element_id": 666}]}),
        "evolink": content(
            {"id": task.task_id, "status": "completed", "result_data": {"elements": [{"element_id": 666}]}}
        ),
    }
    time.now += 10
    assert await call(http, url, bodies[gateway]) == (204, b"")
    assert await wait == task.element_id
    assert sandbox.account(gateway).counts["get"] == 1


async def test_forged_hints_over_http(open_session, sandbox, serve, http):
    """A hundred for a task that runs, and a hundred for tasks that nobody knows, cost one look together."""
    session = open_session()
    url = await serve(session)
    task, wait = await waited(session, sandbox)
    account = sandbox.account("ezmodel")
    sandbox.script("get", Fault.never())
    known = [call(http, url, told(task)) for _ in range(100)]
    unknown = [call(http, url, told(task, task_id=str(number), task_info={})) for number in range(100)]
    assert set(await asyncio.gather(*known, *unknown)) == {(204, b"")}
    await until(lambda: account.counts["get"])
    assert (wait.done(), account.counts["get"], account.counts["list"]) == (False, 1, 0)
    wait.cancel()
    await asyncio.wait([wait])
    assert session._waiting.watches.by_id == {}


async def test_nonsense_over_http(open_session, serve, http):
    """It is a 400 without a word, and costs nothing."""
    url = await serve(open_session())
    for body in (b"", b"{}", b"[" * 100_000, b'{"id": 1.5, "status": "x"}', b"\xff"):
        assert await call(http, url, body) == (400, b"")


# ---------------------------------------------------------------- the session's life


async def test_a_session_that_is_closed(open_session, serve, http, caplog):
    """A callback is refused, and a gateway may send it again to the next process."""
    session = open_session()
    url = await serve(session)
    await session.close()
    assert await call(http, url, b"{}") == (503, b"")
    with pytest.raises(SessionUnusableError):
        await session.deliver_callback({}, b"{}")


async def test_closed_while_a_hint_is_confirmed(open_session, sandbox):
    """The look ends with the session."""
    session = open_session()
    task, wait = await waited(session, sandbox)
    sandbox.script("get", Fault.never())
    await session.deliver_callback({}, told(task))
    await until(lambda: sandbox.account("ezmodel").counts["get"])
    await session.close()
    with pytest.raises(SessionUnusableError):
        await wait


async def test_another_loop(open_session, sandbox):
    """A callback that comes to another thread's loop is refused: it could end no wait safely."""
    session = open_session()
    task, wait = await waited(session, sandbox)
    found = []

    def elsewhere():
        try:
            asyncio.run(session.deliver_callback({}, told(task)))
        except SessionUnusableError as error:
            found.append(str(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await asyncio.to_thread(thread.join)
    assert "another event loop" in found[0]
    wait.cancel()


async def test_the_first_call_of_a_session(open_session):
    """Nothing needs to have been created before: another process may have."""
    await open_session().deliver_callback({}, b'{"id": "1", "status": "succeed"}')


@pytest.mark.parametrize("body", [b"x" * 300_000, "x" * 300_000, "é" * 140_000])
@pytest.mark.parametrize("secrets", [(), SECRET])
async def test_a_body_over_the_cap(open_session, body, secrets):
    """Handed over without an endpoint, it is refused as well."""
    with pytest.raises((UnexpectedReplyError, WebhookVerificationError)):
        await open_session(webhook_secrets=secrets).deliver_callback({}, body)


async def test_a_flood_of_unknown_tasks_leaves_nothing(open_session):
    """Hundreds of callbacks, signed or not, and the session is as large as before."""
    sessions = {True: open_session(webhook_secrets=[SECRET]), False: open_session()}

    async def flood(start):
        for number in range(start, start + 250):
            body = content({"task_id": f"{number}", "task_status": "succeed", "x": "y" * 2000})
            for is_signed, session in sessions.items():
                await session.deliver_callback(headers(body) if is_signed else {}, body)

    await flood(0)
    gc.collect()
    tracemalloc.start()
    try:
        await flood(10_000)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 12_500
    finally:
        tracemalloc.stop()
    for session in sessions.values():
        assert (session._waiting.watches.by_id, session._waiting._at_work) == ({}, set())
