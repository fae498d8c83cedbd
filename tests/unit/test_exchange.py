"""Calls on their way to the wire: behind the gate, in their turn, within their deadline."""

import asyncio

import pytest

from kling_elements_async import GatewayBrokenError, NotSentError, Retries
from kling_elements_async.exchange import Exchange
from kling_elements_async.gateways import EzModel
from kling_elements_async.lifecycle import Lifecycle
from kling_elements_async.retries import Resending
from kling_elements_async.throttle import Gate
from kling_elements_async.wire import Call, Reply, Request

CALL = Call("get task 7", Request("GET", "/v1/7"), lambda reply: reply.status)


class Wire:
    """Notes when a request leaves, and answers at once."""

    def __init__(self, clock):
        self.clock = clock
        self.at = []
        self.taken = 0

    def take_place_now(self):
        self.taken += 1
        return True

    def give_back_place(self):
        self.taken -= 1

    async def send(self, call, body, *, until):
        self.at.append(self.clock.elapsed)
        self.taken -= 1
        return Reply(200, {}, b"{}")


@pytest.fixture
def gate(clock):
    """A gate that has learned a rate of 95 a second."""
    gate = Gate(clock)
    for _ in range(100):
        gate.passed()
        clock.advance(0.01)
    for _ in range(50):
        gate.refused(None)
    clock.advance(60)
    assert gate.delay() == 0.0
    gate.passed()  # the probe came back
    gate.rate.turn(patient=True)
    return gate


@pytest.fixture
def wire(clock):
    return Wire(clock)


@pytest.fixture
def exchange(clock, gate, wire):
    return Exchange(EzModel(api_key="no-real-key"), wire, gate, Lifecycle(clock))


async def test_calls_take_turns(exchange, wire):
    """At the learned rate, one behind the other."""
    assert set(await asyncio.gather(*(exchange.perform(CALL, patient=True) for _ in range(20)))) == {200}
    gaps = [later - sooner for sooner, later in zip(wire.at, wire.at[1:], strict=False)]
    assert gaps == pytest.approx([1 / 95] * 19, rel=0.05)


async def test_the_gate_closes_before_a_turn(exchange, gate, wire, clock):
    """Whoever has waited for a turn waits for the gate, too."""
    calls = [asyncio.create_task(exchange.perform(CALL, patient=True)) for _ in range(20)]
    await clock.sleep(0.05)
    left = len(wire.at)
    closed = clock.elapsed
    gate.refused(30)
    await asyncio.gather(*calls)
    assert 0 < left < 20
    assert min(wire.at[left:]) >= closed + 30


async def test_a_turn_beyond_the_deadline(exchange, wire, clock):
    """Nothing is sent, and that is said."""
    others = [asyncio.create_task(exchange.perform(CALL, patient=True)) for _ in range(200)]
    await asyncio.sleep(0)
    with pytest.raises(NotSentError, match="Nothing was sent"):
        await exchange.perform(CALL, until=clock.now() + 1, patient=True)
    await asyncio.gather(*others)
    assert len(wire.at) == 200


async def test_calls_that_are_cancelled_in_the_queue(exchange, wire, clock):
    """Nobody waits for them: of a thousand, the next call does not stand behind those that left."""
    others = [asyncio.create_task(exchange.perform(CALL, patient=True)) for _ in range(1000)]
    await clock.sleep(1)
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    left, now = len(wire.at), clock.elapsed
    assert 90 < left < 100
    await exchange.perform(CALL, patient=True)
    assert clock.elapsed - now < 0.1


async def test_many_reads_of_a_broken_gateway(clock, wire):
    """They do not queue up behind its probes, one a minute: each ends when its time is over, and says so."""
    gate, lifecycle = Gate(clock), Lifecycle(clock)
    exchange = Exchange(EzModel(api_key="no-real-key"), wire, gate, lifecycle)
    resending = Resending(Retries(), lifecycle, gate)

    def broken(reply):
        raise GatewayBrokenError("ezmodel", "get task 7", "maintenance", status=503)

    async def one():
        call, open_by = Call("get task 7", Request("GET", "/v1/7"), broken), resending.last_start()
        await resending.run(lambda: exchange.perform(call, open_by=open_by))

    errors = await asyncio.gather(*(one() for _ in range(100)), return_exceptions=True)
    assert {type(error) for error in errors} == {GatewayBrokenError, NotSentError}
    assert clock.elapsed == pytest.approx(30)


async def test_what_is_done_before_a_request_leaves(exchange, gate, wire, clock):
    """It comes after the gate, and anew where the gate closes meanwhile, so that the request leaves at once then."""
    told = []

    async def before_leaving():
        told.append(clock.elapsed)
        if len(told) == 1:
            gate.refused(20)

    closed = clock.elapsed
    gate.refused(30)
    await exchange.perform(CALL, before_leaving=before_leaving)
    assert told[0] >= closed + 30
    assert told[1] >= told[0] + 20
    assert wire.at == told[1:]
    assert wire.taken == 0


async def test_what_fails_before_a_request_leaves(exchange, wire):
    """Nothing is sent, and its place is free for others."""

    async def before_leaving():
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await exchange.perform(CALL, before_leaving=before_leaving)
    assert (wire.at, wire.taken) == ([], 0)
