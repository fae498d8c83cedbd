"""A JSON body, read as a stream: long strings are measured as pictures and dropped on the way.

A hundred uploads of 10 MB at once thus cost the sandbox a few megabytes, and never block its loop long.
"""

import asyncio
import json
import secrets
from typing import Any

from aiohttp import web
from attrs import Factory, frozen

from .picture import Meter

LARGEST = 64 * 1024 * 1024
BIG = 16 * 1024
LONG = 64 * 1024  # a string longer than this can only be a picture


@frozen
class Body:
    """A parsed body: the value, with a mark in place of each long string, and the meters behind the marks."""

    value: Any = None
    meters: dict[str, Meter] = Factory(dict)


class TooLargeError(Exception):
    """The body passes what the front server takes."""


async def read(request: web.BaseRequest, turn: asyncio.Lock) -> Body:
    """Read the whole body; one that is no JSON has the value None.

    Big chunks take turns, one in each round of the loop: a hundred in one round would block it for long.
    """
    sieve = Sieve()
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > LARGEST:
            raise TooLargeError
        if len(chunk) < BIG:
            sieve.feed(chunk)
            continue
        async with turn:
            sieve.feed(chunk)
            await asyncio.sleep(0)
    return sieve.body()


class Sieve:
    """JSON text going in chunk by chunk; what stays is the same JSON with short strings only."""

    def __init__(self) -> None:
        """Begin outside of any string."""
        self._kept = bytearray()
        self._start = -1  # where the open string begins in what is kept; -1 outside of strings
        self._escaped = False
        self._meter: Meter | None = None
        self._meters: dict[str, Meter] = {}

    def feed(self, chunk: bytes) -> None:
        """Take in the next chunk, cut anywhere."""
        at = 0
        while at < len(chunk):
            at = self._outside(chunk, at) if self._start < 0 else self._inside(chunk, at)

    def body(self) -> Body:
        """Parse what was kept."""
        try:
            return Body(json.loads(self._kept), self._meters)
        except (ValueError, RecursionError):
            return Body()

    def _outside(self, chunk: bytes, at: int) -> int:
        quote = chunk.find(b'"', at)
        end = len(chunk) if quote < 0 else quote + 1
        self._kept += chunk[at:end]
        self._start = -1 if quote < 0 else len(self._kept)
        return end

    def _inside(self, chunk: bytes, at: int) -> int:
        if self._escaped:
            return self._unescape(chunk, at)
        quote = chunk.find(b'"', at)
        end = len(chunk) if quote < 0 else quote
        slash = chunk.find(b"\\", at, end)
        self._take(chunk[at : end if slash < 0 else slash])
        if slash >= 0:
            self._escaped = True
            return slash + 1
        if quote >= 0:
            self._close()
        return end + (quote >= 0)

    def _unescape(self, chunk: bytes, at: int) -> int:
        # `\/` is the one escape that Base64 can hold; as `/` it means the same in JSON.
        letter = chunk[at : at + 1]
        self._take(letter if letter == b"/" else b"\\" + letter)
        self._escaped = False
        return at + 1

    def _take(self, piece: bytes) -> None:
        if self._meter:
            self._meter.feed(piece)
            return
        self._kept += piece
        if len(self._kept) - self._start > LONG:
            self._meter = Meter()
            self._meter.feed(bytes(self._kept[self._start :]))
            del self._kept[self._start :]

    def _close(self) -> None:
        if self._meter:
            # Nobody can guess the mark, and it is longer than any text that a gateway takes.
            mark = secrets.token_hex(64)
            self._meters[mark] = self._meter
            self._kept += mark.encode()
            self._meter = None
        self._kept += b'"'
        self._start = -1
