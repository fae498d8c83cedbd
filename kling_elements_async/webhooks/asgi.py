"""An endpoint for callbacks as a plain ASGI app: FastAPI, Starlette and Litestar mount it, a server runs it.

Law: needs no framework. Source: the ASGI specification, "HTTP & WebSocket ASGI message format" and "Lifespan".
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from attrs import frozen

from .callback import MOST_BYTES, Receiver, checked_receiver, status_for

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@frozen
class CallbackApp:
    """The app. An object and no function: Starlette's ``add_route`` takes a function for a handler of requests."""

    session: Receiver

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _answer(self.session, scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})


def asgi_app(session: Receiver) -> CallbackApp:
    """Return an ASGI app that hands callbacks to a session, whatever their path.

    Starlette answers a ``mount`` without its last slash by a redirect, which no gateway follows: ``add_route`` it.
    """
    return CallbackApp(checked_receiver(session))


async def _answer(session: Receiver, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    extra: list[tuple[bytes, bytes]] = []
    if scope["method"] != "POST":
        status, extra = 405, [(b"allow", b"POST")]
    elif (body := await _body(receive)) is None:
        # The rest of the body is left unread, so the connection is of no more use; HTTP/2 forbids to say so
        # (RFC 9113, 8.2.2).
        is_first = scope.get("http_version", "1.1").startswith("1.")
        status, extra = 413, [(b"connection", b"close")] if is_first else []
    else:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        status = await status_for(session, headers, body)
    length = [] if status == 204 else [(b"content-length", b"0")]  # RFC 9110, 8.6: none with a 204
    await send({"type": "http.response.start", "status": status, "headers": [*length, *extra]})
    await send({"type": "http.response.body", "body": b""})


async def _body(receive: Receive) -> bytes | None:
    """Return the body, or None where it is over the cap; of a caller that left, what it had sent by then."""
    body = bytearray()
    while len(body) <= MOST_BYTES:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return bytes(body) if len(body) <= MOST_BYTES else None


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
