"""A small world: an account with mishaps, and the line of a session, which can be cut off."""

import json
from collections import defaultdict, deque
from itertools import count
from typing import Any

import aiohttp
from attrs import evolve
from bulk.hall import EZMODEL

from kling_elements_async import ElementsSession
from kling_elements_async.gateways import EzModel
from kling_elements_async.sandbox.account import Account
from kling_elements_async.sandbox.answer import Answer
from kling_elements_async.sandbox.body import Body
from kling_elements_async.sandbox.order import Order
from kling_elements_async.sandbox.refusal import RefusedError
from kling_elements_async.sandbox.task import Task
from kling_elements_async.sandbox.visit import Visit
from kling_elements_async.wire import Call, Reply

from .loop import LoopClock
from .stage import WALL

LEG = 0.05  # seconds to the gateway, for what is sent, and for the answer
# What may become of a create. Each but the last five has its effect; "late" has it some time after the answer is lost.
MISHAPS = ("fine", "lost", "empty", "broken", "slow", "late", "never", "limited", "paused", "unreached")


class LaxAccount(Account):
    """One that refuses no used external id, as some gateways may be."""

    def create(self, order: Order, failure: str = "") -> Task:
        self._by_external_id.pop(order.external_task_id, None)
        return super().create(order, failure)


class World:
    """The truth of one account, and what will happen to the next creates and looks."""

    def __init__(self, clock: LoopClock, *, is_strict: bool, slots: int | None, landing: float) -> None:
        numbers = count(1)
        self.clock = clock
        self.landing = landing  # seconds until a late create lands
        self.account = (Account if is_strict else LaxAccount)(
            slots=slots,
            clock=clock.now,
            wall=lambda: WALL + clock.now(),
            duration=lambda: clock.random.uniform(2.0, 20.0),
            new_ids=lambda: ((number := next(numbers)) and str(10**17 + number), str(10**18 + number)),
        )
        self.creates: deque[str] = deque()
        self.looks: deque[str] = deque()
        self.ids: defaultdict[str, set[str]] = defaultdict(set)  # by name: under which ids it may exist
        self.trace: list[tuple[Any, ...]] = []  # each request and each answer, and when

    def session(self) -> ElementsSession:
        return ElementsSession(Line(self), clock=self.clock)

    async def answer(self, call: Call[Any], upload: Any) -> Answer:
        """Do what a request asks for, or what the next mishap makes of it."""
        path, _, query = call.request.path.removeprefix("/v1/").partition("?")
        name, identity = EZMODEL.route(call.request.method, path)
        mishap = self._next_mishap(name)
        self.trace.append((self.clock.now(), name, identity, mishap))
        await self.clock.sleep(LEG)
        if mishap == "unreached":
            raise aiohttp.ClientOSError(111, "refused")
        if upload is not None:
            upload.started = upload.body.has_left = True
        await self.clock.sleep(LEG)
        self.account.settle()
        visit = Visit(name, identity, _asked(query), _body_of(call))
        answer = await self._created(visit, mishap) if name == "create" else self._looked_at(visit, mishap)
        await self.clock.sleep(LEG)
        self.trace.append((self.clock.now(), name, identity, answer.status))
        return answer

    def _next_mishap(self, name: str) -> str:
        mishaps = self.creates if name == "create" else self.looks
        return mishaps.popleft() if mishaps else "fine"

    async def _created(self, visit: Visit, mishap: str) -> Answer:
        match mishap:
            case "limited":
                return EZMODEL.refuse(RefusedError(1302))
            case "paused":
                return evolve(EZMODEL.refuse(RefusedError(1302)), headers=(("Retry-After", "60"),))
            case "never":
                self._may_exist(visit)
                raise aiohttp.ServerDisconnectedError
            case "late":
                self._may_exist(visit)
                self.account.land(self.landing, lambda: self._effect(visit))
                raise aiohttp.ServerDisconnectedError
            case "slow":
                self.account.land(1.0, lambda: self._effect(visit))
                await self.clock.sleep(8.0)
                self.account.settle()
                raise aiohttp.ServerDisconnectedError
        answer = self._effect(visit)
        if answer.status == 429 or mishap == "fine":
            return answer
        if mishap == "lost":
            raise aiohttp.ServerDisconnectedError
        return Answer(200, b"{}") if mishap == "empty" else EZMODEL.refuse(RefusedError(5000))

    def _effect(self, visit: Visit) -> Answer:
        try:
            answer = EZMODEL.answer(visit, self.account)
        except RefusedError as refused:
            return EZMODEL.refuse(refused)
        self._may_exist(visit)
        return answer

    def _may_exist(self, visit: Visit) -> None:
        self.ids[visit.body.value["element_name"]].add(visit.body.value["external_task_id"])

    def _looked_at(self, visit: Visit, mishap: str) -> Answer:
        if mishap == "reset":
            raise aiohttp.ServerDisconnectedError
        try:
            return EZMODEL.answer(visit, self.account)
        except RefusedError as refused:
            return EZMODEL.refuse(refused)


def _asked(query: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in query.split("&")) if query else {}


def _body_of(call: Call[Any]) -> Body:
    return Body(json.loads(json.dumps(dict(call.request.body))) if call.request.body else None)


class Line(EzModel):
    """The way of one session to the world; cut, nothing passes it any more."""

    def __init__(self, world: World) -> None:
        super().__init__(api_key="model-key", base_url="https://model.example.com")
        self.world = world
        self.is_cut = False

    async def answer(self, call: Call[Any], upload: Any) -> Reply:
        if self.is_cut:
            raise aiohttp.ServerDisconnectedError
        answer = await self.world.answer(call, upload)
        return Reply(answer.status, dict(answer.headers), answer.body, self.name, call.what)
