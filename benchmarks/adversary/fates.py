"""What becomes of a spoiled request: nothing of it is said to have happened that did not, but little is said.

Law: a fate is drawn by moment (before the effect, after it, or long before it) and by what the caller then sees.
A 429 has no effect, and a definite refusal is never drawn: after one, a caller is right to give up.
"""

import asyncio
import json
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from attrs import define, field

from .message import Request, http
from .truth import Dialect

Writer = asyncio.StreamWriter
Effect = Callable[[], bytes]

LANDING = (0.3, 2.0)
SILENCE = (0.5, 3.0)
LONG_SILENCE = 30.0  # longer than a caller's patience
_RESET = struct.pack("ii", 1, 0)
_HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_BROKEN = (500, 502, 503, 504, 520, 522, 524, 529)
_NO_JSON = (b"", b"null", b"[]", b"{}", b'""', b"\xff\xfe{", b'{"code": NaN}', b"[" * 50_000, b"<html>", b"OK")
_NO_HTTP = (
    b"HTTP/1.1 999 What\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"\x00\x00\x12\x04\x00",
    b"HTTP/1.1 200",
    b"\r\n",
)


@define
class Fates:
    """Draws fates, and lets requests meet them."""

    random: Random
    dialect: Dialect
    met: Counter[str] = field(factory=Counter)
    _landings: "set[asyncio.TimerHandle]" = field(factory=set)

    async def meet(self, request: Request, writer: Writer, effect: Effect) -> bool:
        """Spoil a request, and say whether its connection lives on."""
        kinds: dict[Callable[[Request, Writer, Effect], Awaitable[bool]], float] = {
            self._unclear: 70,
            self._spoiled: 20,
            self._too_many: 4,
            self._slow: 5,
            self._silent_for_long: 0.1,
        }
        (kind,) = self.random.choices(list(kinds), list(kinds.values()))
        return await kind(request, writer, effect)

    async def _unclear(self, request: Request, writer: Writer, effect: Effect) -> bool:
        """Say something that tells nothing, with the effect behind, before or never."""
        moment = self.random.choice(
            ("before", "after", "late") if request.call == "create" else ("before", "after")
        )
        if moment == "after":
            effect()
        elif moment == "late":
            asyncio.get_running_loop().call_later(self.random.uniform(*LANDING), effect)
        said = self.random.choice((self._nothing, self._nothing, self._silence, self._status, self._nonsense))
        self.met[f"{moment}: {said.__name__[1:]}"] += 1
        return await said(writer)

    async def _nothing(self, writer: Writer) -> bool:
        return hang_up(writer, politely=self.random.random() < 0.5)

    async def _silence(self, writer: Writer) -> bool:
        await asyncio.sleep(self.random.uniform(*SILENCE))
        return await self._nothing(writer)

    async def _status(self, writer: Writer) -> bool:
        status = self.random.choice((*_BROKEN, *_BROKEN, 408, 425, 200))
        code = self.random.choice((5000, 5001, 5002, 5999))
        bodies: tuple[Any, ...] = (
            {"code": code, "message": "Internal server error", "request_id": "a"},
            {"error": {"message": "upstream (request id: a)", "type": "new_api_error", "code": "bad_response"}},
            _HTML.format(status),
            b"",
        )
        body = self.random.choice(bodies)
        writer.write(http(status, body))
        return True

    async def _nonsense(self, writer: Writer) -> bool:
        if self.random.random() < 0.5:
            writer.write(http(200, self.random.choice(_NO_JSON)))
            return True
        writer.write(self.random.choice(_NO_HTTP))
        return False

    async def _spoiled(self, request: Request, writer: Writer, effect: Effect) -> bool:
        """Do it, and spoil the true answer."""
        true = effect()
        spoils = [_cut, _cut, _shortened, _mislabelled, _endless, _doubled]
        if request.call == "get" or (request.call == "create" and self.dialect == "native"):
            # Without an external id a create's answer can't be told from that of another create.
            spoils.append(_mixed_up)
        if request.call == "create" and self.dialect == "native":
            spoils.append(_echoed)
        spoil = self.random.choice(spoils)
        self.met[spoil.__name__[1:]] += 1
        writer.write(spoil(true, self.random))
        await writer.drain()
        # An RST may overtake what was sent.
        return hang_up(writer, politely=self.random.random() < 0.7)

    async def _too_many(self, _: Request, writer: Writer, __: Effect) -> bool:
        """Refuse the rate; nothing happens."""
        self.met["429"] += 1
        refusal = {"code": 1302, "message": "API request rate limit exceeded", "request_id": "a"}
        patience = self.random.choice(((), ("Retry-After: 1",), ("Retry-After: 0.5",), ("Retry-After: soon",)))
        writer.write(http(429, self.random.choice((refusal, _HTML.format(429), b"")), *patience))
        return True

    async def _slow(self, _: Request, writer: Writer, effect: Effect) -> bool:
        """Tell the truth, piece by piece."""
        self.met["slow"] += 1
        await asyncio.sleep(self.random.uniform(0, 0.5))
        true = effect()
        for start in range(0, len(true), 1 + len(true) // 7):
            writer.write(true[start : start + 1 + len(true) // 7])
            await asyncio.sleep(self.random.uniform(0, 0.1))
        return True

    async def _silent_for_long(self, _: Request, writer: Writer, effect: Effect) -> bool:
        """Let the caller lose its patience; the effect is there half of the time."""
        self.met["long silence"] += 1
        if self.random.random() < 0.5:
            effect()
        await asyncio.sleep(LONG_SILENCE)
        return hang_up(writer)


def _cut(true: bytes, random: Random) -> bytes:
    """Cut anywhere, in the head too."""
    return true[: random.randrange(len(true))]


def _shortened(true: bytes, random: Random) -> bytes:
    """Cut the JSON, under a length that fits the rest."""
    body = true.partition(b"\r\n\r\n")[2]
    return http(200, body[: random.randrange(len(body))])


def _mislabelled(true: bytes, _: Random) -> bytes:
    """Call plain text gzip, or what nobody has asked for."""
    return true.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n", 1)


def _endless(true: bytes, _: Random) -> bytes:
    """Send it in chunks, and never the last one."""
    body = true.partition(b"\r\n\r\n")[2]
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(body), body)


def _doubled(true: bytes, _: Random) -> bytes:
    """Two lengths that contradict each other."""
    return true.replace(b"\r\n\r\n", b"\r\nContent-Length: 7\r\n\r\n", 1)


def _mixed_up(true: bytes, _: Random) -> bytes:
    """Answer for a task that is nobody's, under other ids."""
    answer = json.loads(true.partition(b"\r\n\r\n")[2])
    record = answer.get("data", answer)
    for name in {"id", "task_id"} & set(record):
        record[name] += "9"
    if "task_info" in record:
        record["task_info"]["external_task_id"] += "9"
    return http(200, answer)


def _echoed(true: bytes, _: Random) -> bytes:
    """Name the task as the caller named it."""
    answer = json.loads(true.partition(b"\r\n\r\n")[2])
    if "task_info" in answer.get("data", {}):
        answer["data"]["task_id"] = answer["data"]["task_info"]["external_task_id"]
    return http(200, answer)


def hang_up(writer: Writer, *, politely: bool = False) -> bool:
    """End the connection, by FIN or by RST, and say that it does not live on."""
    if not politely:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()
    return False
