"""`kill -9` at any moment, again and again: at the end each item has one element, and one outcome."""

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from kling_elements_async import Created, ElementsSession
from kling_elements_async.sandbox import Fault, Sandbox

from .kill_program import item
from .materials import NO_FAULT, QuickClock, all_outcomes, eventually, made
from .programs import lines, run_to_its_end, started


class Killer:
    """Kills the running process: at a time, or at a request, before or after its effect, before its answer."""

    def __init__(self, random: Random, longest: float) -> None:
        self.random = random
        self.longest = longest
        self.pid: int | None = None
        self.moments: Counter[str] = Counter()

    def kill(self, moment: str) -> None:
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            self.pid = None
            self.moments[moment] += 1

    def fault(self, moment: str) -> Fault:
        def change(answer):
            self.kill(moment)
            return answer

        if moment == "before the effect":
            return Fault(change=change, ending="reset")
        return Fault(takes_effect=True, change=change)

    async def strike(self, sandbox: Sandbox, process: asyncio.subprocess.Process) -> None:
        """Kill a process that has just started, at a moment of our choice."""
        self.pid = process.pid
        moment = self.random.choice(
            ["at a time", "at a time", "before the effect", "after the effect", "at a look"]
        )
        waits = self.longest
        if moment == "at a time":
            waits = self.random.uniform(0, self.longest)
        else:
            call = self.random.choice(["get", "list"]) if moment == "at a look" else "create"
            line = self.random.randrange(12)
            script = sandbox._script.lines
            before = [each for each in script if each.call == call][:line]
            sandbox._script.lines = tuple(before)
            sandbox.script(call, *[NO_FAULT] * (line - len(before)), self.fault(moment))
            sandbox._script.lines += tuple(each for each in script if each not in before)
        waiting = asyncio.ensure_future(process.wait())
        await asyncio.wait([waiting], timeout=waits)
        if not waiting.done():
            self.kill("at a time")
        await waiting
        self.pid = None
        await process.communicate()


async def job(
    tmp_path: Path,
    *,
    items: int,
    kills: int,
    lost: float,
    speed: float,
    longest: float,
    seed: int,
    slots: int = 20,
):
    random = Random(seed)
    killer = Killer(random, longest)
    out, journal = tmp_path / "out.jsonl", tmp_path / "job.journal"
    finished = 0
    clock = QuickClock(speed)
    async with Sandbox(slots=slots, durations=(1.0, 4.0), clock=clock.now, seed=seed) as sandbox:
        if lost:
            faults = [Fault.lost_answer(politely=random.random() < 0.5), Fault.cut(), Fault.cut_json()]
            script = [random.choice(faults) if random.random() < lost else NO_FAULT for _ in range(items * 2)]
            sandbox.script("create", *script)
        while killer.moments.total() < kills and finished < kills:
            process = await started(sandbox, items, out, journal=journal, speed=speed, flags=("-W", "error"))
            await killer.strike(sandbox, process)
            finished += process.returncode == 0
            assert process.returncode in (0, -signal.SIGKILL)
        earlier = lines(out)
        last_out = tmp_path / "last.jsonl"
        last = await run_to_its_end(sandbox, items, last_out, journal=journal, speed=speed)
        truth = made(sandbox)
        tasks = sandbox.account("ezmodel").tasks.values()
    elements = {int(task.order.name.removeprefix("item-")): task.element_id for task in tasks}
    outcomes = Counter(line["index"] for line in lines(last_out))
    lost_items = [index for index in range(items) if outcomes[index] != 1 or last.get(index) is None]
    twice = [name for name, count in truth.items() if count > 1]
    figures = (
        f"\nkill -9: {killer.moments.total()} kills {dict(killer.moments)}, {items} items, answers lost: {lost:.0%}; "
        f"{sandbox.account('ezmodel').counts['create']} creates sent; "
        f"lost: {len(lost_items)}, made twice: {len(twice)}\n"
    )
    sys.stdout.write(figures)
    assert killer.moments.total() + finished >= kills
    assert lost_items == []
    assert twice == []
    assert last == elements
    for line in earlier:  # a refusal that came cut is an error of its item, and the rerun makes it
        assert line["element"] in (elements[line["index"]], None), line
        assert lost or line["error"] is None, line
    return killer


@pytest.mark.slow
async def test_six_kills_over_sixty_items(tmp_path):
    """Each item comes out once and exists once, wherever the process was cut off."""
    killer = await job(tmp_path, items=60, kills=6, lost=0, speed=20, longest=0.2, seed=3, slots=8)
    assert killer.moments.total() >= 1  # a slow machine may finish the job between two kills


@pytest.mark.slow
async def test_kills_and_lost_answers_together(tmp_path):
    """A create whose answer was lost, too, is one element after the kill."""
    await job(tmp_path, items=40, kills=2, lost=0.1, speed=20, longest=0.3, seed=5)


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, 0.1], ids=["clean", "a tenth of the answers lost"])
async def test_forty_kills_over_four_hundred_items(tmp_path, lost, capsys):
    """The figure to reach: none lost, none made twice."""
    with capsys.disabled():
        killer = await job(tmp_path, items=400, kills=40, lost=lost, speed=4, longest=0.6, seed=11)
    assert killer.moments.total() == 40


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a child there")
async def test_ctrl_c_in_the_middle(tmp_path):
    """The process ends without complaint beyond its KeyboardInterrupt, and a rerun makes the rest."""
    clock = QuickClock(20)
    async with Sandbox(slots=5, durations=(0.5, 1.5), clock=clock.now) as sandbox:
        journal = tmp_path / "job.journal"
        process = await started(sandbox, 30, tmp_path / "out", journal=journal, speed=clock.speed)
        await eventually(lambda: sandbox.account("ezmodel").creates >= 8)
        process.send_signal(signal.SIGINT)
        _, errors = await asyncio.wait_for(process.communicate(), 40)
        for word in (b"never", b"destroyed", b"ResourceWarning", b"ElementsError", b"unclosed"):
            assert word not in errors
        assert errors.rstrip().endswith(b"KeyboardInterrupt")
        async with ElementsSession(sandbox.gateway("ezmodel"), clock=clock) as session:
            again = await all_outcomes(session, (item(number) for number in range(30)), journal=journal)
        assert [type(outcome) for outcome in again] == [Created] * 30
        assert set(made(sandbox).values()) == {1}
