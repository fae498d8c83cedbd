"""Accounts without a wire: the sandbox's books, answered in process and in virtual time.

The session's own pools, gate, slots and waits are real; only what goes over the socket is replaced.
"""

import heapq
import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from kling_elements_async import ElementSpec, ElementsSession
from kling_elements_async.gateways import EzModel
from kling_elements_async.sandbox.account import Account
from kling_elements_async.sandbox.body import Body
from kling_elements_async.sandbox.dialects import DIALECTS
from kling_elements_async.sandbox.refusal import RefusedError
from kling_elements_async.sandbox.visit import Visit
from kling_elements_async.testing import VirtualClock
from kling_elements_async.transport import Transport
from kling_elements_async.wire import Call, Reply

EZMODEL = next(dialect for dialect in DIALECTS if dialect.name == "ezmodel")


class Hall(EzModel):
    """A gateway with one account of so many slots, each answer `latency` seconds away."""

    def __init__(
        self,
        clock: VirtualClock,
        slots: int | None,
        duration: Callable[[], float],
        *,
        host: str,
        latency: float = 0.1,
    ) -> None:
        super().__init__(api_key="hall-key", base_url=f"https://{host}.example.com")
        numbers = count(1)
        self.clock = clock
        self.latency = latency
        self.account = Account(
            slots=slots,
            clock=clock.now,
            wall=lambda: 1.7e9 + clock.now(),
            duration=duration,
            new_ids=lambda: ((number := next(numbers)) and str(10**17 + number), str(10**18 + number)),
        )
        self.creates: list[tuple[float, str, int]] = []  # when, the name, the status
        self.counts: dict[str, int] = {}
        self.limited_until = float("-inf")  # until then every create is refused with 1302

    def occupy(self, slots: int, seconds: float) -> None:
        """Tasks of someone else in the same account."""
        for _ in range(slots):
            heapq.heappush(self.account._ends, self.clock.now() + seconds)

    async def answer(self, call: Call[Any], upload: Any) -> Reply:
        await self.clock.sleep(self.latency / 2)
        if upload is not None:
            upload.started = upload.body.has_left = True
        path, _, query = call.request.path.removeprefix("/v1/").partition("?")
        name, identity = EZMODEL.route(call.request.method, path)
        self.counts[name] = self.counts.get(name, 0) + 1
        asked = dict(pair.split("=") for pair in query.split("&")) if query else {}
        body = json.loads(json.dumps(dict(call.request.body))) if call.request.body else None
        try:
            if name == "create" and self.clock.now() < self.limited_until:
                raise RefusedError(1302)
            answer = EZMODEL.answer(Visit(name, identity, asked, Body(body)), self.account)
        except RefusedError as refused:
            answer = EZMODEL.refuse(refused)
        left = max(0.0, self.limited_until - self.clock.now())
        asked_for = {"Retry-After": f"{left:.3f}"} if answer.status == 429 and left else {}
        if name == "create":
            self.creates.append((self.clock.now(), body["element_name"], answer.status))
        await self.clock.sleep(self.latency / 2)
        return Reply(answer.status, dict(answer.headers) | asked_for, answer.body, self.name, call.what)

    # ---------------------------------------------------------------- figures

    def refused(self, since: float = 0.0, until: float = float("inf")) -> tuple[int, int]:
        """How many creates were refused with 1303 in a span of the clock, and how many there were."""
        seen = [status for at, _, status in self.creates if since <= at < until]
        return sum(status == 429 for status in seen), len(seen)

    def fullness(self, since: float, until: float, slots: int) -> float:
        """The share of slots that were taken in a span of the clock."""
        taken = sum(
            max(0.0, min(task.ends, until) - max(task.born, since)) for task in self.account.tasks.values()
        )
        return taken / (slots * (until - since))

    def last_start(self) -> float:
        return max(task.born for task in self.account.tasks.values())


def without_a_wire(patch: pytest.MonkeyPatch) -> None:
    async def exchange(transport: Transport, call: Call[Any], upload: Any) -> Reply:
        return await transport._gateway.answer(call, upload)

    patch.setattr(Transport, "_exchange", exchange)


async def bulk(session: ElementsSession, specs: list[ElementSpec], **options: Any) -> list[Any]:
    async with session.create_many(specs, **options) as outcomes:
        return [outcome async for outcome in outcomes]
