"""Three processes at one account and one Redis: killed, paused, and left without Redis."""

import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest
from attrs import frozen
from machine import measured

from kling_elements_async.sandbox import Sandbox

from .crew import Crew

pytestmark = [pytest.mark.services, pytest.mark.slow]


async def reached(condition, seconds=300.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        await asyncio.sleep(0.02)


def say(text):
    sys.stdout.write(f"\n{text}\n")


@frozen
class Full:
    """How full the slots were while there was work, and what that took."""

    share: float
    seconds: float
    redis: dict
    requests: dict


async def test_the_slots_of_three_processes(redis, tmp_path, capsys):
    """A limit of 20, which no more than 20 tasks meet, and 92 % full while there is work."""

    async def measure(witness):
        async with Sandbox(durations=(6.0, 10.0)) as sandbox:
            account = sandbox.account("ezmodel")
            crew = Crew(sandbox, Path(tempfile.mkdtemp(dir=tmp_path)), 50, redis=redis.url, lease=3.0, limit=20)
            try:
                begin = time.monotonic()
                await crew.start(0, 1, 2)
                with witness:
                    assert [await crew.end(worker) for worker in range(3)] == [0, 0, 0], crew.said
            finally:
                await crew.close()
            assert account.most_running == 20
            assert account.made_twice == 0
            last = max(task.born for task in account.tasks.values())
            full = crew.fullness(begin + 10, last, 20)
            return Full(full, last - begin, redis.calls(), dict(account.counts))

    with capsys.disabled():
        figures = await measured(measure, lambda figures: figures.share >= 0.92)
    assert figures.share >= 0.92


async def test_a_killed_worker(redis, tmp_path, capsys):
    """Its slots are back within one lease."""

    async def seconds_until_back(witness):
        async with Sandbox(durations=(2.0, 3.0)) as sandbox:
            account = sandbox.account("ezmodel")
            crew = Crew(sandbox, Path(tempfile.mkdtemp(dir=tmp_path)), 100, redis=redis.url, lease=3.0, limit=20)
            try:
                await crew.start(0, 1, 2)
                await asyncio.sleep(8)
                assert account.most_running == 20
                with witness:
                    crew.send(0, signal.SIGKILL)
                    killed = time.monotonic()
                    await asyncio.sleep(3.0)  # by now all of its tasks have ended
                    await reached(lambda: account.running >= 20, 10)
            finally:
                await crew.close()
            return time.monotonic() - killed

    with capsys.disabled():
        seconds = await measured(seconds_until_back, lambda seconds: seconds <= 3.0 + 1.0)
    assert seconds <= 3.0 + 1.0


async def test_6000_elements_through_all_of_it(redis, tmp_path, capsys):
    """One worker is killed at 40 %, Redis is away for 5 s, another worker is paused beyond its lease."""
    limit, lease = 100, 3.0
    marks = {}
    async with Sandbox(durations=(0.5, 1.5)) as sandbox:
        account = sandbox.account("ezmodel")
        crew = Crew(sandbox, tmp_path, 2000, redis=redis.url, lease=lease, limit=limit)
        sampling = asyncio.ensure_future(crew.sample())
        begin = time.monotonic()
        try:
            await crew.start(0, 1, 2)
            await reached(lambda: account.creates >= 2400)
            crew.send(0, signal.SIGKILL)
            marks["killed"] = time.monotonic()
            await crew.end(0)
            await asyncio.sleep(lease + 1)
            await crew.start(0)
            await reached(lambda: account.creates >= 3200)
            redis.stop()
            marks["Redis away"] = time.monotonic()
            await asyncio.sleep(5)
            await asyncio.to_thread(redis.start)
            marks["Redis back"] = time.monotonic()
            await reached(lambda: account.creates >= 4200)
            crew.send(1, signal.SIGSTOP)
            marks["paused"] = time.monotonic()
            await asyncio.sleep(lease + 2)
            crew.send(1, signal.SIGCONT)
            marks["resumed"] = time.monotonic()
            assert [await crew.end(worker) for worker in range(3)] == [0, 0, 0], crew.said
        finally:
            sampling.cancel()
            await crew.close()
        outcomes = crew.outcomes()
    made = {line["item"]: line["element"] for line in outcomes if line["element"]}
    errors = [line for line in outcomes if line["error"]]
    last = max(task.born for task in account.tasks.values())
    over = [(round(at - begin, 2), count) for at, count in crew.samples if count > limit]
    shares = {name: f"{at - begin:.0f} s" for name, at in marks.items()}
    away = crew.fullness(marks["Redis away"], marks["Redis back"], limit)
    with capsys.disabled():
        say(
            f"6,000 elements in {last - begin:.0f} s: {len(made)} have their element, {account.creates} tasks, "
            f"made twice {account.made_twice}, errors {len(errors)}; at most {account.most_running} of {limit} at "
            f"once, {crew.fullness(begin + 5, last, limit):.1%} full in all, {away:.1%} without Redis; {shares}; "
            f"over the limit: {over[:5]} …{len(over)}; said: {crew.said}"
        )
    assert errors == []
    assert set(made) == set(range(6000))
    assert account.made_twice == 0
    assert account.creates == 6000
    allowed = [(marks[name], marks[name] + lease + 1) for name in ("killed", "paused", "resumed")]
    beyond = [each for each in crew.samples if each[1] > limit and not any(a <= each[0] <= b for a, b in allowed)]
    assert beyond == []
