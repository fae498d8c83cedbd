"""Three processes that share a rate of requests: as much as it allows, and no second much more."""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

import pytest
from attrs import frozen
from machine import measured
from services import RedisServer

from kling_elements_async.sandbox import Sandbox

TESTS = Path(__file__).parent.parent
RATE, SECONDS, SPAN = 300, 13, 10.0


async def arrivals_of_three(where, witness):
    """How many requests each sent, and when each came to the gateway, in seconds."""
    async with Sandbox() as sandbox:
        settings = {"url": sandbox.url("ezmodel"), "key": sandbox.key, "rate": RATE, "where": where}
        arguments = json.dumps(settings | {"seconds": SECONDS, "at_once": 40})
        processes = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "shared.rate_program", arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=TESTS,
                env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
            )
            for _ in range(3)
        ]
        for process in processes:
            assert await process.stdout.readline() == b"ready\n"
        with witness:
            for process in processes:
                process.stdin.write(b"\n")
            sent = [int((await process.communicate())[0]) for process in processes]
        return sent, sorted(seen.at for seen in sandbox.account("ezmodel").requests)


@frozen
class Figures:
    """Parts of the rate: over ten seconds, from the first second on, and in the worst second; Redis's commands."""

    share: float
    worst: float
    commands: float

    @classmethod
    def of(cls, sent, arrivals, commands=0):
        since = arrivals[0] + 1.0
        over = sum(since <= at < since + SPAN for at in arrivals)
        first = worst = 0
        for last, at in enumerate(arrivals):
            while at - arrivals[first] >= 1.0:
                first += 1
            worst = max(worst, last - first + 1)
        return cls(over / (RATE * SPAN), worst / RATE, commands / sum(sent))

    @property
    def keep_the_rate(self):
        return 0.99 <= self.share <= 1.01 and self.worst <= 1.1


async def by_redis(folder, witness):
    with RedisServer(folder) as redis:
        sent, arrivals = await arrivals_of_three(redis.url, witness)
        calls = redis.calls()
    asked = {name: count for name, count in calls.items() if name not in ("info", "hello", "ping", "script|load")}
    return Figures.of(sent, arrivals, sum(asked.values()))


async def by_sqlite(folder, witness):
    return Figures.of(*await arrivals_of_three(str(folder / "rate.sqlite"), witness))


@pytest.mark.slow
@pytest.mark.services  # the one without Redis, too: it measures a second of wall time
@pytest.mark.parametrize("figures_by", [by_redis, by_sqlite])
async def test_a_rate_of_three_processes(figures_by, tmp_path, capsys):
    """99 to 101 % of 300 a second over ten seconds, the worst second at most 1.1 times; four commands a grant."""

    async def measure(witness):
        return await figures_by(Path(tempfile.mkdtemp(dir=tmp_path)), witness)

    with capsys.disabled():
        figures = await measured(measure, lambda figures: figures.keep_the_rate)
    assert 0.99 <= figures.share <= 1.01
    assert figures.worst <= 1.1
    assert figures.commands <= 4
