"""Whom the gate of one session holds up: its own calls, and nobody else's."""

import asyncio

import pytest

from kling_elements_async import NotSentError, RateLimitedError, Retries, UnexpectedReplyError
from kling_elements_async.gateways import EzModel

from .canary import caught
from .materials import CALLS, READS, a_spec
from .wire_script import WireServer, answer, envelope, fin, request, send, silence

LIMITED = (request, send(answer(envelope(None, 1302, "slow down"), 429, Retry_After="25")), fin)


async def test_one_bad_gateway_of_three(server, open_session, clock):
    """Fault 95: a gateway that asks for a pause holds up no other one, and at its own no other key."""
    bad = open_session(retries=Retries(attempts=1))
    server.script(*LIMITED)
    with caught(RateLimitedError):
        await bad.get_element("77")
    async with WireServer() as second, WireServer() as third:
        others = [open_session(url=each.url) for each in (second, third)]
        others.append(open_session(lambda url: EzModel(api_key="another-key", base_url=url)))
        await asyncio.gather(*(session.create_element(a_spec()) for session in others for _ in range(5)))
    assert clock.slept == []
    await bad.get_element("77")
    assert sum(clock.slept) >= 25


async def test_cancelling_many_is_no_failure(server, open_session, clock):
    """Fault 96: ten calls cancelled in flight close no gate."""
    server.otherwise = (request, silence)
    session = open_session()
    running = [asyncio.create_task(session.get_element("77")) for _ in range(10)]
    await server.until(lambda: len(server.requests) == 10)
    for each in running:
        each.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    server.otherwise = WireServer.TRUTH
    await session.get_element("77")
    assert clock.slept == []


async def test_cancelling_a_probe(server, open_session, clock):
    """Faults 94 and 96: the one call that goes first is cancelled; the others go on after some seconds."""
    server.script(*LIMITED)
    session = open_session(retries=Retries(attempts=1))
    with caught(RateLimitedError):
        await session.get_element("77")
    server.script(request, silence)
    probe = asyncio.create_task(session.get_element("77"))
    await server.until(lambda: len(server.requests) == 2)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    slept = sum(clock.slept)
    await session.get_element("78")
    assert sum(clock.slept) - slept <= 7


@pytest.mark.parametrize("name", READS)
async def test_a_gate_that_stays_closed(server, open_session, clock, name):
    """Fault 94: a read or delete waits for it within its own time, `Retries.within`, and says that nothing was sent."""
    server.script(request, send(answer(envelope(None, 1302, "slow down"), 429, Retry_After="60")), fin)
    session = open_session()
    with caught(RateLimitedError):
        await session.get_element("77")
    with caught(NotSentError):
        await CALLS[name](session)
    assert (len(server.requests), sum(clock.slept)) == (1, pytest.approx(30))


@pytest.mark.parametrize(("status", "closes"), [(502, True), (599, True), (404, False), (200, False)])
async def test_pages_from_before_the_gateway(server, open_session, clock, status, closes):
    """A 5xx counts whoever words it: a proxy's page says too that the gateway does not answer; other pages do not."""
    session = open_session(retries=Retries(attempts=1))
    for _ in range(5):
        server.script(request, send(answer("<html>", status, Content_Type="text/html")), fin)
        with caught(UnexpectedReplyError):
            await session.get_element("77")
    await session.get_element("77")
    assert (sum(clock.slept) >= 1) is closes
