"""A server on loopback that speaks the documented wire of the five gateways.

What it is: the other end of the acceptance tests. Kling answers at the root, the others below a path of their own.
It records each request, and does what a test scripts for the next ones: a status, bytes, a header, "do the effect and
drop the connection", silence.

Its law: it speaks the documented wire, and shares no code with the package. It is not the package's sandbox. Where the
package and this file differ, the documented wire decides.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import socket
import ssl
import struct
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import parse_qsl, unquote

from .account import Account, evolink_refusal, new_account, refusal

KEY, ACCESS_KEY, SECRET_KEY = "test-key", "test-access", "test-secret"
MOUNTS = {
    "ezmodel": "/ezmodel/kling",
    "kkiai": "/kkiai/kling",
    "anyfast": "/anyfast/kling",
    "evolink": "/evolink",
    "kling": "",
}
OWN, PRESETS = "/v1/general/advanced-custom-elements", "/v1/general/advanced-presets-elements"
DELETES = ("/v1/general/delete-elements", "/v1/general/delete-advanced-elements")


@dataclass(frozen=True)
class Seen:
    """One request as it came in; the key is not kept, only what it was worth."""

    gateway: str
    call: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    size: int
    bearer: bool
    signed: dict[str, Any] | None
    at: float


@dataclass(frozen=True)
class Act:
    """What the server does with a request. `body=None` is the true answer, which has its effect."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    effect: bool = False
    fate: str = "answer"  # or reset, close, hang, raw (the body is all that is written, then the end)
    delay: float = 0.0  # real seconds before the answer


TRUE = Act()
RESET, CLOSE, HANG = Act(fate="reset"), Act(fate="close"), Act(fate="hang")
HTML = "<!DOCTYPE html><html><body><h1>It is not here</h1></body></html>"
CUT = Act(fate="raw", body=b'HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{"code": 0, "data": {"task')
CUT_JSON = Act(body=b'{"code": 0, "message": "SUCCEED", "data": {"task_')


