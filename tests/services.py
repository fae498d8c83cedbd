"""PostgreSQL and Redis for the tests that need them: started on loopback, in a directory of their own, and ended."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

_POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
_START = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _program(name: str) -> str:
    found = shutil.which(name) or next((str(path / name) for path in _POSTGRES if (path / name).exists()), None)
    if found is None:
        pytest.skip(f"{name} is not installed here: apt-get install postgresql redis-server")
    return found


@contextmanager
def _served(command: list[str], is_there: Callable[[], bool], **options: Any) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        until = time.monotonic() + _START
        while not is_there():
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            assert time.monotonic() < until, f"{command[0]} does not answer"
            time.sleep(0.05)
        yield
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(2)  # PostgreSQL's "fast": it rolls back and ends
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int) -> Callable[[], bool]:
    def is_there() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    return is_there


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of its own, and the DSN of its database. It does not run as root."""
    initdb, server, ready = _program("initdb"), _program("postgres"), _program("pg_isready")
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="kling-postgres-"))
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        who = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(folder, "postgres", "postgres")
    try:
        made = [
            initdb,
            "-D",
            str(folder / "data"),
            "-U",
            "postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
        ]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, **who)
        command = [server, "-D", str(folder / "data"), "-p", str(port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]

        def is_ready() -> bool:
            asked = [ready, "-q", "-h", "127.0.0.1", "-p", str(port)]
            return subprocess.run(asked, check=False, capture_output=True).returncode == 0

        with _served(command, is_ready, cwd=folder, **who):
            yield f"postgresql://postgres:no-real-password@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis() -> Iterator[str]:
    """A Redis of its own, and its URL."""
    server = _program("redis-server")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="kling-redis-") as folder:
        command = [server, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
        with _served(command, _answers(port)):
            yield f"redis://127.0.0.1:{port}"
