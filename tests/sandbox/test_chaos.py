"""Chaos: faults by chance, the same for the same seed, and a client that comes through them."""

import asyncio
from collections import Counter
from random import Random

import aiohttp
import pytest

from kling_elements_async import Created, ElementSpec, ElementsSession, Images, Polling
from kling_elements_async.sandbox import Chaos, Fault, Sandbox
from kling_elements_async.sandbox import chaos as chaos_module
from kling_elements_async.sandbox.fault import NO_FAULT

from .caller import Caller

CALLS = ("create", "get", "list", "presets", "delete")


def drawn(share, seed, *, external_ids=True, draws=3000):
    chaos = Chaos(share, Random(seed), external_ids=external_ids)
    return [(call, chaos.draw(call)) for call in CALLS for _ in range(draws)]


def alike(fault):
    """What a fault does, without the functions in it, which are equal to themselves only."""
    return (fault.takes_effect, fault.ending, fault.lands_after, fault.pause_before, fault.pause_after)


def test_the_share_is_kept_at_each_call():
    """A fifth is a fifth."""
    spoiled = Counter(call for call, fault in drawn(0.2, 1) if fault is not NO_FAULT)
    assert all(500 < spoiled[call] < 700 for call in CALLS)


def test_the_seed_says_what_is_drawn():
    """The same again for the same seed, and nothing at all without chaos."""
    one, again, other = ([alike(fault) for _, fault in drawn(0.5, seed, draws=500)] for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert all(fault is NO_FAULT for _, fault in drawn(0, 1))


def test_faults_come_before_the_effect_after_it_and_land_late():
    """Only creates land late, within the seconds in which they are looked for."""
    faults = drawn(1, 1)
    landings = [(call, fault.lands_after) for call, fault in faults if fault.lands_after is not None]
    assert {call for call, _ in landings} == {"create"}
    assert all(0.3 <= seconds <= 2 for _, seconds in landings)
    for call in CALLS:
        effects = Counter(fault.takes_effect for each, fault in faults if each == call)
        assert min(effects[True], effects[False]) > 500


def test_who_meets_silence_for_ever_is_rare():
    """A soak would wait for it."""
    faults = [fault for _, fault in drawn(1, 1)]
    endings = Counter(fault.ending for fault in faults)
    assert 0 < endings["never"] < 0.005 * len(faults)
    assert set(endings) == {"answer", "cut", "reset", "close", "never"}


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_is_from_0_to_1(share):
    """Anything else is a mistake of whoever asks for it."""
    with pytest.raises(ValueError, match="from 0 to 1"):
        Sandbox(chaos=share)


async def test_a_script_goes_before_chance(http):
    """What a test wrote down is what happens."""
    async with Sandbox(chaos=1) as sandbox:
        sandbox.script("list", Fault.answer(418, "tea"), times=50)
        caller = Caller(http, sandbox)
        assert {(await caller.list()).status for _ in range(50)} == {418}


async def test_each_kind_of_fault_can_be_delivered(http, monkeypatch):
    """None of them is a fault of the sandbox's own, at any call of any dialect; only who meets silence waits on."""
    monkeypatch.setattr(chaos_module, "SILENCE", (0.01, 0.05))
    monkeypatch.setattr(chaos_module, "SLOW", (0.01, 0.05))
    met, draw = [], Chaos.draw
    monkeypatch.setattr(Chaos, "draw", lambda chaos, call: met.append(draw(chaos, call)) or met[-1])
    statuses = Counter()

    async def ask(caller, number):
        call = (caller.create, lambda: caller.get("1"), caller.list, lambda: caller.delete("1"))[number % 4]
        try:
            statuses[(await call()).status] += 1
        except (aiohttp.ClientError, ValueError) as error:
            statuses[type(error).__name__] += 1

    async with Sandbox(chaos=1, seed=3) as sandbox:
        callers = [Caller(http, sandbox, name) for name in ("kling", "ezmodel")]
        asking = [asyncio.ensure_future(ask(caller, number)) for caller in callers for number in range(300)]
        while sum(not each.done() for each in asking) > sum(fault.ending == "never" for fault in met):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    assert {200, 408, 425, 429, 500, 502, 503, 504, 522, 529} <= set(statuses)
    assert {"ServerDisconnectedError", "ClientOSError", "ClientPayloadError"} <= set(statuses)


async def test_the_sandbox_keeps_count_of_what_was_made_twice(caller, sandbox):
    """The same order under another id is a second element; the same id is refused."""
    await caller.created(external_task_id="a")
    await caller.create(external_task_id="a")
    account = sandbox.account("ezmodel")
    assert (account.creates, account.made_twice) == (1, 0)
    await caller.created(external_task_id="b")
    await caller.created(element_name="another", external_task_id="c")
    assert (account.creates, account.made_twice, set(account.by_external_id)) == (3, 1, {"a", "b", "c"})


@pytest.mark.slow
async def test_a_session_comes_through_chaos():
    """A third of all requests is spoiled, and each spec has become one element."""
    made = []
    async with Sandbox(chaos=0.33, seed=5) as sandbox:
        gateway = sandbox.gateway("kling")
        async with ElementsSession(gateway, polling=Polling(first=0.1, longest=0.3)) as session:
            specs = [
                ElementSpec(f"prop {n}", "A prop", Images("https://a.b/c.png", ["https://a.b/d.png"]))
                for n in range(60)
            ]
            async with session.create_many(specs) as outcomes:
                made = [outcome async for outcome in outcomes]
        account = sandbox.account("kling")
        assert all(isinstance(outcome, Created) for outcome in made), made
        assert (account.creates, account.made_twice) == (60, 0)
        assert {outcome.element.element_id for outcome in made} == set(account.elements)
