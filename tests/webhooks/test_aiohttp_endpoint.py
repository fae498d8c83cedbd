"""The endpoint for aiohttp.web, over real HTTP on loopback."""

import asyncio
import gzip
import logging
import re

import aiohttp
import pytest
from aiohttp import web

from kling_elements_async import SessionUnusableError, UnexpectedReplyError, WebhookVerificationError, webhooks

from .materials import NEWER, content
from .receiver import Recorder

BODY = content(NEWER)
HEAD = b"POST /called HTTP/1.1\r\nHost: x\r\n"


@web.middleware
async def reading(request, handler):
    """As one that logs bodies does."""
    await request.read()
    return await handler(request)


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
async def served(recorder):
    """`await served(*middlewares)` is the port of an application with the endpoint at /called, for every method."""
    runners = []

    async def serve(*middlewares):
        app = web.Application(middlewares=middlewares, client_max_size=1)
        app.router.add_route("*", "/called", webhooks.aiohttp_handler(recorder))
        runners.append(web.AppRunner(app, access_log=None, shutdown_timeout=0.1))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        return runners[-1].addresses[0][1]

    yield serve
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as http:
        yield http


async def posted(http, port, data=BODY, method="POST", **headers):
    url = f"http://127.0.0.1:{port}/called"
    async with http.request(method, url, data=data, headers=headers, allow_redirects=False) as response:
        return response.status, await response.read()


async def raw(port, *parts):
    """The status of the answer to these bytes, None where there is none; "" at the end hangs up instead."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            if not part:
                return None
            writer.write(part)
            await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        rest = await reader.readexactly(
            int(re.search(rb"(?i)content-length: (\d+)", head + b"Content-Length: 0")[1])
        )
        return int(head.split()[1]), rest
    finally:
        writer.close()


async def test_a_callback(served, http, recorder):
    """It is handed over as it came, with headers in any case, and answered with nothing."""
    port = await served()
    assert await posted(http, port, **{"webhook-ID": "msg-1"}) == (204, b"")
    [(headers, body)] = recorder.taken
    assert (headers["Webhook-Id"], body) == ("msg-1", BODY)


async def test_a_body_in_pieces(served, recorder):
    """Chunked or slowly, compressed or not, it is put together."""
    port = await served()
    packed = gzip.compress(BODY)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:9], BODY[9:]))
    assert await raw(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunks, b"0\r\n\r\n") == (204, b"")
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    assert await raw(port, head, packed) == (204, b"")
    assert await raw(port, HEAD + b"Content-Length: 0\r\n\r\n") == (204, b"")
    assert [body for _, body in recorder.taken] == [BODY, BODY, b""]


async def test_a_body_that_was_read(served, http, recorder):
    """A middleware that read it has left nothing to read, and it is found all the same."""
    port = await served(reading)
    assert await posted(http, port, b"1") == (204, b"")
    assert [body for _, body in recorder.taken] == [b"1"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_another_method(served, http, recorder, method):
    """Only POST is a callback."""
    assert await posted(http, await served(), method=method) == (405, b"")
    assert recorder.taken == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (WebhookVerificationError("why"), 401),
        (UnexpectedReplyError("why", status=0), 400),
        (SessionUnusableError("why"), 503),
    ],
)
async def test_a_callback_that_is_refused(served, http, recorder, error, status):
    """The answer is a status, and no word of detail."""
    recorder.error = error
    assert await posted(http, await served()) == (status, b"")


async def test_the_cap(served, http, recorder):
    """The body may have 256 KiB, whatever the application allows, and not one byte more."""
    port = await served()
    assert await posted(http, port, b"x" * webhooks.MOST_BYTES) == (204, b"")
    assert await posted(http, port, b"x" * (webhooks.MOST_BYTES + 1)) == (413, b"")
    assert len(recorder.taken) == 1


async def test_a_body_without_an_end(served):
    """It is answered when it has passed the cap, and not read to its end."""
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    assert await raw(await served(), HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 5) == (413, b"")


async def test_a_small_body_that_is_large_inside(served):
    """A gzip of 50 MB counts as what is in it."""
    bomb = gzip.compress(bytes(50_000_000), 1)
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    assert await raw(await served(), head + bomb) == (413, b"")


async def test_a_body_that_breaks(served, recorder):
    """What is no gzip, though it says so, is no fault of the server's."""
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"
    assert await raw(await served(), head) == (400, b"")
    assert recorder.taken == []


async def test_a_caller_that_leaves(served, http, recorder, caplog):
    """Half a body is no callback and no error in the log, and the next caller is served."""
    port = await served()
    with caplog.at_level(logging.WARNING):
        assert await raw(port, HEAD + b"Content-Length: 500\r\n\r\nhello", b"") is None
        assert await posted(http, port) == (204, b"")
    assert [body for _, body in recorder.taken] == [BODY]
    assert caplog.records == []
