"""The adversary's server: reads a request, draws its fate, answers or does not."""

import asyncio
import json
from random import Random

from attrs import define, evolve

from .fates import Fates, hang_up
from .message import Request, http
from .truth import RefusedError, Truth, Value

UNREAD = 0.08


@define
class Adversary:
    """A server on loopback; ``rate`` is the share of the requests that it spoils."""

    truth: Truth
    fates: Fates
    random: Random
    rate: float
    key: str

    async def listen(self) -> str:
        """Serve from now on, and return the URL."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchanged(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the caller left
        finally:
            writer.close()

    async def _exchanged(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request, and say whether the connection lives on."""
        request = Request.of((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        self.truth.requests[request.call] += 1
        is_spoiled = self.random.random() < self.rate
        if is_spoiled and self.random.random() < UNREAD:
            self.fates.met["unread"] += 1
            return hang_up(writer, politely=self.random.random() < 0.5)
        length = int(request.fields.get("content-length", 0))
        request = evolve(request, raw=await reader.readexactly(length))
        if request.fields.get("authorization") != f"Bearer {self.key}":
            writer.write(http(401, {"code": 1002, "message": "Authorization is invalid", "request_id": "a"}))
            return True
        if is_spoiled:
            return await self.fates.meet(request, writer, lambda: self.done(request))
        writer.write(self.done(request))
        await writer.drain()
        return True

    def done(self, request: Request) -> bytes:
        """Carry a request out, and return the true answer."""
        try:
            return http(200, self._effect(request))
        except RefusedError as refused:
            status, code, message = refused.args
            return http(status, {"code": code, "message": message, "request_id": "a"})

    def _effect(self, request: Request) -> Value:
        if request.call in ("create", "delete"):
            body = json.loads(request.raw)
            return self.truth.create(body) if request.call == "create" else self.truth.delete(body)
        if request.call == "get":
            return self.truth.find(request.identity)
        return self.truth.page(request.query) if request.call == "list" else self.truth.data([])
