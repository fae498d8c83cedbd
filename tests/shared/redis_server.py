"""A Redis of the tests' own: on a free port of loopback, with nothing kept on disk, ended by its pid."""

import asyncio
import shutil
import signal
import socket
from pathlib import Path

import pytest

needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None,
    reason="there is no redis-server on the PATH: install that of your system",
)


class RedisServer:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        settings = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = await asyncio.create_subprocess_exec(
            *("redis-server", *settings, "--dir", str(self.directory), "--loglevel", "warning"),
            stdout=asyncio.subprocess.DEVNULL,
        )
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return
        raise AssertionError("redis-server did not start")

    async def stop(self) -> None:
        """End it; what it held is gone."""
        if self.process and self.process.returncode is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            await self.process.wait()
        self.process = None

    def send(self, what: signal.Signals) -> None:
        self.process.send_signal(what)

    async def calls(self) -> dict[str, int]:
        """How often each command was carried out, those of scripts included."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"INFO commandstats\r\n")
        size = int((await reader.readline())[1:])
        lines = (await reader.readexactly(size + 2)).decode().splitlines()
        writer.close()
        await writer.wait_closed()
        pairs = (line.removeprefix("cmdstat_").split(":calls=") for line in lines if line.startswith("cmdstat_"))
        return {name: int(rest.split(",")[0]) for name, rest in pairs}
