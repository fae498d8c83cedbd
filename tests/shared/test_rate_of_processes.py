"""Three processes that share a rate of requests: as much as it allows, and no second much more."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from kling_elements_async.sandbox import Sandbox

from .redis_server import RedisServer, needs_redis

TESTS = Path(__file__).parent.parent
RATE, SECONDS, SPAN = 300, 13, 10.0


async def arrivals_of_three(where):
    """When each request came to the gateway, in seconds."""
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
        for process in processes:
            process.stdin.write(b"\n")
        sent = [int((await process.communicate())[0]) for process in processes]
        return sent, sorted(seen.at for seen in sandbox.account("ezmodel").requests)


def figures(arrivals):
    """The part of the rate over ten seconds, from the first second on, and of the worst second."""
    since = arrivals[0] + 1.0
    over = sum(since <= at < since + SPAN for at in arrivals)
    first = worst = 0
    for last, at in enumerate(arrivals):
        while at - arrivals[first] >= 1.0:
            first += 1
        worst = max(worst, last - first + 1)
    return over / (RATE * SPAN), worst / RATE


@pytest.mark.slow
@pytest.mark.services  # the one without Redis, too: it measures a second of wall time
@pytest.mark.parametrize("where", [pytest.param("redis", marks=needs_redis), "sqlite"])
async def test_a_rate_of_three_processes(where, tmp_path, capsys):
    """99 to 101 % of 300 a second over ten seconds, the worst second at most 1.1 times; four commands a grant."""
    redis = RedisServer(tmp_path)
    if where == "redis":
        await redis.start()
    try:
        sent, arrivals = await arrivals_of_three(redis.url if where == "redis" else str(tmp_path / "rate.sqlite"))
        calls = await redis.calls() if where == "redis" else {}
    finally:
        await redis.stop()
    share, worst = figures(arrivals)
    commands = sum(count for name, count in calls.items() if name not in ("info", "hello", "script|load")) / sum(
        sent
    )
    with capsys.disabled():
        sys.stdout.write(
            f"\nthree processes at {RATE} a second by {where}: {share:.2%} over {SPAN:.0f} s, worst second {worst:.3f}, "
            f"each sent {sent}, {commands:.2f} commands a grant {calls}\n"
        )
    assert 0.99 <= share <= 1.01
    assert worst <= 1.1
    assert commands <= 4
