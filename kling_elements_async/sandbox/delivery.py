"""How an answer leaves, or does not: whole, cut, or a connection that ends."""

import socket
import struct

from aiohttp import web

from .answer import Answer
from .fault import Ending

RESET = struct.pack("ii", 1, 0)  # linger for 0 seconds: the kernel sends RST instead of FIN


async def deliver(request: web.BaseRequest, answer: Answer, ending: Ending) -> web.StreamResponse:
    """Send the answer, a half of it, or nothing."""
    if ending == "answer":
        return response(answer)
    if ending == "cut":
        return await half(request, answer)
    return hang_up(request, politely=ending == "close")


def response(answer: Answer) -> web.Response:
    """Turn an answer into aiohttp's."""
    return web.Response(status=answer.status, body=answer.body, headers=list(answer.headers))


async def half(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    """Promise the whole answer, and close after half of it."""
    stream = web.StreamResponse(status=answer.status, headers=list(answer.headers))
    stream.content_length = len(answer.body)
    await stream.prepare(request)
    await stream.write(answer.body[: len(answer.body) // 2])
    hang_up(request, politely=True)
    return stream


def hang_up(request: web.BaseRequest, *, politely: bool = False) -> web.Response:
    """End the connection; aiohttp wants a response all the same, which then goes nowhere."""
    transport = request.transport
    if transport is None:
        return web.Response()
    if politely:
        transport.close()
        return web.Response()
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    transport.abort()
    return web.Response()
