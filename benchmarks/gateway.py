"""The gateway that the client talks to here: HTTP in a process of its own, with as little work as it takes.

A GET answers one task, of the id that was asked for: finished, or processing while it is one of the gateway's own
that has not ended. With ``pageNum`` it answers a page of them, the newest first. A POST is read to its end and
answers a new task. The paths of other services' SDKs get answers in their words (see ``peers``). It looks at
nothing else, so that what is measured is the client; it says what CPU time it took itself.
"""

import asyncio
import json
import math
import multiprocessing
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from attrs import frozen

FIRST_TASK_ID = 860434405402222626
Envelope = tuple[bytes, ...]
_PAGE = re.compile(rb"pageNum=(\d+)&pageSize=(\d+)")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_HEAD = (
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    b"Content-Type: application/json; charset=utf-8\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n"
)
_PICTURE = "https://cdn.example.com/kling/elements/2026/01/01/8f14e45fceea167a5a36dedd4bea2543"
_ID = "<task id>"
_ELEMENT = {
    "element_id": _ID,  # as text: each task has an element of its own
    "element_name": "my-character",
    "element_description": "A protagonist for my video series, in a red coat and with short dark hair",
    "reference_type": "image_refer",
    "element_image_list": {
        "frontal_image": f"{_PICTURE}/frontal.png",
        "refer_images": [{"image_url": f"{_PICTURE}/side-{number}.png"} for number in (1, 2, 3)],
    },
    "element_video_list": {},
    "element_voice_info": {},
    "tag_list": [{"id": "o_102", "name": "Character", "description": "None"}],
    "owned_by": "13724809",
    "status": "succeed",
}
_OUTER = {"code": 0, "message": "SUCCEED", "request_id": "5b2b8e1f-6f5e-4c1c-9d0a-3f4a5b6c7d8e"}


def _envelope(status: str, **rest: Any) -> Envelope:
    """Return the text of an answer around its ids."""
    # Quickly done: a session learns from these when a first look is worth it.
    times = {"created_at": 1767225600000, "updated_at": 1767225600040}
    data = {"task_id": _ID, "task_status": status, **times, **rest}
    return _split({**_OUTER, "data": data})


def _split(body: dict[str, Any]) -> Envelope:
    return tuple(part.encode() for part in json.dumps(body, separators=(",", ":")).split(_ID))


_SUBMITTED = _envelope("submitted")
_REST = {
    "task_status_msg": "",
    "task_info": {"external_task_id": "2f1c9a7e5b3d4c60a8e7f6d5c4b3a291"},
    "task_result": {},
    "final_unit_deduction": "0",
    "final_balance_deduction": {"quota": "0", "list_price": "0"},
}
_PROCESSING = _envelope("processing", **_REST)
_FINISHED = _envelope("succeed", **_REST | {"task_result": {"elements": [_ELEMENT]}})
_LIST_BEGIN = json.dumps({**_OUTER, "data": []}, separators=(",", ":")).encode().removesuffix(b"]}")
_ROW_BEGIN = len(_LIST_BEGIN) - 1  # an envelope begins as a list does, but for the bracket

# What is asked for by /<kind>/<id>, where it is none of ours: a prediction of replicate, a queue's status of fal.
_KINDS = {
    b"predictions": _split(
        {
            **dict.fromkeys(("logs", "error", "created_at", "started_at", "completed_at")),
            "id": _ID,
            "model": "kling/elements",
            "version": "1",
            "status": "succeeded",
            "urls": {},
            "metrics": {},
            "input": {"name": "my-character"},
            "output": [_ELEMENT],
        }
    ),
    b"queue": _split({"request_id": _ID, "status": "COMPLETED", "logs": [], "metrics": {}, "output": [_ELEMENT]}),
}


