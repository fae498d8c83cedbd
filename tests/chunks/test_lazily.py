"""What many workers need is loaded when it is used, and says what it lacks."""

import subprocess
import sys

import pytest

from kling_elements_async import ConfigurationError
from kling_elements_async.journals import PostgresJournal


def test_no_engine_and_no_driver_comes_with_the_chunks():
    """Neither with the package, nor with the journals; and the package alone loads no SQLite either."""
    code = (
        "import sys, kling_elements_async; assert 'sqlite3' not in sys.modules;"
        "import kling_elements_async.chunks, kling_elements_async.journals;"
        "sys.exit(bool({'streaq', 'celery', 'asyncpg', 'redis', 'coredis'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_worker_loads_no_command_and_no_sandbox():
    """A process that runs chunks needs neither."""
    code = (
        "import sys, kling_elements_async.chunks;"
        "sys.exit(bool({'kling_elements_async.command', 'kling_elements_async.sandbox'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_the_extra(monkeypatch):
    """The error names the package and how to install it."""
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    monkeypatch.delitem(sys.modules, "kling_elements_async.journals.pool", raising=False)
    with pytest.raises(ConfigurationError, match=r"pip install 'kling-elements-async\[postgres\]'"):
        PostgresJournal("postgresql://127.0.0.1/props", job="props")
