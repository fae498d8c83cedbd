"""The server, the virtual clock and sessions, for each test anew; and a limit of real time on each."""

import asyncio
import functools
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kling_elements_async import ElementsSession

from .clock import VirtualClock
from .errors import check_no_secret
from .materials import GATEWAYS
from .server import KEY, Server

HERE = Path(__file__).parent
LIMIT = 20.0  # real seconds; a test that hangs fails, and says where


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if (
            HERE in item.path.parents
            and isinstance(item, pytest.Function)
            and inspect.iscoroutinefunction(item.obj)
        ):
            item.obj = _limited(item.obj, 120.0 if item.get_closest_marker("slow") else LIMIT)


def _limited(test: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    @functools.wraps(test)
    async def limited(*args: Any, **named: Any) -> None:
        async with asyncio.timeout(seconds):
            await test(*args, **named)

    return limited


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server() as server:
        yield server


@pytest.fixture
async def clock(server: Server) -> AsyncIterator[VirtualClock]:
    """Virtual time, which the server follows, too."""
    clock = VirtualClock(server)
    follow(server, clock)
    yield clock
    await clock.stop()


def follow(server: Server, clock: VirtualClock) -> None:
    server.now = clock.now
    for account in server.accounts.values():
        account.now = clock.now


@pytest.fixture
async def open_session(server: Server, clock: VirtualClock) -> AsyncIterator[Callable[..., ElementsSession]]:
    """`open_session("ezmodel")`: a session in virtual time, closed at the end; `clock=None` is real time."""
    sessions: list[ElementsSession] = []

    def opened(name: str = "ezmodel", **settings: Any) -> ElementsSession:
        gateway = GATEWAYS[name](api_key=KEY, base_url=server.base_url(name))
        sessions.append(ElementsSession(gateway, **({"clock": clock} | settings)))
        return sessions[-1]

    yield opened
    for session in sessions:
        await session.close()


@pytest.fixture(autouse=True)
def no_key_in_any_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.get_records("call"):
        check_no_secret(record.getMessage(), repr(record.args), record.exc_text or "")