class _Tasks:
    """The gateway's own tasks, by number: each ends when its time has come."""

    def __init__(self, ended: int, running: int, lasting: float) -> None:
        self._lasting = lasting
        self._ends = [-math.inf] * ended + [math.inf] * running

    def made(self) -> bytes:
        self._ends.append(time.monotonic() + self._lasting)
        return b"%d" % (FIRST_TASK_ID + len(self._ends) - 1)

    def envelope(self, task_id: bytes) -> Envelope:
        number = int(task_id) - FIRST_TASK_ID if task_id.isdigit() else -1
        is_running = 0 <= number < len(self._ends) and self._ends[number] > time.monotonic()
        return _PROCESSING if is_running else _FINISHED

    def page(self, number: int, size: int) -> bytes:
        last = len(self._ends) - (number - 1) * size
        ids = [b"%d" % (FIRST_TASK_ID + index) for index in range(last - 1, max(0, last - size) - 1, -1)]
        rows = [task_id.join(self.envelope(task_id))[_ROW_BEGIN:-1] for task_id in ids]
        return _LIST_BEGIN + b",".join(rows) + b"]}"


class _Connection(asyncio.BufferedProtocol):
    """Knows where a request's head ends and how long its body is, and nothing else of it."""

    # Shared by all connections: what was read is used up before the next one reads.
    _space = memoryview(bytearray(256 * 1024))

    def __init__(self, tasks: _Tasks) -> None:
        self._tasks = tasks
        self._transport: asyncio.WriteTransport
        self._begun = b""
        self._body_left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the signature of asyncio
        return self._space

    def buffer_updated(self, nbytes: int) -> None:
        if self._body_left:
            self._body_read(nbytes)
            return
        self._begun += self._space[:nbytes]
        head, found, rest = self._begun.partition(b"\r\n\r\n")
        if not found:
            return
        self._begun = b""
        if length := _LENGTH.search(head):
            self._body_left = int(length[1])
            self._body_read(len(rest))
        else:
            self._get(head.split(b" ", 2)[1])

    def _body_read(self, nbytes: int) -> None:
        self._body_left -= nbytes
        if self._body_left <= 0:
            self._answer(_SUBMITTED, self._tasks.made())

    def _get(self, target: bytes) -> None:
        path, _, query = target.partition(b"?")
        if page := _PAGE.search(query):
            self._write(self._tasks.page(int(page[1]), int(page[2])))
        else:
            *_, kind, task_id = path.split(b"/")
            self._answer(_KINDS.get(kind) or self._tasks.envelope(task_id), task_id)

    def _answer(self, envelope: Envelope, task_id: bytes) -> None:
        self._write(task_id.join(envelope))

    def _write(self, body: bytes) -> None:
        self._transport.write(_HEAD % len(body) + body)


async def _serve(pipe: Connection, tasks: _Tasks) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(tasks), "127.0.0.1", 0, backlog=1024)
    pipe.send(server.sockets[0].getsockname()[1])

    def tell() -> None:
        try:
            pipe.recv()
        except EOFError:
            server.close()
            return
        pipe.send(time.process_time())

    loop.add_reader(pipe.fileno(), tell)
    await server.serve_forever()


def _main(pipe: Connection, tasks: _Tasks) -> None:
    asyncio.run(_serve(pipe, tasks))


@frozen
class BenchmarkGateway:
    """A gateway that is being served."""

    url: str
    _pipe: "Connection"

    def cpu(self) -> float:
        """Return the CPU seconds that its process has taken."""
        self._pipe.send(None)
        taken: float = self._pipe.recv()
        return taken


@contextmanager
def served(*, ended: int = 0, running: int = 0, lasting: float = 0.0) -> Iterator[BenchmarkGateway]:
    """Serve a gateway for the length of a block.

    It begins with so many tasks that have ended, and after them with so many that never will; the ids count up
    from ``FIRST_TASK_ID``. A new one lasts so many seconds.
    """
    spawn = multiprocessing.get_context("spawn")
    pipe, its_pipe = spawn.Pipe()
    process = spawn.Process(target=_main, args=(its_pipe, _Tasks(ended, running, lasting)), daemon=True)
    process.start()
    its_pipe.close()  # so that a gateway that could not begin is the end of the pipe
    try:
        yield BenchmarkGateway(f"http://127.0.0.1:{pipe.recv()}", pipe)
    finally:
        process.terminate()
        process.join()
