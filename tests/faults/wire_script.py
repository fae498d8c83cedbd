"""A server on loopback that plays bytes by script, one list of steps for each connection.

What it is: the other end of the fault tests. A step reads, writes, waits or ends the connection; a connection
without a script of its own gets the ``otherwise`` one, which answers truthfully from a small ledger of tasks.
Its law: it parses no more HTTP than it must to know where a request ends, and never keeps a credential's text.
"""

import asyncio
import contextlib
import hashlib
import json
import socket
import ssl
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

OWN, PRESETS = "/v1/general/advanced-custom-elements", "/v1/general/advanced-presets-elements"
DELETE = "/v1/general/delete-elements"


class Over(Exception):  # noqa: N818 - it is no error
    """The connection's script has ended it."""


@dataclass
class Request:
    """One request as it came in. Of the credential only a digest is kept."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    credential: str = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(eq=False)
class Connection:
    """One connection, and what came in on it."""

    server: "WireServer" = field(repr=False)
    reader: asyncio.StreamReader = field(repr=False)
    writer: asyncio.StreamWriter = field(repr=False)
    requests: list[Request] = field(default_factory=list)
    ended_by_peer: bool = False


Step = Callable[[Connection], Awaitable[None]]


# ---------------------------------------------------------------- steps


async def headers(connection: Connection) -> None:
    """Read the head of a request, and record it."""
    head = (await connection.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, path, *_ = first.split(" ")
    found = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    credential = hashlib.sha256(found.pop("authorization", "").encode()).hexdigest()
    connection.requests.append(Request(method, path, found, credential))


async def request(connection: Connection) -> None:
    """Read a whole request, and record it."""
    await headers(connection)
    seen = connection.requests[-1]
    seen.body = await connection.reader.readexactly(int(seen.headers.get("content-length", 0)))


def send(data: bytes) -> Step:
    async def step(connection: Connection) -> None:
        connection.writer.write(data)
        await connection.writer.drain()

    return step


def flood(data: bytes) -> Step:
    """Send the same bytes again and again, until the other side goes."""

    async def step(connection: Connection) -> None:
        while True:
            await send(data)(connection)
            await asyncio.sleep(0)

    return step


class _Ahead:
    """The time of a loop that has leapt."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self.seconds = 0.0

    def __call__(self) -> float:
        return self._time() + self.seconds


async def leapt(seconds: float) -> None:
    """Let the loop's own time go on by so much at once: what is due by then is due now, on however slow a machine."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop.time, _Ahead):
        loop.time = _Ahead(loop.time)  # type: ignore[method-assign]
    loop.time.seconds += seconds
    await asyncio.sleep(0)


def leap(seconds: float) -> Step:
    async def step(_: Connection) -> None:
        await leapt(seconds)

    return step


def crawl(*pieces: bytes, each: float = 3.0) -> Step:
    """Send one piece after the other, and let so many seconds of the loop's time go by after each."""

    async def step(connection: Connection) -> None:
        for piece in pieces:
            await send(piece)(connection)
            await leapt(each)

    return step


def pause(seconds: float) -> Step:
    async def step(_: Connection) -> None:
        await asyncio.sleep(seconds)

    return step


def until(event: asyncio.Event) -> Step:
    async def step(_: Connection) -> None:
        await event.wait()

    return step


def tell(event: asyncio.Event) -> Step:
    """Say that the steps before are done."""

    async def step(_: Connection) -> None:
        event.set()

    return step


async def hang(_: Connection) -> None:
    """Do nothing more, and read nothing more."""
    await asyncio.Event().wait()


async def silence(connection: Connection) -> None:
    """Send nothing more, and note when the other side goes."""
    while await connection.reader.read(65536):
        pass
    connection.ended_by_peer = True
    raise Over


async def rst(connection: Connection) -> None:
    """End by a reset."""
    linger = struct.pack("ii", 1, 0)
    connection.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.writer.transport.abort()
    raise Over


async def fin(connection: Connection) -> None:
    """End in order (by a reset all the same, where something was left unread)."""
    connection.writer.close()
    raise Over


async def land(connection: Connection) -> None:
    """Let the last request have its effect, and keep its answer to ourselves."""
    connection.server.ledger.answer(connection.requests[-1])


