"""A sandbox and sessions on one quick clock; each test has a limit of real time, and leaves the loop silent."""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from kling_elements_async import ElementsSession
from kling_elements_async.sandbox import Sandbox

from .materials import QuickClock

HERE = Path(__file__).parent
LIMIT = 10.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        mine = HERE in item.path.parents and isinstance(item, pytest.Function)
        if mine and inspect.iscoroutinefunction(item.obj):
            item.obj = _limited(item.obj, 300.0 if item.get_closest_marker("slow") else LIMIT)


def _limited(test: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    @functools.wraps(test)
    async def limited(*args: Any, **named: Any) -> None:
        complaints: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, about: complaints.append(about["message"]))
        async with asyncio.timeout(seconds):
            await test(*args, **named)
        assert complaints == []

    return limited


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
