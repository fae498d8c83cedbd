"""The plain ASGI app, driven by hand as a server does it."""

import pytest

from kling_elements_async import SessionUnusableError, UnexpectedReplyError, WebhookVerificationError, webhooks

from .materials import NEWER, content
from .receiver import Recorder

BODY = content(NEWER)


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def app(recorder):
    return webhooks.asgi_app(recorder)


def pieces(*parts):
    return [
        {"type": "http.request", "body": part, "more_body": left > 0}
        for left, part in zip(range(len(parts) - 1, -1, -1), parts, strict=True)
    ]


async def run(app, scope, messages):
    """All that the app sends, and how many messages it has left unread."""
    left, sent = list(messages), []

    async def receive():
        return left.pop(0)

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent, len(left)


async def answered(app, messages, method="POST", headers=(), **scope):
    """The status and headers of an answer, which has no body, and how many messages were not read."""
    scope = {
        "type": "http",
        "method": method,
        "path": "/any",
        "headers": list(headers),
        "http_version": "1.1",
    } | scope
    [start, end], left = await run(app, scope, messages)
    assert (start["type"], end) == ("http.response.start", {"type": "http.response.body", "body": b""})
    return start["status"], dict(start["headers"]), left


async def test_a_callback(app, recorder):
    """It is handed over as text and bytes, and answered with nothing, whatever the path."""
    found = await answered(app, pieces(BODY), headers=[(b"webhook-id", b"msg-1"), (b"x", b"\xe9\xff")])
    assert found == (204, {}, 0)
    assert recorder.taken == [({"webhook-id": "msg-1", "x": "éÿ"}, BODY)]


async def test_a_body_in_pieces(app, recorder):
    """It is put together; a message may leave out what it does not have."""
    assert await answered(app, pieces(b"", BODY[:7], b"", BODY[7:])) == (204, {}, 0)
    assert await answered(app, [{"type": "http.request"}]) == (204, {}, 0)
    assert [body for _, body in recorder.taken] == [BODY, b""]


async def test_a_caller_that_leaves(app, recorder):
    """The app ends, and asks for no more."""
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}, None]
    recorder.error = UnexpectedReplyError("half", status=0)
    assert await answered(app, messages) == (400, {b"content-length": b"0"}, 1)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "post"])
async def test_another_method(app, recorder, method):
    """Only POST is a callback; the body is not even asked for."""
    assert await answered(app, pieces(BODY), method) == (405, {b"content-length": b"0", b"allow": b"POST"}, 1)
    assert recorder.taken == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (WebhookVerificationError("why"), 401),
        (UnexpectedReplyError("why", status=0), 400),
        (SessionUnusableError("why"), 503),
    ],
)
async def test_a_callback_that_is_refused(app, recorder, error, status):
    """The answer is a status, and no word of detail."""
    recorder.error = error
    assert await answered(app, pieces(BODY)) == (status, {b"content-length": b"0"}, 0)


async def test_the_cap(app, recorder):
    """The body may have 256 KiB; what comes after that is left unread, and the connection given up."""
    assert (await answered(app, pieces(b"x" * webhooks.MOST_BYTES)))[0] == 204
    status, headers, left = await answered(app, pieces(b"x" * webhooks.MOST_BYTES, b"x", b"x", b"x"))
    assert (status, headers, left) == (413, {b"content-length": b"0", b"connection": b"close"}, 2)
    assert len(recorder.taken) == 1


@pytest.mark.parametrize("version", ["2", "3"])
async def test_the_cap_over_newer_http(app, version):
    """They know no such header: a server may refuse to send it."""
    found = await answered(app, pieces(b"x" * (webhooks.MOST_BYTES + 1)), http_version=version)
    assert found == (413, {b"content-length": b"0"}, 0)


async def test_the_life_of_a_server(app):
    """Run on its own, it answers to the start and to the end, and then goes."""
    kinds = ["lifespan.startup", "lifespan.shutdown"]
    sent, left = await run(app, {"type": "lifespan"}, [{"type": kind} for kind in kinds])
    assert ([message["type"] for message in sent], left) == ([f"{kind}.complete" for kind in kinds], 0)


async def test_other_protocols(app, recorder):
    """A web socket is closed, and what is unknown is left alone."""
    assert await run(app, {"type": "websocket"}, []) == ([{"type": "websocket.close", "code": 1000}], 0)
    assert await run(app, {"type": "new"}, []) == ([], 0)
    assert recorder.taken == []
