"""Fixtures for the tests of programs that use this package; pytest finds them by itself.

- ``kling_sandbox``: gateways on loopback, on a thread of their own (``sandbox.SandboxThread``).
- ``kling_session``: a session with its gateway ``kling``; of an async test, closed at its end.
- ``kling_clock``: virtual time (``testing.VirtualClock``); in a test that asks for it, the two others follow it.

Law: imports nothing of the package before a fixture is used. Every run of pytest on a machine with this package
loads this file, so it is installed beside the package, as ``pytest_kling_elements``.
"""

import inspect
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

# pytest-asyncio, in its strict mode, runs only the fixtures that it has made itself; pytest has loaded it anyway.
_has_asyncio = find_spec("pytest_asyncio") is not None
_async_fixture: Any = import_module("pytest_asyncio").fixture if _has_asyncio else pytest.fixture


@pytest.fixture
def kling_clock() -> Any:
    """Virtual time: ten minutes take milliseconds."""
    return import_module("kling_elements_async.testing").VirtualClock()


@pytest.fixture
def kling_sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Gateways on loopback; the environment points ``ElementsSession.from_env`` to the one named ``kling``."""
    clock = request.getfixturevalue("kling_clock") if "kling_clock" in request.fixturenames else None
    options = {"clock": clock.now, "durations": (30.0, 30.0)} if clock else {}
    with import_module("kling_elements_async.sandbox").SandboxThread(**options) as sandbox:
        if clock:
            clock.watch(sandbox)
        for name, value in sandbox.environment().items():
            monkeypatch.setenv(name, value)
        yield sandbox


@pytest.fixture
def kling_session(request: pytest.FixtureRequest) -> Any:
    """A session with the sandbox. A sync test closes it itself, on the loop on which it was used."""
    if inspect.iscoroutinefunction(request.function):
        return request.getfixturevalue("_kling_closed_session")
    return _session(request)


@_async_fixture  # type: ignore[untyped-decorator]
async def _kling_closed_session(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    session = _session(request)
    yield session
    await session.close()


def _session(request: pytest.FixtureRequest) -> Any:
    package = import_module("kling_elements_async")
    gateway = request.getfixturevalue("kling_sandbox").gateway()
    if "kling_clock" not in request.fixturenames:
        polling = package.Polling(first=0.05, longest=0.2)
        return package.ElementsSession(gateway, polling=polling)
    clock = request.getfixturevalue("kling_clock")
    session = package.ElementsSession(gateway, clock=clock)
    clock.watch(session)
    return session
