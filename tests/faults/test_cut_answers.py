"""An answer that ends too early, at every byte: never a foreign class, and never half a model (fault 12)."""

import json

import pytest
from tables import mostly_slow

from kling_elements_async import CreateUncertainError, ElementsError, Retries

from .materials import BLIND, CALLS, KEY, READS, a_spec, blind_spec
from .wire_script import answer, envelope, fin, land, request, rst, send

ELEMENT = {"element_id": 977, "element_name": "it", "owned_by": "me"}
TASK = {"task_id": "77", "task_status": "succeed", "task_result": {"elements": [ELEMENT]}}
CONTENT = {
    "create": json.dumps(envelope({"task_id": "77", "task_status": "submitted", "created_at": 1_700_000_000_000})),
    "get": json.dumps(envelope(TASK)),
    "list": json.dumps(envelope([TASK])),
    "presets": json.dumps(envelope([TASK])),
    "delete": json.dumps(envelope(None)),
}
ENDS = {"FIN": fin, "RST": rst}


def framed(content: str, framing: str) -> bytes:
    if framing == "length":
        return answer(content, Date="Fri, 20 Nov 2026 10:00:00 GMT", Server="gateway", X_Request_Id="r-1")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    if framing == "to the end":
        return head + b"Connection: close\r\n\r\n" + content.encode()
    half = len(content) // 2
    chunks = (content[:half], content[half:], "")
    body = "".join(f"{len(chunk):x}\r\n{chunk}\r\n" for chunk in chunks)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + body.encode()


FRAMINGS = ["length", "chunks", "to the end"]


def offsets(data: bytes, every: int) -> range:
    return range(0, len(data), every)


async def read_at_each_cut(server, session, call, framing, end, every):
    """A read whose first answer is cut returns the second one's whole value; with one attempt it is our error."""
    whole = framed(CONTENT[call], framing)
    server.otherwise = (request, send(whole), fin)
    expected = await CALLS[call](session)
    for cut in offsets(whole, every):
        before = len(server.requests)
        server.script(request, send(whole[:cut]), end)
        got = await CALLS[call](session)
        assert got == expected, f"half an answer at byte {cut}"
        # An end-of-body mark of chunks may be cut when all of the body is there.
        assert len(server.requests) - before in ((1, 2) if framing == "chunks" else (2,)), f"at byte {cut}"


async def create_at_each_cut(server, session, framing, end, every):
    """A create whose answer is cut is found by its id: one POST, one task."""
    whole = framed(CONTENT["create"], framing)
    for cut in offsets(whole, every):
        posts, tasks = len(server.posts), len(server.ledger.tasks)
        server.script(request, land, send(whole[:cut]), end)
        task = await session.create_element(a_spec())
        assert len(server.posts) - posts == 1, f"at byte {cut}"
        assert len(server.ledger.tasks) - tasks == 1
        assert task.task_id in (list(server.ledger.tasks)[-1], "77"), f"at byte {cut}"


async def blind_create_at_each_cut(server, session, gateway, end, every):
    """Where nothing can be looked up, each cut leaves the create uncertain, at one POST."""
    whole = framed(CONTENT["create"], "length")
    for cut in offsets(whole, every):
        before = len(server.requests)
        server.script(request, land, send(whole[:cut]), end)
        with pytest.raises(ElementsError) as info:
            await session.create_element(blind_spec(gateway))
        assert type(info.value) is CreateUncertainError, f"at byte {cut}: {info.value!r}"
        assert len(server.requests) - before == 1, f"at byte {cut}"


STEPS = [7, pytest.param(1, marks=pytest.mark.slow)]
# The default run meets each call of a kind once, and stays under a minute.
each_end = pytest.mark.parametrize("end", mostly_slow(ENDS, "FIN"))
each_framing = pytest.mark.parametrize("framing", mostly_slow(FRAMINGS, "length"))


@pytest.mark.parametrize("every", STEPS)
@each_end
@each_framing
@pytest.mark.parametrize("call", mostly_slow(READS, "get"))
async def test_a_read_whose_answer_is_cut(server, open_session, call, framing, end, every):
    """Fault 12, reads: sent again, and only a whole answer is believed."""
    await read_at_each_cut(server, open_session(), call, framing, ENDS[end], every)


@pytest.mark.parametrize("every", STEPS)
@each_end
@each_framing
async def test_a_create_whose_answer_is_cut(server, open_session, framing, end, every):
    """Fault 12, create: looked up and adopted, never sent twice."""
    await create_at_each_cut(server, open_session(), framing, ENDS[end], every)


@pytest.mark.parametrize("every", STEPS)
@each_end
@pytest.mark.parametrize("gateway", mostly_slow(BLIND, "anyfast"))
async def test_a_create_without_a_look_up_whose_answer_is_cut(server, open_session, gateway, end, every):
    """Fault 12, create without external ids: uncertain, never sent twice."""
    session = open_session(lambda url: BLIND[gateway](api_key=KEY, base_url=url))
    await blind_create_at_each_cut(server, session, gateway, ENDS[end], every)


@pytest.mark.parametrize("every", STEPS)
@each_end
@pytest.mark.parametrize("call", mostly_slow(READS, "get"))
async def test_an_answer_that_is_always_cut(server, open_session, call, end, every):
    """Fault 12: at the last attempt the error is one of ours, whatever the byte."""
    session = open_session(retries=Retries(attempts=1))
    whole = framed(CONTENT[call], "length")
    for cut in offsets(whole, every):
        server.otherwise = (request, send(whole[:cut]), ENDS[end])
        with pytest.raises(ElementsError):
            await CALLS[call](session)


@each_end
@pytest.mark.parametrize("call", mostly_slow(["list", "presets"], "list"))
async def test_a_list_whose_answer_is_cut(server, open_session, call, end):
    """Fault 12, lists: never a page with fewer elements than were sent."""
    await read_at_each_cut(server, open_session(), call, "length", ENDS[end], 7)
