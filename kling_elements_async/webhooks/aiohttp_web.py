"""An endpoint for callbacks in ``aiohttp.web``. Loaded when used: a client needs no server."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from .callback import MOST_BYTES, Receiver, checked_receiver, status_for

Handler = Callable[[web.Request], Awaitable[web.Response]]


def handler(session: Receiver) -> Handler:
    """Return a request handler that hands callbacks to a session."""
    checked_receiver(session)

    async def handle(request: web.Request) -> web.Response:
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        try:
            body = await _body(request)
        except (web.RequestPayloadError, ConnectionError):
            return web.Response(status=400)  # no gzip where it was promised, or the caller left
        if body is None:
            return web.Response(status=413)
        return web.Response(status=await status_for(session, request.headers, body))

    return handle


async def _body(request: web.Request) -> bytes | None:
    """Return the body, or None where it is over the cap, whatever the application's own cap is."""
    if not request.can_read_body:
        return await request.read()  # there is none, or a middleware has read it
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)
