"""Gateways, specs, pictures and a quick clock for the fault tests."""

import asyncio
import struct
import zlib
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from kling_elements_async import ElementSpec, ElementsSession, Images
from kling_elements_async.gateways import AnyFast, EvoLink, EzModel, Kling

from .canary import ACCESS_KEY, KEY, SECRET_KEY

LINKS = Images("https://example.com/front.png", ["https://example.com/side.png"])
BLIND = {"anyfast": AnyFast, "evolink": EvoLink}  # they know no external ids


def a_spec(**changes: Any) -> ElementSpec:
    fields = {"name": "my-character", "description": "A protagonist", "reference": LINKS, "tags": ["character"]}
    return ElementSpec(**(fields | changes))


def blind_spec(gateway: str) -> ElementSpec:
    return a_spec(tags=()) if gateway == "evolink" else a_spec()


CALLS: dict[str, Callable[[ElementsSession], Awaitable[Any]]] = {
    "create": lambda session: session.create_element(a_spec()),
    "get": lambda session: session.get_element("77"),
    "list": lambda session: session.list_elements(),
    "presets": lambda session: session.list_preset_elements(),
    "delete": lambda session: session.delete_element("977"),
}
READS = [name for name in CALLS if name != "create"]


def ezmodel(url: str) -> EzModel:
    return EzModel(api_key=KEY, base_url=url)


def signing(url: str) -> Kling:
    return Kling(access_key=ACCESS_KEY, secret_key=SECRET_KEY, base_url=url)


class QuickClock:
    """Time that goes on by sleeps alone, and a sleep is over at once: a slow machine changes nothing."""

    def __init__(self) -> None:
        self.random = Random(7)
        self.slept: list[float] = []
        self.before_waking: Callable[[], Awaitable[object]] | None = None
        self._now = 1000.0

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._now += max(0.0, seconds)
        if self.before_waking:
            await self.before_waking()
        await asyncio.sleep(0)


def png(padding: int = 0) -> bytes:
    """A grey picture of 320 x 320 pixels; `padding` bytes of text make it as heavy as one likes."""
    rows = b"".join(b"\x00" + b"\x80" * 320 for _ in range(320))
    parts = [(b"IHDR", struct.pack(">IIBBBBB", 320, 320, 8, 0, 0, 0, 0))]
    parts += [(b"tEXt", b"Comment\x00" + b"x" * padding)] if padding else []
    parts += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