async def truth(connection: Connection) -> None:
    """Answer every request truthfully, as long as the connection lasts."""
    while True:
        await request(connection)
        await send(connection.server.ledger.answer(connection.requests[-1]))(connection)


# ---------------------------------------------------------------- answers


def answer(body: bytes | str | Mapping[str, Any], status: int | str = 200, **fields: str) -> bytes:
    """One HTTP answer; a field of the empty text is left out."""
    text = json.dumps(body).encode() if isinstance(body, Mapping) else body
    content = text.encode() if isinstance(text, str) else text
    head = {"Content-Type": "application/json", "Content-Length": str(len(content))}
    head |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in head.items() if value)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content


def envelope(data: Any, code: int | str = 0, message: str = "SUCCEED") -> dict[str, Any]:
    return {"code": code, "message": message, "request_id": "r-1", "data": data}


MISS = answer(envelope(None, 1201, "Task not found by id/external id"), 400)


class Ledger:
    """The truth: the tasks that creates have made here."""

    def __init__(self) -> None:
        self.tasks: dict[str, dict[str, Any]] = {}
        self.status = "succeed"

    def answer(self, seen: Request) -> bytes:
        path = seen.path.partition("?")[0]
        if seen.method == "POST" and path == OWN:
            return self._created(seen.json)
        if seen.method == "POST":
            return answer(envelope(None))
        if path in (OWN, PRESETS):
            return answer(envelope([self.record("77")]))
        return self._found(path.rpartition("/")[2])

    def _created(self, body: dict[str, Any]) -> bytes:
        external_id = body.get("external_task_id")
        if external_id and any(task.get("external_task_id") == external_id for task in self.tasks.values()):
            return answer(envelope(None, 1201, "external_task_id already exists"), 400)
        task_id = str(1000 + len(self.tasks))
        self.tasks[task_id] = body
        return answer(envelope(self.record(task_id, "submitted")))

    def _found(self, asked: str) -> bytes:
        for task_id, body in self.tasks.items():
            if asked in (task_id, body.get("external_task_id")):
                return answer(envelope(self.record(task_id)))
        return answer(envelope(self.record(asked))) if asked.isdigit() else MISS

    def record(self, task_id: str, status: str | None = None) -> dict[str, Any]:
        body = self.tasks.get(task_id, {})
        info = {"external_task_id": body["external_task_id"]} if body.get("external_task_id") else {}
        word = status or self.status
        record: dict[str, Any] = {"task_id": task_id, "task_status": word, "task_info": info}
        if word == "succeed":
            made = {"element_id": int(f"9{task_id}"), "element_name": body.get("element_name", "it")}
            record["task_result"] = {"elements": [made]}
        return record


# ---------------------------------------------------------------- the server


class WireServer:
    """``server.script(steps…)`` is for the next connection, ``otherwise`` for each that has none."""

    TRUTH: tuple[Step, ...] = (truth,)

    def __init__(
        self, tls: ssl.SSLContext | None = None, *, port: int = 0, received_at_once: int | None = None
    ) -> None:
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", port))
        if received_at_once is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, received_at_once)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self.ledger = Ledger()
        self.connections: list[Connection] = []
        self.otherwise = self.TRUTH
        self._scripts: deque[tuple[Step, ...]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def script(self, *steps: Step) -> None:
        self._scripts.append(steps)

    @property
    def requests(self) -> list[Request]:
        return [seen for connection in self.connections for seen in connection.requests]

    @property
    def posts(self) -> list[Request]:
        """The creates that have reached us."""
        return [seen for seen in self.requests if seen.method == "POST" and seen.path == OWN]

    @property
    def looks(self) -> list[Request]:
        """The queries of one task that have reached us."""
        return [seen for seen in self.requests if seen.path.startswith(OWN + "/")]

    async def until(self, condition: Callable[[], object]) -> None:
        """Until something has happened here."""
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - a test's own patience
                await asyncio.sleep(0.001)

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        return self._tasks

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._play, sock=self._socket, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        connection = Connection(self, reader, writer)
        self.connections.append(connection)
        steps = self._scripts.popleft() if self._scripts else self.otherwise
        try:
            with contextlib.suppress(Over, asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
                for step in steps:
                    await step(connection)
        finally:
            self._tasks.discard(task)
            if task.cancelling() or self._tls:
                writer.transport.abort()
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
