"""PostgreSQL and Redis for the tests that need them: started on loopback, in a directory of their own, and ended."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import pytest

_POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
_START = 60.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _program(name: str) -> str:
    found = shutil.which(name) or next((str(path / name) for path in _POSTGRES if (path / name).exists()), None)
    if found is None:
        pytest.skip(f"{name} is not installed here: apt-get install postgresql redis-server")
    return found


def _started(command: list[str], is_there: Callable[[], bool], **options: Any) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    until = time.monotonic() + _START
    while not is_there():
        assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
        if time.monotonic() > until:
            _ended(process, signal.SIGKILL)
            raise AssertionError(f"{command[0]} does not answer")
        time.sleep(0.02)
    return process


def _ended(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(how)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of its own, and the DSN of its database. It does not run as root."""
    initdb, server, ready = _program("initdb"), _program("postgres"), _program("pg_isready")
    port = _free_port()
    folder = Path(tempfile.mkdtemp(prefix="kling-postgres-"))
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        who = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(folder, "postgres", "postgres")

    def is_ready() -> bool:
        asked = [ready, "-q", "-h", "127.0.0.1", "-p", str(port)]
        return subprocess.run(asked, check=False, capture_output=True).returncode == 0

    try:
        made = [initdb, "-D", str(folder / "data"), "-U", "postgres"]
        made += ["--auth=trust", "--encoding=UTF8", "--no-sync"]
        subprocess.run(made, check=True, capture_output=True, cwd=folder, **who)
        command = [server, "-D", str(folder / "data"), "-p", str(port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
        process = _started(command, is_ready, cwd=folder, **who)
        try:
            yield f"postgresql://postgres:no-real-password@127.0.0.1:{port}/postgres"
        finally:
            _ended(process, signal.SIGINT)  # its "fast": it rolls back and ends
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class RedisServer:
    """A Redis of its own, with nothing kept on disk. What it held is gone when it is stopped."""

    def __init__(self, folder: Path) -> None:
        self._program = _program("redis-server")
        self._folder = folder
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        self._process = _started([*command, "--save", "", "--appendonly", "no"], self._answers)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            _ended(process, signal.SIGKILL)

    def send(self, what: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(what)

    def calls(self) -> dict[str, int]:
        """How often each command was carried out, those of scripts included."""
        with self._connected() as connection, connection.makefile("rwb") as stream:
            stream.write(b"INFO commandstats\r\n")
            stream.flush()
            lines = stream.read(int(stream.readline()[1:])).decode().splitlines()
        pairs = (line.removeprefix("cmdstat_").split(":calls=") for line in lines if line.startswith("cmdstat_"))
        return {name: int(rest.split(",")[0]) for name, rest in pairs}

    def _connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def _answers(self) -> bool:
        with suppress(OSError), self._connected() as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
        return False
