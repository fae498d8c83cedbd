"""A scripted server, sessions on it, and what is looked at after each test."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import attrs
import pytest

from kling_elements_async import ElementsError, ElementsSession, transport

from .canary import check_error, check_no_secret, way_of
from .materials import QuickClock, ezmodel
from .wire_script import WireServer


@pytest.fixture
async def server() -> AsyncIterator[WireServer]:
    async with WireServer() as server:
        yield server


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
async def open_session(server: WireServer, clock: QuickClock) -> AsyncIterator[Callable[..., ElementsSession]]:
    """`open_session()`: a session on the server, on a quick clock, closed at the end; `clock=None` is real time."""
    sessions: list[ElementsSession] = []

    def opened(gateway: Any = ezmodel, url: str | None = None, **settings: Any) -> ElementsSession:
        sessions.append(ElementsSession(gateway(url or server.url), **({"clock": clock} | settings)))
        return sessions[-1]

    yield opened
    for session in sessions:
        await session.close()


@pytest.fixture(autouse=True)
def canary(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Look at every error of ours that the test makes, and at all that is logged: no key, nothing foreign."""
    caplog.set_level(logging.DEBUG)
    made: list[ElementsError] = []

    def noted(self: ElementsError, *args: object) -> None:
        made.append(self)
        super(ElementsError, self).__init__(*args)

    with monkeypatch.context() as patch:
        patch.setattr(ElementsError, "__init__", noted)
        yield
    for error in {way_of(error): error for error in made}.values():
        check_error(error)
    for record in caplog.get_records("call"):
        check_no_secret(record.getMessage(), repr(record.args), record.exc_text or "")


@pytest.fixture
def quick_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection has 0.08 s to be made."""
    given = transport._TIMEOUT
    limits = {name: 0.08 for name in ("total", "connect", "sock_connect") if getattr(given, name) is not None}
    monkeypatch.setattr(transport, "_TIMEOUT", attrs.evolve(given, **limits))
