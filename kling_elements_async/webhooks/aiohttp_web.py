"""An endpoint for callbacks in ``aiohttp.web``. Loaded when used: a client needs no server."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from .callback import MOST_BYTES, Receiver, status_for

Handler = Callable[[web.Request], Awaitable[web.Response]]


def handler(session: Receiver) -> Handler:
    """Return a request handler that hands callbacks to a session."""

    async def handle(request: web.Request) -> web.Response:
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        body = bytearray()
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > MOST_BYTES:
                return web.Response(status=413)
        return web.Response(status=await status_for(session, request.headers, bytes(body)))

    return handle
