"""10,000 waits, looked at singly, at a gateway that takes 200 requests a second and answers 429 beyond.

Virtual time. The whole session runs, but for the sockets: a request takes 0.1 s, at most 100 are in flight. The
gateway offers no lists, counts what it took within the last second, and sends no Retry-After. The ideal looks at
each task once, in the order of their ends, at the gateway's rate.
"""

import asyncio
import json
import math
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any
from unittest.mock import patch

from attrs import define, field

from kling_elements_async import ElementsSession, session
from kling_elements_async.body import Body
from kling_elements_async.gateways import AnyFast
from kling_elements_async.transport import Transport
from kling_elements_async.wire import Call, Reply

from .policies import drawn
from .table import Row, Table
from .virtual import VirtualClock
from .virtual import run as run_virtually

LIMIT = 200
WAITS = 10_000
MOST_REFUSED = 2.0
HIGHEST_PEAK = 2.0
LATEST = 1.25
ROUND_TRIP = 0.1
_FIRST = 860434405402222626
_REFUSAL = json.dumps({"code": 1302, "message": "API request rate limit exceeded", "request_id": "a"}).encode()
_ELEMENT = {"element_id": 856528387816046601, "element_name": "prop", "reference_type": "image_refer"}


@define
class LimitedGateway:
    """Tasks that end at these times, and the requests that came."""

    ends: Sequence[float]
    taken: "deque[float]" = field(factory=deque)
    came: list[float] = field(factory=list)
    refused: int = 0

    def answer(self, task_id: str) -> tuple[int, bytes]:
        now = asyncio.get_running_loop().time()
        self.came.append(now)
        while self.taken and self.taken[0] <= now - 1:
            self.taken.popleft()
        if len(self.taken) >= LIMIT:
            self.refused += 1
            return 429, _REFUSAL
        self.taken.append(now)
        is_over = now >= self.ends[int(task_id) - _FIRST]
        result = {"task_result": {"elements": [_ELEMENT]}} if is_over else {}
        data = {"task_id": task_id, "task_status": "succeed" if is_over else "processing", **result}
        return 200, json.dumps({"code": 0, "message": "SUCCEED", "request_id": "a", "data": data}).encode()

    def peak(self) -> int:
        """Return the most requests that came within one second."""
        first = most = 0
        for index, moment in enumerate(self.came):
            while self.came[first] <= moment - 1:
                first += 1
            most = max(most, index - first + 1)
        return most

    def ideal(self) -> float:
        """Return when the last end could be known at best."""
        known = 0.0
        for end in sorted(self.ends):
            known = max(end, known + 1 / LIMIT)
        return known + ROUND_TRIP


def _without_sockets(gateway: LimitedGateway) -> type[Transport]:
    class Wireless(Transport):
        async def send(self, call: Call[Any], body: Body | None = None, *, until: float = math.inf) -> Reply:  # noqa: ARG002
            try:
                await asyncio.sleep(ROUND_TRIP / 2)
                status, content = gateway.answer(call.request.path.rpartition("/")[2])
                await asyncio.sleep(ROUND_TRIP / 2)
            finally:
                self._pool.give_back()
            return Reply(status, {}, content, "anyfast", call.what)

    return Wireless


async def _waited(gateway: LimitedGateway, random: Random) -> float:
    with patch.object(session, "Transport", _without_sockets(gateway)):
        ours = ElementsSession(AnyFast(api_key="benchmark-key"), clock=VirtualClock(random))
    async with ours:
        ids = [str(_FIRST + index) for index in range(len(gateway.ends))]
        await asyncio.gather(*(ours.wait_for_element(task_id, timeout=None) for task_id in ids))
        return asyncio.get_running_loop().time()


_KINDS: dict[str, Callable[[int, Random], Sequence[float]]] = {
    "tasks of about 20 s": drawn,
    "tasks of 20 s each": lambda waits, _: [20.0] * waits,
    "tasks that have ended": lambda waits, _: [0.0] * waits,
}


def rows_of(name: str, ends: Sequence[float]) -> tuple[Row, ...]:
    """Wait for tasks that end at these times, and return what it took."""
    gateway = LimitedGateway(ends)
    last = run_virtually(_waited(gateway, Random(0)))
    requests = len(gateway.came)
    return (
        Row(f"{name}: answers that are 429", 100 * gateway.refused / requests, " %", most=MOST_REFUSED, digits=1),
        Row(f"{name}: most requests in a second / limit", gateway.peak() / LIMIT, most=HIGHEST_PEAK),
        Row(f"{name}: last end known / ideal", last / gateway.ideal(), most=LATEST),
        Row(f"  {name}: last end known", last, " s", digits=0),
        Row(f"  {name}: requests an element", requests / len(ends)),
    )


def run(*, quick: bool) -> Table:
    waits = WAITS // 5 if quick else WAITS
    rows = tuple(row for name, draw in _KINDS.items() for row in rows_of(name, draw(waits, Random(0))))
    return Table(f"limited: {waits:,} waits at a gateway that takes {LIMIT} requests a second, virtual time", rows)
