"""The server, the virtual clock and sessions, for each test anew."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from kling_elements_async import ElementsSession

from .clock import VirtualClock
from .errors import check_no_secret
from .materials import GATEWAYS
from .server import KEY, Server


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
