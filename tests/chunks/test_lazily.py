"""What many workers need is loaded when it is used, and says what it lacks."""

import subprocess
import sys
from functools import cache

import pytest

from kling_elements_async import ConfigurationError
from kling_elements_async.journals import PostgresJournal


@cache
def loaded() -> list[set[str]]:
    """The modules of a process that imports the package, then the chunks and the journals."""
    code = (
        "import sys, kling_elements_async; print(*sys.modules);"
        "import kling_elements_async.chunks, kling_elements_async.journals; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [set(line.split()) for line in done.stdout.splitlines()]


def test_no_engine_and_no_driver_comes_with_the_chunks():
    """Neither with the package, nor with the journals; and the package alone loads no SQLite either."""
    package, chunks = loaded()
    assert "kling_elements_async.session" in package
    assert "sqlite3" not in package
    assert chunks & {"streaq", "celery", "asyncpg", "redis", "coredis"} == set()


def test_a_worker_loads_no_command_and_no_sandbox():
    """A process that runs chunks needs neither."""
    _, chunks = loaded()
    assert "kling_elements_async.chunks" in chunks
    assert chunks & {"kling_elements_async.command", "kling_elements_async.sandbox"} == set()


def test_without_the_extra(monkeypatch):
    """The error names the package and how to install it."""
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    monkeypatch.delitem(sys.modules, "kling_elements_async.journals.pool", raising=False)
    with pytest.raises(ConfigurationError, match=r"pip install 'kling-elements-async\[postgres\]'"):
        PostgresJournal("postgresql://127.0.0.1/props", job="props")