def says(body: Any, status: int = 200, **headers: str) -> Act:
    """An answer: a str is an HTML page, bytes are sent as they are, a callable gets the request, else JSON."""
    return Act(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def refuses(status: int, code: int | str, message: str = "refused", **headers: str) -> Act:
    return says(refusal(status, code, message)[1], status, **headers)


def late(act: Act) -> Act:
    """The same, after the effect took place."""
    return replace(act, effect=True)


class Server:
    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.accounts: dict[str, Account] = {name: new_account(name) for name in MOUNTS}
        self.seen: list[Seen] = []
        self.accepted = 0
        self.busy = 0  # requests that are read and not yet answered; a hanging one does not count
        self.events = 0  # grows with everything that happens here
        self.now: Callable[[], float] = lambda: 0.0
        self._next: dict[str, deque[Act]] = defaultdict(deque)
        self._always: dict[str, Act] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def base_url(self, gateway: str) -> str:
        return self.origin + MOUNTS[gateway]

    def script(self, call: str, *acts: Act) -> None:
        """What the next requests of a call meet."""
        self._next[call].extend(acts)

    def always(self, call: str, act: Act | None) -> None:
        """What every request of a call meets when its script is empty; None ends it."""
        self._always.pop(call, None)
        if act:
            self._always[call] = act

    def calls(self, call: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.call == call]

    async def until(self, call: str, count: int) -> None:
        """Until so many requests of a call have come in."""
        async with asyncio.timeout(20):
            while len(self.calls(call)) < count:  # noqa: ASYNC110 (a test's own patience)
                await asyncio.sleep(0.001)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connection, sock=self._socket, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    # One connection.

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        self.accepted += 1
        self.events += 1
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            self.events += 1
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether the connection lives on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.busy += 1
        try:
            seen = self._record(head, await _read_body(head, reader))
            act = self._choose(seen.call)
            status, value = self._perform(seen, act)
            if act.delay:
                await asyncio.sleep(act.delay)
        finally:
            self.busy -= 1
            self.events += 1
        if act.fate == "hang":
            await asyncio.Event().wait()
        if act.fate == "reset":
            _reset(writer)
        if act.fate in {"reset", "close"}:
            return False
        writer.write(value if act.fate == "raw" else _response(status, value, act.headers))
        await writer.drain()
        self.events += 1
        return act.fate != "raw"

    def _choose(self, call: str) -> Act:
        waiting = self._next[call]
        return waiting.popleft() if waiting else self._always.get(call, TRUE)

    def _record(self, head: str, raw: bytes) -> Seen:
        first, *lines = head.rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        path, _, query = target.partition("?")
        gateway, call = _route(method, path)
        token = headers.pop("authorization", "")
        body = json.loads(raw) if raw else None
        seen = Seen(
            gateway, call, method, path, dict(parse_qsl(query)), headers, body, len(raw),
            token == f"Bearer {KEY}", _claims(token), self.now(),
        )  # fmt: skip
        self.seen.append(seen)
        self.events += 1
        return seen

    def _perform(self, seen: Seen, act: Act) -> tuple[int, Any]:
        honest = act.body is None and act.fate == "answer"
        truth = self._true_answer(seen) if honest or act.effect else (act.status, None)
        if honest:
            return truth
        return act.status, act.body(seen) if callable(act.body) else act.body

    def _true_answer(self, seen: Seen) -> tuple[int, Any]:
        account = self.accounts[seen.gateway]
        if not (seen.bearer or seen.signed):
            if seen.gateway == "evolink":
                return evolink_refusal(401, "unauthorized", "Invalid or expired token")
            return refusal(401, 1002, "Authorization is invalid")
        answers: dict[str, Callable[[], tuple[int, Any]]] = {
            "create": lambda: account.create(seen.body),
            "get": lambda: account.get(unquote(seen.path.rpartition("/")[2])),
            "list": lambda: account.list_own(seen.query),
            "presets": lambda: account.list_presets(seen.query),
            "delete": lambda: account.delete(seen.body),
            "nothing": lambda: (404, HTML),
        }
        return answers[seen.call]()


def _route(method: str, path: str) -> tuple[str, str]:
    """The gateway and the call that a request line names."""
    gateway = next(name for name, mount in MOUNTS.items() if path.startswith(mount + "/"))
    rest = path.removeprefix(MOUNTS[gateway])
    if gateway == "evolink":
        queried = method == "GET" and rest.startswith("/v1/tasks/")
        return gateway, "create" if (method, rest) == (
            "POST",
            "/v1/videos/generations",
        ) else "get" if queried else "nothing"
    if method == "POST":
        return (
            gateway,
            "create" if rest == OWN else "delete" if rest in DELETES and gateway != "anyfast" else "nothing",
        )
    if method == "GET" and gateway != "anyfast" and rest in {OWN, PRESETS}:
        return gateway, "list" if rest == OWN else "presets"
    single = method == "GET" and rest.startswith(OWN + "/") and "/" not in rest.removeprefix(OWN + "/")
    return gateway, "get" if single else "nothing"


def _claims(token: str) -> dict[str, Any] | None:
    """The claims of a JWT that the pair of keys signed, or None."""
    with contextlib.suppress(ValueError):
        head, claims, signature = token.removeprefix("Bearer ").split(".")
        digest = hmac.new(SECRET_KEY.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
        if hmac.compare_digest(digest, _unpadded(signature)):
            return {"header": json.loads(_unpadded(head))} | json.loads(_unpadded(claims))
    return None


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def _read_body(head: str, reader: asyncio.StreamReader) -> bytes:
    headers = dict(line.lower().split(":", 1) for line in head.rstrip("\r\n").split("\r\n")[1:])
    if "chunked" not in headers.get("transfer-encoding", ""):
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


def _response(status: int, value: Any, headers: Mapping[str, str]) -> bytes:
    kind = "text/html" if isinstance(value, str) else "application/json"
    body = (
        value
        if isinstance(value, bytes)
        else value.encode()
        if isinstance(value, str)
        else json.dumps(value).encode()
    )
    fields = {"Content-Type": kind, "Content-Length": str(len(body))} | dict(headers)
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {text}" for name, text in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
