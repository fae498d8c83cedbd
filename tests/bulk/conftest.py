"""A sandbox and sessions on one quick clock."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from kling_elements_async import ElementsSession
from kling_elements_async.sandbox import Sandbox

from .materials import QuickClock


@pytest.fixture
def quick() -> QuickClock:
    return QuickClock()


@pytest.fixture
async def sandbox(quick: QuickClock) -> AsyncIterator[Sandbox]:
    """Tasks take 0.5 to 1.5 s of the quick clock."""
    async with Sandbox(durations=(0.5, 1.5), clock=quick.now) as sandbox:
        yield sandbox


@pytest.fixture
async def open_session(sandbox: Sandbox, quick: QuickClock) -> AsyncIterator[Callable[..., ElementsSession]]:
    """`open_session("ezmodel")`: a session at the sandbox, closed at the end."""
    sessions: list[ElementsSession] = []

    def opened(gateway: Any = "ezmodel", **settings: Any) -> ElementsSession:
        where = sandbox.gateway(gateway) if isinstance(gateway, str) else gateway
        sessions.append(ElementsSession(where, **({"clock": quick} | settings)))
        return sessions[-1]

    yield opened
    for session in sessions:
        await session.close()


@pytest.fixture
def session(open_session: Callable[..., ElementsSession]) -> ElementsSession:
    return open_session()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "job.journal"
