"""Workers in processes of their own, and what the gateway saw of them all."""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from kling_elements_async.sandbox import Sandbox

TESTS = Path(__file__).parent.parent


class Crew:
    """Processes of `worker_program`, each with a journal and a file of outcomes of its own."""

    def __init__(self, sandbox: Sandbox, directory: Path, items: int, **settings: Any) -> None:
        self.sandbox = sandbox
        self.directory = directory
        self.items = items
        self.settings = {"url": sandbox.url("ezmodel"), "key": sandbox.key, **settings}
        self.processes: dict[int, asyncio.subprocess.Process] = {}
        self.said: dict[int, str] = {}
        self.samples: list[tuple[float, int]] = []

    async def start(self, *workers: int) -> None:
        for worker in workers:
            settings = self.settings | {"first": worker * self.items, "items": self.items}
            settings |= {name: str(self.directory / f"{worker}.{name}") for name in ("out", "journal")}
            self.processes[worker] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "shared.worker_program", json.dumps(settings)),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=TESTS,
                env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
            )
        for worker in workers:
            assert await self.processes[worker].stdout.readline() == b"started\n", await self.end(worker)

    def send(self, worker: int, what: signal.Signals) -> None:
        self.processes[worker].send_signal(what)

    async def end(self, worker: int) -> int:
        """Wait for a worker's end, and return its status."""
        _, errors = await self.processes[worker].communicate()
        self.said[worker] = self.said.get(worker, "") + errors.decode()
        return self.processes[worker].returncode

    async def close(self) -> None:
        for process in self.processes.values():
            if process.returncode is None:
                process.kill()
                await process.wait()

    def outcomes(self) -> list[dict[str, Any]]:
        text = "".join(path.read_text() for path in sorted(self.directory.glob("*.out")))
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    async def sample(self) -> None:
        """Look twenty times a second at how many tasks run."""
        while True:
            self.samples.append((time.monotonic(), self.sandbox.account("ezmodel").running))
            await asyncio.sleep(0.05)

    def fullness(self, since: float, until: float, limit: int) -> float:
        tasks = self.sandbox.account("ezmodel").tasks.values()
        taken = sum(max(0.0, min(task.ends, until) - max(task.born, since)) for task in tasks)
        return taken / (limit * (until - since))
