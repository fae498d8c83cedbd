"""The fixtures that users get: gateways on a thread of their own, a session with them, and virtual time."""

import asyncio
import subprocess
import sys

import pytest

from kling_elements_async import (
    ElementFailedError,
    ElementSpec,
    ElementsSession,
    Images,
    Polling,
    UnexpectedReplyError,
    WaitTimeoutError,
)
from kling_elements_async.sandbox import NO_FAULT, Fault, SandboxThread
from kling_elements_async.testing import VirtualClock

pytestmark = pytest.mark.usefixtures("quick_tasks")
SPEC = ElementSpec("prop", "A prop", Images("https://example.com/a.png", ["https://example.com/b.png"]))


async def test_a_session_with_the_sandbox(kling_session, kling_sandbox):
    """It creates and waits at once, and the truth is there to be read."""
    element = await kling_session.create_and_wait(SPEC)
    assert list(kling_sandbox.account().elements) == [element.element_id]


def test_a_sync_test_uses_a_loop_of_its_own(kling_session, kling_sandbox):
    """The sandbox answers although no loop runs here, and a whole program may run on a loop of its own."""

    async def program():
        async with kling_session as session:
            return await session.create_and_wait(SPEC)

    element = asyncio.run(program())
    assert kling_sandbox.ask(lambda sandbox: list(sandbox.account("kling").elements)) == [element.element_id]


async def test_the_environment_leads_to_the_sandbox(kling_sandbox):
    """A program that builds its session by ``from_env`` needs no change."""
    async with ElementsSession.from_env(polling=Polling(first=0.05)) as session:
        await session.create_and_wait(SPEC)
    assert kling_sandbox.account().creates == 1


async def test_scripted_answers(kling_session, kling_sandbox, kling_clock):
    """The second poll fails and the wait goes on; 1303 three times is waited out; a task fails as bidden."""
    kling_sandbox.script("get", NO_FAULT, Fault.html(502))
    kling_sandbox.script("create", Fault.code(1303), times=3)
    await kling_session.create_and_wait(SPEC)
    assert kling_sandbox.account().counts["create"] == 4
    kling_sandbox.script("list", Fault.html(502), times=4)
    with pytest.raises(UnexpectedReplyError):
        await kling_session.list_elements()
    assert kling_clock.elapsed > 30
    kling_sandbox.script("create", Fault.task_fails("No face"))
    with pytest.raises(ElementFailedError, match="No face"):
        await kling_session.create_and_wait(SPEC)


async def test_ten_minutes_in_milliseconds(kling_session, kling_sandbox, kling_clock):
    """The session, the gateway's tasks and the deadlines all live on one virtual clock."""
    task = await kling_session.create_element(SPEC)
    with pytest.raises(WaitTimeoutError):
        await kling_session.wait_for_element(task.task_id, timeout=20)
    assert 20 <= kling_clock.elapsed < 21
    await kling_session.wait_for_element(task.task_id)
    assert 30 <= kling_clock.elapsed < 36
    kling_sandbox.script("create", Fault.task_fails(), gateway="ezmodel")  # nobody asks it


async def test_a_callback_after_five_seconds(kling_sandbox, kling_clock, aiohttp_endpoint):
    """It comes at its virtual moment, and ends the wait long before the next look."""
    session, url = await aiohttp_endpoint(
        ElementsSession(kling_sandbox.gateway(), clock=kling_clock, polling=Polling(first=500, longest=500))
    )
    kling_clock.watch(session)
    spec = ElementSpec("prop", "A prop", SPEC.reference, callback_url=url)
    await session.create_and_wait(spec, timeout=900)
    assert 30 <= kling_clock.elapsed < 31  # the tasks of a sandbox on virtual time take 30 s
    assert [called.state for called in kling_sandbox.account().called] == ["processing", "succeed"]


@pytest.fixture
async def aiohttp_endpoint():
    from aiohttp import web

    from kling_elements_async import webhooks

    runners, sessions = [], []

    async def opened(session):
        app = web.Application()
        app.router.add_post("/called", webhooks.aiohttp_handler(session))
        runner = web.AppRunner(app)
        runners.append(runner)
        sessions.append(session)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return session, f"http://127.0.0.1:{runner.addresses[0][1]}/called"

    yield opened
    for session in sessions:
        await session.close()
    for runner in runners:
        await runner.cleanup()


def test_the_plugin_imports_nothing_before_it_is_used():
    """A run of pytest without the fixtures does not pay for the package."""
    program = "import sys, pytest_kling_elements; print({'aiohttp', 'kling_elements_async'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_sandbox_thread_ends():
    """Closed twice is closed; what is asked of it afterwards is refused."""
    sandbox = SandboxThread()
    with sandbox:
        assert sandbox.url("ezmodel").startswith("http://127.0.0.1:")
        assert sandbox.environment("ezmodel")["KLING_GATEWAY"] == "ezmodel"
        with pytest.raises(ValueError, match="no call is named"):
            sandbox.script("poll", Fault.html())
    sandbox.close()
    with pytest.raises(RuntimeError):
        sandbox.url()


def test_a_port_that_is_taken():
    """Nothing is left of a sandbox that could not open its port."""
    with SandboxThread() as first:
        port = int(first.url("evolink").rpartition(":")[2].partition("/")[0])
        second = SandboxThread(port=port)
        with pytest.raises(OSError, match="address already in use"):
            second.start()
        second.close()


async def test_virtual_time_runs_by_hand_too():
    """Whoever is due wakes; a pause without an end is refused."""
    clock = VirtualClock()
    clock.advance(5)
    assert clock.elapsed == 5
    with pytest.raises(ValueError, match="inf"):
        await clock.sleep(float("inf"))
    await clock.sleep(3600)
    assert (clock.elapsed, clock.naps) == (3605, [3600])
    with pytest.raises(AssertionError, match="ran away"):
        await clock.sleep(1e7)
    await clock.stop()
