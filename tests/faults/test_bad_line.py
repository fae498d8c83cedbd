"""Creates and reads over a line that is slow, loses packets or breaks, by a proxy in between (fault 27)."""

import asyncio

import pytest

from kling_elements_async import (
    CreateUncertainError,
    ElementsError,
    ElementTask,
    Images,
    NoReplyError,
    Retries,
    transport,
)

from .canary import caught
from .chaos import GOOD, ChaosProxy, Toxics
from .materials import BLIND, KEY, a_spec, blind_spec, png
from .wire_script import answer, envelope, fin, leapt, request, send, truth

BREAKS = [Toxics(reset_peer=("upstream", count)) for count in (0, 1, 100, 400)]
BREAKS += [Toxics(reset_peer=("downstream", count)) for count in (0, 1, 40, 150)]
BREAKS += [Toxics(limit_data=("downstream", count)) for count in (0, 60)]


def every_fifth(number):
    """A fifth of the connections breaks, each at another place."""
    return BREAKS[number // 5 % len(BREAKS)] if number % 5 == 0 else GOOD


def landed(server):
    """The external ids of the creates that took effect."""
    return [body["external_task_id"] for body in server.ledger.tasks.values()]


async def test_a_fifth_of_the_connections_breaks(server, open_session):
    """What was not sent or is unclear is found out: each create is one task, and its own."""
    async with ChaosProxy(server.port, every_fifth) as proxy:
        session = open_session(url=proxy.url)
        tasks = [await session.create_element(a_spec()) for _ in range(60)]
        await session.close()
    assert proxy.connections > 60
    assert [task.task_id for task in tasks] == list(server.ledger.tasks)
    assert [task.external_task_id for task in tasks] == landed(server)
    assert len(set(landed(server))) == 60


async def test_many_at_once_over_such_a_line(server, open_session):
    """The same, with a dozen in flight together."""
    tasks = []
    async with ChaosProxy(server.port, every_fifth) as proxy:
        session = open_session(url=proxy.url)
        for _ in range(5):
            tasks += await asyncio.gather(*(session.create_element(a_spec()) for _ in range(12)))
        await session.close()
    assert {task.task_id for task in tasks} == set(server.ledger.tasks)
    assert len(set(landed(server))) == 60


@pytest.mark.parametrize("gateway", BLIND)
async def test_such_a_line_to_a_gateway_without_external_ids(server, open_session, gateway):
    """A create is a task, or uncertain, or was not sent: never two, and nothing is uncertain on a good line."""
    server.otherwise = (
        request,
        send(answer({"id": "task-unified-1", "task_id": "1", "object": "task", "status": "pending"})),
        fin,
    )
    async with ChaosProxy(server.port, every_fifth) as proxy:
        session = open_session(lambda _: BLIND[gateway](api_key=KEY, base_url=proxy.url))
        ends = []
        for _ in range(60):
            try:
                ends.append(type(await session.create_element(blind_spec(gateway))))
            except ElementsError as error:
                ends.append(type(error))
        await session.close()
    assert 0 < ends.count(CreateUncertainError) <= proxy.connections / 5
    assert ends.count(ElementTask) >= 48
    assert len(server.requests) <= 60


@pytest.mark.parametrize(
    "lost", [Toxics(latency=0.02), Toxics(latency=0.002, slicer=40)], ids=["late", "in slices"]
)
async def test_packets_that_come_late(server, open_session, lost):
    """What loss makes of a line: pieces that come late, and alone; everything succeeds, at the first attempt."""
    async with ChaosProxy(server.port, lambda number: GOOD if number % 5 else lost) as proxy:
        session = open_session(url=proxy.url, retries=Retries(attempts=1))
        tasks = await asyncio.gather(*(session.create_element(a_spec()) for _ in range(12)))
        await asyncio.gather(*(session.get_element(task.task_id) for task in tasks))
        await session.close()
    assert len(server.posts) == len(server.ledger.tasks) == 12


SLOW = Toxics(bandwidth=25_000, slicer=2048)  # 200 kbit/s


async def test_a_slow_line_is_fast_enough_for_a_small_request(server, open_session):
    """Nothing is cut off that moves on within its time."""
    async with ChaosProxy(server.port, lambda _: SLOW) as proxy:
        session = open_session(url=proxy.url, retries=Retries(attempts=1))
        task = await session.create_element(a_spec())
        assert (await session.get_element(task.task_id)).element_id == f"9{task.task_id}"
        await session.close()


async def test_an_answer_that_does_not_come_in_time_over_a_slow_line(server, open_session):
    """The deadline of a request holds, however steadily the bytes come."""
    server.otherwise = (request, send(answer(envelope({"task_id": "77", "x": "x" * 750_000}))), fin)
    async with ChaosProxy(server.port, lambda _: SLOW, leapt) as proxy:
        session = open_session(url=proxy.url, retries=Retries(attempts=1))
        with caught(NoReplyError):
            await session.get_element("77")
        await session.close()


async def test_an_upload_that_does_not_get_through_in_time_over_a_slow_line(server, open_session, monkeypatch):
    """A create has time for its body and no more: while no look tells anything it is uncertain, and was sent once."""
    monkeypatch.setattr(transport, "SLOWEST_UPLOAD", 1e15)
    picture = png(1_000_000)
    server.script(request, truth)
    server.otherwise = (request, send(answer("<html>", 502)), fin)
    async with ChaosProxy(server.port, lambda _: SLOW, leapt) as proxy:
        session = open_session(url=proxy.url)
        with caught(CreateUncertainError):
            await session.create_element(a_spec(reference=Images(picture, [picture])), timeout=25)
        await session.close()
    assert len(server.posts) == 1
    assert server.looks
    assert server.ledger.tasks == {}
