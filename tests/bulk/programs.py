"""Starting `kill_program` in a process of its own."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from kling_elements_async.sandbox import Sandbox

TESTS = Path(__file__).parent.parent


async def started(
    sandbox: Sandbox, items: int, out: Path, *, flags: tuple[str, ...] = ("-X", "dev", "-W", "error"), **more: Any
) -> asyncio.subprocess.Process:
    """A process whose job has just been entered."""
    gateway = more.get("gateway", "ezmodel")
    settings = {"url": sandbox.url(gateway), "key": sandbox.key, "items": items, "out": str(out), "speed": 20.0}
    settings |= {name: str(value) if isinstance(value, Path) else value for name, value in more.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *flags, "-m", "bulk.kill_program", json.dumps(settings)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=TESTS,
        env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
    )
    line = await process.stdout.readline()
    if line != b"started\n":
        _, errors = await process.communicate()
        raise AssertionError(f"ended with {process.returncode} before its start: {errors.decode()}")
    return process


def lines(out: Path) -> list[dict[str, Any]]:
    """The outcomes that were written whole."""
    if not out.exists():
        return []
    return [json.loads(line) for line in out.read_text().splitlines(keepends=True) if line.endswith("\n")]


async def run_to_its_end(sandbox: Sandbox, items: int, out: Path, **more: Any) -> dict[int, str]:
    """Each item's element, by a process that comes to its end without a word of complaint."""
    process = await started(sandbox, items, out, **more)
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert errors == b"", errors.decode()
    return {line["index"]: line["element"] for line in lines(out)}
