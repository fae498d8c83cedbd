"""A proxy on loopback that spoils what passes between a session and a server.

What it is: a bad line in this process, so that it needs no rights on the machine. Its toxics are those of
Toxiproxy, by their names. Its law: it changes when bytes come, how many, and how it ends, never what they are.
"""

import asyncio
import contextlib
import math
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Self

Way = Literal["upstream", "downstream"]
Nap = Callable[[float], Awaitable[object]]


@dataclass(frozen=True)
class Toxics:
    """What one connection suffers; the defaults are a good line."""

    latency: float = 0.0  # seconds before each piece
    slicer: int = 65536  # bytes of a piece at most
    bandwidth: float = math.inf  # bytes a second, each way
    limit_data: tuple[Way, int] | None = None  # the connection ends in order after so many bytes this way
    reset_peer: tuple[Way, int] | None = None  # it ends by a reset, on both sides


GOOD = Toxics()


class ChaosProxy:
    """Stands before a port; ``toxics(number)`` says what the connection of this number, from 0, suffers.

    ``nap(seconds)`` is how it lets time go by.
    """

    def __init__(self, port: int, toxics: Callable[[int], Toxics], nap: Nap = asyncio.sleep) -> None:
        self._target = port
        self._toxics = toxics
        self._nap = nap
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.connections = 0
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, sock=self._socket)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        toxics = self._toxics(self.connections)
        self.connections += 1
        writers = [writer]
        try:
            there, onward = await asyncio.open_connection("127.0.0.1", self._target)
            writers.append(onward)
            ways = (
                _way("upstream", reader, onward, toxics, self._nap),
                _way("downstream", there, writer, toxics, self._nap),
            )
            await _until_one_ends([asyncio.ensure_future(way) for way in ways])
            if toxics.reset_peer:
                for each in writers:
                    _reset(each)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for each in writers:
                each.close()
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await each.wait_closed()


async def _until_one_ends(ways: list[asyncio.Future[None]]) -> None:
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _way(
    way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, toxics: Toxics, nap: Nap
) -> None:
    """Pass bytes one way, until they end or the toxics end them."""
    end = toxics.reset_peer or toxics.limit_data
    left = end[1] if end and end[0] == way else math.inf
    while piece := await reader.read(toxics.slicer):
        piece = piece[: int(min(left, len(piece)))]
        left -= len(piece)
        if seconds := toxics.latency + len(piece) / toxics.bandwidth:
            await nap(seconds)
        writer.write(piece)
        await writer.drain()
        if left <= 0:
            return


def _reset(writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
