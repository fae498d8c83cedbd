"""Many elements at a gateway that spoils one request in five: none lost, none made twice, nothing left behind."""

import asyncio
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from tables import mostly_slow

from kling_elements_async import Created, ElementSpec, ElementsSession, Images, transport
from kling_elements_async.sandbox import Sandbox

ROOT = Path(__file__).parent.parent
ZEROS = 7


class FastClock:
    """Time that goes ten times as fast, for the session and the sandbox alike."""

    PACE = 10.0

    def __init__(self) -> None:
        self.random = Random(0)

    def now(self) -> float:
        return time.monotonic() * self.PACE

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.PACE)


def specs(number):
    images = Images("https://example.com/a.png", ["https://example.com/b.png"])
    return [ElementSpec(f"prop {index}", "A prop", images) for index in range(number)]


@pytest.mark.parametrize("count", mostly_slow([80, 200], 80))
async def test_many_elements_through_chaos(monkeypatch, count):
    """Each is made once, whatever became of the answers."""
    monkeypatch.setattr(transport, "REPLY_TIMEOUT", 2.5)
    clock = FastClock()
    async with Sandbox(chaos=0.2, seed=7, clock=clock.now) as sandbox:
        session = ElementsSession(sandbox.gateway("kling"), clock=clock)
        async with session, session.create_many(specs(count)) as outcomes:
            made = [outcome async for outcome in outcomes]
        account = sandbox.account("kling")
        assert Counter(map(type, made)) == {Created: count}, made
        assert (account.creates, account.made_twice) == (count, 0)
        assert {outcome.element.element_id for outcome in made} == set(account.elements)
        assert {outcome.resolution for outcome in made} == {"direct", "adopted", "resent"}
    assert len(asyncio.all_tasks()) == 1


def soak(*arguments):
    """Run the soak as a person does, and return what it prints."""
    command = [sys.executable, "-m", "benchmarks.soak", *arguments]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("elements", "opponent"), [(2000, "adversary"), (500, "sandbox")])
def test_thousands_of_elements_with_external_ids(elements, opponent):
    """Nothing is lost, made twice or left behind, and nothing stays unclear."""
    assert soak("--elements", str(elements), "--against", opponent).count("<= 0  yes") == ZEROS + 1


@pytest.mark.slow
def test_five_hundred_elements_without_external_ids():
    """What is unclear is said to be so, and never sent again."""
    said = soak("--elements", "500", "--gateway", "evolink")
    assert said.count("<= 0  yes") == ZEROS
    errors = next(line for line in said.splitlines() if line.strip().startswith("errors"))
    assert re.fullmatch(r" *errors +CreateUncertainError \d+", errors), said
