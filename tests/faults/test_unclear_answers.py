"""What is no whole answer, in every way that bytes allow: a read is sent again, a create is found out about.

Each situation is met by all five calls: by the reads (sent again, or raised as one of our classes), and by a
create that had its effect, by one that had none, and by one at a gateway that knows no external ids.
"""

import asyncio
import gc
import gzip
import itertools
import time
import tracemalloc
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from tables import crossed, mostly_slow

from kling_elements_async import (
    CreateUncertainError,
    ElementsError,
    Images,
    NoReplyError,
    NotSentError,
    Retries,
    UnexpectedReplyError,
    transport,
)

from .canary import caught
from .materials import BLIND, CALLS, KEY, READS, a_spec, blind_spec, png
from .wire_script import (
    Step,
    WireServer,
    answer,
    crawl,
    envelope,
    fin,
    flood,
    hang,
    headers,
    land,
    leap,
    pause,
    request,
    rst,
    send,
    silence,
)

GOOD = answer(envelope({"task_id": "77", "task_status": "submitted"}))
HEAD, BODY = GOOD.split(b"\r\n\r\n")
NO_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
CHUNKED = NO_LENGTH[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
MUCH = b" " * 2**16


def gzip_bomb(mebibytes: int) -> bytes:
    """So many MiB of zeros, packed a thousandfold."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(b"\0" * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + block * mebibytes + b"\x03\0" + bytes(8)


BOMB = gzip_bomb(300)
# Eight times three seconds: more than an attempt has, and less than two have.
FLOODED = [b"HTTP/1.1 100 Continue\r\n\r\n" * 2000] * 8
HINTED = [b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 200] * 8


@dataclass(frozen=True)
class Fault:
    """``steps`` follow the reading of the request; ``error`` is what a single read makes of it."""

    number: int
    error: type[ElementsError]
    steps: tuple[Step, ...]


def sent(number: int, *steps: Step, error: type[ElementsError] = UnexpectedReplyError) -> Fault:
    return Fault(number, error, steps)


FAULTS = {
    "a reset before the answer": sent(9, rst, error=NoReplyError),
    "an end before the answer": sent(9, fin, error=NoReplyError),
    "a reset within the body": sent(10, send(GOOD[:-9]), pause(0.01), rst, error=NoReplyError),
    "an end within the body": sent(10, send(GOOD[:-9]), fin, error=NoReplyError),
    "an end within a chunk": sent(10, send(CHUNKED + b"64\r\n" + BODY[:20]), fin, error=NoReplyError),
    "a body without a length that is cut": sent(11, send(NO_LENGTH + BODY[:-9]), fin),
    "a length that lies": sent(13, send(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"), flood(MUCH)),
    "chunks without an end": sent(13, send(CHUNKED), flood(b"10000\r\n" + MUCH + b"\r\n")),
    "a gzip bomb": sent(14, send(answer(BOMB, Content_Encoding="gzip")), fin),
    "many empty gzip members": sent(15, send(answer(gzip.compress(b"") * 200_000, Content_Encoding="gzip")), fin),
    "a gzip label on plain text": sent(16, send(answer(BODY, Content_Encoding="gzip")), fin),
    "an encoding that nobody asked for": sent(
        16, send(answer(b"\x0b\x02\x80\xff\x03", Content_Encoding="br")), fin
    ),
    "an encoding that nobody knows": sent(16, send(answer(b"\xff\xfe\x00\x81", Content_Encoding="foo")), fin),
    "a byte now and then": sent(17, crawl(*(GOOD[n : n + 1] for n in range(8))), silence, error=NoReplyError),
    "silence": sent(18, leap(21), silence, error=NoReplyError),
    "100 Continue without an end": sent(21, crawl(*FLOODED), silence, error=NoReplyError),
    "103 without an end": sent(21, crawl(*HINTED), silence, error=NoReplyError),
    "a header of 20 kB": sent(22, send(answer(BODY, X_Long="x" * 20_000)), fin),
    "500 headers": sent(22, send(HEAD + b"\r\nX: y" * 500 + b"\r\n\r\n" + BODY), fin),
    "a negative length": sent(22, send(answer(BODY, Content_Length="-5")), fin),
    "a length that is no number": sent(22, send(answer(BODY, Content_Length="many")), fin),
    "a NUL in a header": sent(22, send(answer(BODY, X_Nul="a\0b")), fin),
    "a garbled status line": sent(22, send(b"HTTP/1.1 OK 200\r\n\r\n"), fin),
    "two lengths": sent(23, send(HEAD + b"\r\nContent-Length: 5\r\n\r\n" + BODY), fin),
    "a length and chunks": sent(23, send(answer(b"2\r\n{}\r\n0\r\n\r\n", Transfer_Encoding="chunked")), fin),
    "status 999": sent(25, send(answer(BODY, 999)), fin),
    "status 600": sent(25, send(answer(BODY, 600)), fin),
    "status 000": sent(25, send(answer(BODY, "000")), fin),
    "status 0": sent(25, send(answer(BODY, "0")), fin),
    "HTTP/0.9": sent(26, send(BODY), fin),
    "an HTTP/2 server": sent(
        26, send(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\x10\0\0\0\x06\0\0@\0"), fin
    ),
    "an HTTP/2 preface": sent(26, send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), fin),
    "an SSH server": sent(26, send(b"SSH-2.0-OpenSSH_9.6\r\n"), fin),
}
EACH = pytest.mark.parametrize(
    "fault", FAULTS.values(), ids=[f"{name} (fault {f.number})" for name, f in FAULTS.items()]
)
# One situation for each number of the catalogue by default, all of them in the slow run.
FIRSTS = {fault.number: name for name, fault in reversed(FAULTS.items())}.values()
A_FEW = [name for name in FIRSTS if FAULTS[name].number in {9, 11, 13, 18, 25}]


def faults(by_default: Iterable[str]) -> pytest.MarkDecorator:
    params = [
        pytest.param(
            fault, id=f"{name} (fault {fault.number})", marks=() if name in by_default else pytest.mark.slow
        )
        for name, fault in FAULTS.items()
    ]
    return pytest.mark.parametrize("fault", params)


EACH_ONCE, SOME = faults(FIRSTS), faults(A_FEW)
EACH_READ = pytest.mark.parametrize("call", mostly_slow(READS, "get"))
EACH_BLIND = pytest.mark.parametrize("gateway", mostly_slow(BLIND, "anyfast"))


@SOME
@EACH_READ
async def test_a_read_is_sent_again(server, open_session, fault, call):
    """It meets the fault once, and the second attempt brings the whole answer."""
    server.script(request, *fault.steps)
    got = await CALLS[call](open_session())
    assert len(server.requests) == 2
    assert len(server.connections) == 2, "the connection was used again"
    if call == "get":
        assert (got.task_id, got.element_id) == ("77", "977")
    elif call != "delete":
        assert [element.element_id for element in got.elements] == ["977"]


@EACH
async def test_a_read_that_is_not_sent_again(server, open_session, fault):
    """One attempt raises one class of ours, which says where it happened and blames no parameter."""
    server.otherwise = (request, *fault.steps)
    with caught(fault.error) as info:
        await open_session(retries=Retries(attempts=1)).get_element("77")
    # A GET that met the end of its connection before any answer is sent once more by aiohttp itself.
    assert len(server.requests) == (2 if fault.number == 9 else 1)
    assert "get task 77" in str(info.value)
    assert getattr(info.value, "status", None) != 400


@EACH_ONCE
async def test_a_create_that_landed(server, open_session, fault):
    """It is found by its external id, and not sent again."""
    server.script(request, land, *fault.steps)
    task = await open_session().create_element(a_spec())
    assert list(server.ledger.tasks) == [task.task_id]
    assert len(server.posts) == 1
    assert len(server.looks) == 1
    assert server.looks[0].path.endswith("/" + server.posts[0].json["external_task_id"])


@SOME
async def test_a_create_that_did_not_land(server, open_session, clock, fault):
    """Three definite misses over three seconds, then the same bytes go once more."""
    server.script(request, *fault.steps)
    task = await open_session().create_element(a_spec())
    assert list(server.ledger.tasks) == [task.task_id]
    first, second = server.posts
    assert first.body == second.body
    assert len(server.looks) == 3
    assert sum(clock.slept) >= 3


@SOME
@EACH_BLIND
async def test_a_create_that_cannot_be_looked_up(server, open_session, fault, gateway):
    """Without external ids it is sent once, and the caller is told that nobody knows."""
    server.script(request, *fault.steps)
    session = open_session(lambda url: BLIND[gateway](api_key=KEY, base_url=url))
    with caught(CreateUncertainError) as info:
        await session.create_element(blind_spec(gateway))
    assert len(server.requests) == 1
    assert info.value.external_task_id is None
    assert info.value.sent_at is not None


@pytest.mark.parametrize("what", ["a length that lies", "chunks without an end", "a gzip bomb"])
async def test_an_answer_over_the_cap_is_let_go(server, open_session, what):
    """Faults 13 and 14: reading stops at the cap, little is held, and the connection is closed, not kept."""
    server.script(request, *(step for step in FAULTS[what].steps if step is not fin), silence)
    session = open_session(retries=Retries(attempts=1))
    tracemalloc.start()
    try:
        with caught(UnexpectedReplyError):
            await session.get_element("77")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * 2**20
    await server.until(lambda: not server.tasks)


@pytest.mark.parametrize("what", ["a gzip bomb", "many empty gzip members"])
async def test_packed_malice_takes_little_time(server, open_session, what):
    """Faults 14 and 15: the loop is held for a moment only."""
    server.script(request, *FAULTS[what].steps)
    session = open_session(retries=Retries(attempts=1))
    start = time.process_time()
    with pytest.raises(ElementsError):
        await session.get_element("77")
    assert time.process_time() - start < 0.5


async def test_an_encoding_that_is_not_asked_for_is_not_offered(server, open_session):
    """Fault 14: only gzip, or nothing, is asked for."""
    await open_session().get_element("77")
    assert server.requests[0].headers["accept-encoding"] in ("gzip", "identity")


@pytest.fixture
def no_collector():
    """Going through all that the tests hold is no work of the session's."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def test_a_server_that_does_not_read(open_session, monkeypatch, no_collector):
    """Fault 19: 30 MB against a full pipe: the attempt's deadline ends it, other work goes on, it is looked for."""
    monkeypatch.setattr(transport, "SLOWEST_UPLOAD", 1e15)
    picture = png(7_500_000)
    ticks = []

    async def tick():
        while True:
            ticks.append(time.thread_time())  # the loop's own work: other programs on the machine do not count
            await asyncio.sleep(0.005)

    async with WireServer(received_at_once=4096) as server:
        server.script(headers, pause(0.1), leap(21), hang)
        server.otherwise = (request, send(answer("<html>", 502)), fin)
        session = open_session(url=server.url)
        ticking = asyncio.create_task(tick())
        spec = a_spec(reference=Images(picture, [picture, picture]), external_task_id="mine")
        with caught(CreateUncertainError):
            await session.create_element(spec, timeout=25)
        ticking.cancel()
        assert len(server.posts) == 1
        assert max(later - sooner for sooner, later in itertools.pairwise(ticks)) < 0.1
        await session.close()


@pytest.mark.parametrize(
    ("status", "code", "kind", "gateway"),
    crossed([(401, 1002, "AuthenticationError"), (413, 1200, "InvalidRequestError")], ["ezmodel", *BLIND]),
)
async def test_an_answer_before_the_upload_is_through(server, open_session, gateway, status, code, kind):
    """Fault 20: the status counts, not the pipe that broke."""
    refusal = envelope(None, code, "refused") | {"error": {"code": code, "message": "refused"}}
    server.script(headers, send(answer(refusal, status)), pause(0.05), fin)
    picture = png(5_000_000)
    reference = Images(picture, [picture])
    spec = blind_spec("evolink") if gateway == "evolink" else a_spec(reference=reference)
    session = open_session(*([lambda url: BLIND[gateway](api_key=KEY, base_url=url)] if gateway in BLIND else []))
    with pytest.raises(ElementsError) as info:
        await session.create_element(spec)
    assert type(info.value).__name__ == kind, repr(info.value)
    assert len(server.posts) + (gateway == "evolink") == 1
    assert server.looks == []


async def test_a_picture_that_changes_between_two_attempts(server, open_session, clock, tmp_path):
    """Fault 75: other bytes than those that were promised are not sent: nothing was created, and it says why."""
    picture = tmp_path / "front.png"
    picture.write_bytes(png(1000))
    server.script(request, send(answer(envelope(None, 1302, "slow down"), 429)), fin)

    async def change():
        picture.write_bytes(png(5000))

    clock.before_waking = change
    with caught(NotSentError) as info:
        await open_session().create_element(a_spec(reference=Images(picture, ["https://example.com/side.png"])))
    assert "nothing was created" in str(info.value)
    assert info.value.permanent
    assert server.ledger.tasks == {}
