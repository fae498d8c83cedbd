"""What all tests share: a limit of real time, virtual time, one profile of hypothesis, and a mock of HTTP."""

import asyncio
import functools
import gc
import inspect
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import hypothesis
import machine
import pytest
from aioresponses import aioresponses
from aioresponses import core as aioresponses_core
from services import RedisServer, postgres

from kling_elements_async import ElementsSession, Polling
from kling_elements_async.sandbox import Sandbox
from kling_elements_async.testing import VirtualClock

# The same examples each time, none stored, and no limit of time for one: a run judges the change, not the dice, and a
# slow machine is no failure.
hypothesis.settings.register_profile(
    "here",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
# Other examples each time: for whoever looks for bugs, by `pytest --hypothesis-profile=hunt`.
hypothesis.settings.register_profile(
    "hunt",
    hypothesis.settings.get_profile("here"),
    derandomize=False,
    max_examples=1000,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate, hypothesis.Phase.shrink],
)
hypothesis.settings.load_profile("here")


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and so would the programs that the tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Real seconds: a test that hangs fails, and says where. No test of a free machine comes near them.
LIMIT, SLOW_LIMIT = 40.0, 400.0


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Have the default run of the whole suite share the cores, where pytest-xdist is there and nobody says otherwise.

    What is slow measures, and services are started once: both run in one process. Developer mode is not handed on.
    """
    given = config.option
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    is_default_run = config.args_source is pytest.Config.ArgsSource.TESTPATHS and "not slow" in given.markexpr
    is_free = getattr(given, "numprocesses", 0) is None and given.capture != "no" and not sys.flags.dev_mode
    if is_default_run and is_free and not is_worker:
        given.numprocesses, given.maxprocesses, given.dist = "auto", 4, "worksteal"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays to the end: the collector of garbage need not go through it again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each coroutine test a limit of real time, and let none leave a complaint of the loop's behind."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            item.obj = _limited(item.obj, SLOW_LIMIT if item.get_closest_marker("slow") else LIMIT)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Let what measures wall time, or waits for a service, go before other work on the machine."""
    if not any(item.iter_markers("services")) and not any(item.iter_markers("browser")):
        return (yield)
    with machine.first_in_line():
        return (yield)


def _limited(test: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    @functools.wraps(test)
    async def limited(*args: Any, **named: Any) -> None:
        complaints: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, about: complaints.append(about["message"]))
        async with asyncio.timeout(seconds):
            await test(*args, **named)
        assert complaints == []

    return limited


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """The DSN of a PostgreSQL."""
    pytest.importorskip("asyncpg", reason="asyncpg is not installed: the extra postgres")
    with postgres() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture
async def clock() -> AsyncIterator[VirtualClock]:
    """Virtual time."""
    clock = VirtualClock()
    yield clock
    await clock.stop()


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who builds a session and says nothing of its pace has one that looks at its tasks more often."""
    monkeypatch.setitem(ElementsSession.__init__.__kwdefaults__, "polling", Polling(first=0.02, longest=0.04))


@pytest.fixture
def quick_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who starts a sandbox and says nothing of its tasks has one whose tasks end sooner."""
    monkeypatch.setitem(Sandbox.__init__.__kwdefaults__, "durations", (0.02, 0.05))


class _ResponseWithWriter(aiohttp.ClientResponse):
    def __init__(self, *args: Any, **named: Any) -> None:
        named.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(*args, **named)


@pytest.fixture
def mocked_http(monkeypatch: pytest.MonkeyPatch) -> Iterator[aioresponses]:
    """Answers without a server; anything that was not announced is a refused connection.

    aioresponses 0.7.9 builds a ClientResponse without the `stream_writer` that aiohttp 3.14 requires. It is
    given one here, where it is required and aioresponses does not know of it: a release that does needs no help.
    """
    required = "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters
    if required and "stream_writer" not in inspect.getsource(aioresponses_core):
        monkeypatch.setattr(aioresponses_core, "ClientResponse", _ResponseWithWriter)
    with aioresponses() as mock:
        yield mock
