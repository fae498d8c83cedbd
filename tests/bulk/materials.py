"""Specs, clocks and looks at the truth for the bulk tests."""

import asyncio
import base64
import shutil
import sqlite3
import struct
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from random import Random
from typing import Any

from tables import mostly_slow

import kling_elements_async
from kling_elements_async import ElementSpec, ElementsSession, Images
from kling_elements_async.sandbox import Fault, Sandbox

LINKS = Images("https://example.com/front.png", ["https://example.com/side.png"])
SPEED = 50.0  # seconds of the tests' clock in one real second
PACKAGE = Path(kling_elements_async.__file__).parent
NO_FAULT = Fault(takes_effect=True)


class QuickClock:
    """The machine's clock, fifty times as fast: for the session and for the sandbox's tasks."""

    def __init__(self, speed: float = SPEED, seed: int = 0) -> None:
        self.random = Random(seed)
        self.speed = speed

    def now(self) -> float:
        return time.monotonic() * self.speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)


class Hand:
    """A clock that somebody moves: for a sandbox whose tasks end when the test says so."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


BLIND = mostly_slow(["anyfast", "evolink"], "anyfast")  # they know no external ids


def a_spec(name: str = "my-character", **changes: Any) -> ElementSpec:
    fields = {"description": "A protagonist", "reference": LINKS, "tags": ["character"]}
    return ElementSpec(name, **(fields | changes))


def named(count: int, start: int = 0, **changes: Any) -> list[ElementSpec]:
    """So many specs, each with a name of its own."""
    return [a_spec(f"item-{number}", **changes) for number in range(start, start + count)]


def spec_for(gateway: str, name: str = "my-character") -> ElementSpec:
    return a_spec(name, tags=() if gateway == "evolink" else ["character"])


class Counting:
    """An iterable that counts how many specs were taken from it."""

    def __init__(self, specs: Iterable[ElementSpec]) -> None:
        self.specs = specs
        self.taken = 0

    def __iter__(self):
        for spec in self.specs:
            self.taken += 1
            yield spec


def endless():
    number = 0
    while True:
        yield a_spec(f"item-{number}")
        number += 1


async def streamed(specs: Iterable[ElementSpec]) -> AsyncIterator[ElementSpec]:
    for spec in specs:
        await asyncio.sleep(0)
        yield spec


async def all_outcomes(session: ElementsSession, specs: Any, **options: Any) -> list[Any]:
    async with session.create_many(specs, **options) as outcomes:
        return [outcome async for outcome in outcomes]


async def until_error(session: ElementsSession, specs: Any, **options: Any) -> tuple[list[Any], Exception | None]:
    """The outcomes, and the error that the iteration ended with, if it did."""
    seen = []
    try:
        async with session.create_many(specs, **options) as outcomes:
            async for outcome in outcomes:
                seen.append(outcome)  # noqa: PERF401 - what came before the error counts
    except Exception as error:
        return seen, error
    return seen, None


async def exhausted(outcomes: Any) -> None:
    """Read on until the iteration raises."""
    while True:
        await anext(outcomes)


def made(sandbox: Sandbox, gateway: str = "ezmodel") -> Counter[str]:
    """How many elements there are by each name, by the account's own books."""
    return Counter(task.order.name for task in sandbox.account(gateway).tasks.values())


def calls(sandbox: Sandbox, gateway: str = "ezmodel") -> list[str]:
    """Every call that the account saw, in order."""
    return [seen.call for seen in sandbox.account(gateway).requests]


def ours() -> set[str]:
    """The running asyncio tasks that stand in the package (the sandbox's and the test's own are left out)."""
    names = set()
    for task in asyncio.all_tasks():
        code = getattr(task.get_coro(), "cr_code", None)
        if code and Path(code.co_filename).is_relative_to(PACKAGE) and "sandbox" not in code.co_filename:
            names.add(code.co_qualname)
    return names


async def eventually(truth: Any, within: float = 20.0) -> None:
    """Wait until something is true, in real seconds."""
    async with asyncio.timeout(within):
        while not truth():  # noqa: ASYNC110 - the truth is the sandbox's, which tells nobody
            await asyncio.sleep(0.005)


# ---------------------------------------------------------------- journals


def copied(journal: Path, into: Path) -> Path:
    """The journal as a crash at this moment would leave it: its file and its write-ahead log."""
    into.mkdir(parents=True, exist_ok=True)
    for name in (journal.name, f"{journal.name}-wal"):
        if (journal.parent / name).exists():
            shutil.copyfile(journal.parent / name, into / name)
    return into / journal.name


def rows(journal: Path) -> list[dict[str, Any]]:
    """The items in a journal that nobody has open."""
    connection = sqlite3.connect(journal)
    try:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM items")]
    finally:
        connection.close()


def peeked(journal: Path, into: Path) -> list[dict[str, Any]]:
    """The items in a journal that somebody has open, as they are on disk now."""
    return rows(copied(journal, into))


async def cut_off(session: ElementsSession, specs: list[ElementSpec], journal: Path, when: Any) -> list[Any]:
    """Run a job and leave it as soon as `when()` is true; whatever is on the wire then has no answer."""
    seen = []
    async with session.create_many(specs, journal=journal) as outcomes:

        async def read() -> None:
            async for outcome in outcomes:
                seen.append(outcome)  # noqa: PERF401 - it is cancelled in the middle

        reading = asyncio.ensure_future(read())
        await eventually(when)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return seen


# ---------------------------------------------------------------- pictures


def png(padding: int = 0, grey: int = 0x80) -> bytes:
    """A grey picture of 320 x 320 pixels; `padding` bytes of text make it as heavy as one likes."""
    scanlines = b"".join(b"\x00" + bytes([grey]) * 320 for _ in range(320))
    parts = [(b"IHDR", struct.pack(">IIBBBBB", 320, 320, 8, 0, 0, 0, 0))]
    parts += [(b"tEXt", b"Comment\x00" + b"x" * padding)] if padding else []
    parts += [(b"IDAT", zlib.compress(scanlines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def base64_of(picture: bytes) -> str:
    return base64.b64encode(picture).decode()
