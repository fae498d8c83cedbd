"""The life of a session: where it is built, used, closed, and by whom."""

import asyncio
import os
import pickle
import warnings

import aiohttp
import pytest
from tables import mostly_slow

from kling_elements_async import (
    ConfigurationError,
    ElementsError,
    ElementsSession,
    Polling,
    Retries,
    SessionUnusableError,
)
from kling_elements_async.gateways import EzModel, Kling

from .errors import caught
from .materials import BLIND, GATEWAYS, NATIVE, a_spec
from .server import ACCESS_KEY, HANG, KEY, SECRET_KEY, Server, says

CALLS = {
    "create_element": lambda session: session.create_element(a_spec()),
    "get_element": lambda session: session.get_element("1"),
    "list_elements": lambda session: session.list_elements(),
    "list_preset_elements": lambda session: session.list_preset_elements(),
    "delete_element": lambda session: session.delete_element("1"),
    "wait_for_element": lambda session: session.wait_for_element("1"),
    "create_and_wait": lambda session: session.create_and_wait(a_spec()),
}


def test_built_without_a_loop():
    """A session can be a global; it needs a loop when it is used."""
    server = Server()
    session = ElementsSession(EzModel(api_key=KEY, base_url=server.base_url("ezmodel")))

    async def use():
        async with server, session:
            await session.list_elements()

    asyncio.run(use())
    assert len(server.seen) == 1


def test_never_used():
    """A session that was never used needs no closing."""
    ElementsSession(EzModel(api_key=KEY))


@pytest.mark.parametrize("call", CALLS)
async def test_used_after_close(server, open_session, call):
    """It says so, and nothing is sent."""
    session = open_session()
    await session.list_elements()
    await session.close()
    with caught(SessionUnusableError) as info:
        await CALLS[call](session)
    assert isinstance(info.value, RuntimeError)
    assert len(server.seen) == 1


async def test_closed_twice(open_session):
    """The second time is nothing."""
    session = open_session()
    await session.close()
    await session.close()


async def test_closed_while_a_call_runs(server, open_session):
    """The call ends at once with a clear error."""
    session = open_session(clock=None)
    server.always("get", HANG)
    calls = [asyncio.create_task(CALLS[name](session)) for name in ("get_element", "wait_for_element")]
    await server.until("get", 2)
    await session.close()
    async with asyncio.timeout(10):
        errors = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(error, ElementsError) for error in errors)


@pytest.mark.parametrize("call", CALLS)
async def test_used_from_another_loop(server, open_session, call):
    """Refused at once, with words that tell what is wrong."""
    session = open_session(clock=None)
    await session.list_elements()

    async def elsewhere():
        await CALLS[call](session)

    with caught(SessionUnusableError):
        await asyncio.to_thread(asyncio.run, elsewhere())
    await session.list_elements()
    assert len(server.seen) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
async def test_used_after_a_fork(server, open_session):
    """The child has no connection of its own: it is told so."""
    session = open_session(clock=None)
    await session.list_elements()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            session.list_elements().send(None)
        except SessionUnusableError:
            code = 0
        finally:
            os._exit(code)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize("name", GATEWAYS)
async def test_from_the_environment(server, monkeypatch, name):
    """Gateway, key and address come from the environment."""
    monkeypatch.setenv("KLING_GATEWAY", name)
    monkeypatch.setenv("KLING_API_KEY", KEY)
    monkeypatch.setenv("KLING_BASE_URL", server.base_url(name))
    async with ElementsSession.from_env(retries=Retries(), polling=Polling(), max_connections=5) as session:
        await session.create_element(a_spec(name))
    assert (server.seen[0].gateway, server.seen[0].bearer) == (name, True)


@pytest.fixture
def bare_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("KLING_")]:
        monkeypatch.delenv(name)
    return monkeypatch


async def test_from_an_environment_with_a_pair_of_keys(server, bare_environment):
    """Kling is the default gateway, and takes the pair."""
    bare_environment.setenv("KLING_ACCESS_KEY", ACCESS_KEY)
    bare_environment.setenv("KLING_SECRET_KEY", SECRET_KEY)
    bare_environment.setenv("KLING_BASE_URL", server.origin)
    async with ElementsSession.from_env() as session:
        await session.list_elements()
    assert server.seen[0].signed["iss"] == ACCESS_KEY


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"KLING_GATEWAY": "ezmodel"},
        {"KLING_GATEWAY": "nobody", "KLING_API_KEY": "x"},
        {"KLING_ACCESS_KEY": "x"},
    ],
)
def test_from_an_environment_that_lacks_something(bare_environment, variables):
    """No key, half a key, or an unknown gateway."""
    for name, value in variables.items():
        bare_environment.setenv(name, value)
    with caught(ConfigurationError):
        ElementsSession.from_env()


async def test_a_session_of_the_callers(server, clock):
    """It is used and left open, and nothing of ours stays in it; redirects are still not followed."""
    async with aiohttp.ClientSession() as http, Server() as other:
        async with ElementsSession(Kling(api_key=KEY, base_url=server.origin), http=http, clock=clock) as session:
            task = await session.create_element(a_spec())
            assert await session.wait_for_element(task.task_id)
            server.always("list", says(b"", 307, Location=other.origin + "/v1/x"))
            with caught(ElementsError):
                await session.list_elements()
        assert not http.closed
        assert "Authorization" not in http.headers
        assert other.accepted == 0
    assert all(seen.bearer for seen in server.seen)


async def test_a_session_of_the_callers_has_its_own_limit(server):
    """max_connections beside it would be ignored, so it is refused."""
    async with aiohttp.ClientSession() as http:
        with caught(ConfigurationError):
            ElementsSession(Kling(api_key=KEY, base_url=server.origin), http=http, max_connections=5)


@pytest.mark.parametrize("gateway", mostly_slow([*NATIVE, *BLIND], "ezmodel", "evolink"))
async def test_twenty_creates_at_once(server, open_session, gateway):
    """Twenty elements, twenty tasks, no mix-up."""
    server.accounts[gateway].words = ("processing", "processing", "succeed")
    session = open_session(gateway)
    specs = [a_spec(gateway, name=f"number {number}") for number in range(20)]
    elements = await asyncio.gather(*(session.create_and_wait(spec) for spec in specs))
    assert [element.name for element in elements] == [spec.name for spec in specs]
    assert len({element.element_id for element in elements}) == 20
    assert len(server.calls("create")) == 20


async def test_few_connections(server, open_session):
    """max_connections bounds what is open at once, and everything gets through."""
    session = open_session(max_connections=2, clock=None)
    await asyncio.gather(*(session.list_elements() for _ in range(20)))
    assert server.accepted <= 2
    assert len(server.seen) == 20


async def test_values_can_be_shared_and_stored(server, open_session):
    """Specs, tasks and elements are hashable and pickle."""
    spec = a_spec()
    element = await open_session().create_and_wait(spec)
    for value in (spec, element):
        assert pickle.loads(pickle.dumps(value)) == value
        assert hash(value) == hash(pickle.loads(pickle.dumps(value)))


async def test_running_tasks_are_limited(server, open_session):
    """max_running_tasks holds creates back until a task has ended."""
    session = open_session(max_running_tasks=2)
    server.accounts["ezmodel"].words = ("processing", "succeed")
    specs = [a_spec(name=f"number {number}") for number in range(6)]
    await asyncio.gather(*(session.create_and_wait(spec) for spec in specs))
    calls = [seen.call for seen in server.seen]
    assert calls[:3] == ["create", "create", "get"]
