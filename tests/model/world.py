"""A small world in virtual time: an account with mishaps, sessions that can be cut off, and a journal without threads.

Its law: what is not the package's own logic is plain here, and nothing depends on the machine: no socket, no
thread, no clock of its own.
"""

import asyncio
import contextlib
import json
import sqlite3
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest
from bulk.hall import EZMODEL

from kling_elements_async import ElementsSession, bulk, job
from kling_elements_async import journal as journal_module
from kling_elements_async.gateways import EzModel
from kling_elements_async.journal import Journal
from kling_elements_async.sandbox.account import Account
from kling_elements_async.sandbox.body import Body
from kling_elements_async.sandbox.order import Order
from kling_elements_async.sandbox.refusal import RefusedError
from kling_elements_async.sandbox.task import Task
from kling_elements_async.sandbox.visit import Visit
from kling_elements_async.testing import VirtualClock
from kling_elements_async.transport import Transport
from kling_elements_async.wire import Call, Reply

WALL = 1.7e9
LATENCY = 0.1
# What may become of a create. Each but the last four has its effect; "late" has it some time after the answer is lost.
MISHAPS = ("fine", "lost", "empty", "broken", "slow", "late", "never", "limited", "unreached")


class LaxAccount(Account):
    """One that refuses no used external id, as some gateways may be."""

    def create(self, order: Order, failure: str = "") -> Task:
        self._by_external_id.pop(order.external_task_id, None)
        return super().create(order, failure)


class World:
    """The truth of one account, and what will happen to the next creates and looks."""

    def __init__(self, clock: VirtualClock, *, is_strict: bool, slots: int | None, landing: float) -> None:
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

    async def answer(self, call: Call[Any], upload: Any) -> Reply:
        """Do what a request asks for, or what the next mishap makes of it."""
        path, _, query = call.request.path.removeprefix("/v1/").partition("?")
        name, identity = EZMODEL.route(call.request.method, path)
        if name != "create":
            return await self._looked_at(call, upload, Visit(name, identity, _asked(query), _body_of(call)))
        mishap = self.creates.popleft() if self.creates else "fine"
        if mishap == "unreached":
            raise aiohttp.ClientOSError(111, "refused")
        upload.started = upload.body.has_left = True
        await self.clock.sleep(LATENCY)
        if mishap == "limited":
            return self._reply(call, EZMODEL.refuse(RefusedError(1302)))
        return await self._created(call, Visit(name, identity, {}, _body_of(call)), mishap)

    async def _created(self, call: Call[Any], visit: Visit, mishap: str) -> Reply:
        def effect() -> Any:
            try:
                answer = EZMODEL.answer(visit, self.account)
            except RefusedError as refused:
                return EZMODEL.refuse(refused)
            self._may_exist(call)
            return answer

        if mishap in ("never", "late"):
            self._may_exist(call)
            if mishap == "late":
                self.account.land(self.landing, effect)
            raise aiohttp.ServerDisconnectedError
        if mishap == "slow":
            self.account.land(1.0, effect)
            await self.clock.sleep(8.0)
            self.account.settle()
            raise aiohttp.ServerDisconnectedError
        answer = effect()
        if answer.status == 429 or mishap == "fine":
            return self._reply(call, answer)
        if mishap == "lost":
            raise aiohttp.ServerDisconnectedError
        if mishap == "empty":
            return Reply(200, {}, b"{}", "ezmodel", call.what)
        return self._reply(call, EZMODEL.refuse(RefusedError(5000)))

    def _may_exist(self, call: Call[Any]) -> None:
        body = call.request.body or {}
        self.ids[body["element_name"]].add(body["external_task_id"])

    async def _looked_at(self, call: Call[Any], upload: Any, visit: Visit) -> Reply:
        if upload is not None:
            upload.started = upload.body.has_left = True
        await self.clock.sleep(LATENCY)
        self.account.settle()
        if self.looks:
            raise aiohttp.ServerDisconnectedError(self.looks.popleft())
        try:
            return self._reply(call, EZMODEL.answer(visit, self.account))
        except RefusedError as refused:
            return self._reply(call, EZMODEL.refuse(refused))

    def _reply(self, call: Call[Any], answer: Any) -> Reply:
        return Reply(answer.status, dict(answer.headers), answer.body, "ezmodel", call.what)


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
        return await self.world.answer(call, upload)


class PlainJournal(Journal):
    """The journal, its orders carried out at once and on the loop."""

    async def open(self) -> None:
        self._connection = journal_module._connected(self._path, self._gateway)
        self._connection.execute("PRAGMA synchronous=OFF")

    async def _ordered(self, order: Callable[[sqlite3.Connection], Any]) -> Any:
        await asyncio.sleep(0)
        with self._connection:
            result = order(self._connection)
        await asyncio.sleep(0)
        return result

    async def close(self) -> None:
        self._connection.close()


class Stage:
    """A loop, a clock, and the package with its wire, threads and wall clock taken away."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.run_in_executor = self._at_once  # type: ignore[method-assign,assignment]
        self.clock = VirtualClock()
        self.patch = pytest.MonkeyPatch()
        clock = self.clock

        class Wall(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Self:
                return cls.fromtimestamp(WALL + clock.now(), tz or UTC)

        async def exchange(transport: Any, call: Call[Any], upload: Any) -> Reply:
            return await transport._gateway.answer(call, upload)

        self.patch.setattr(Transport, "_exchange", exchange)
        self.patch.setattr(bulk, "Journal", PlainJournal)
        self.patch.setattr(job, "datetime", Wall)

    def _at_once(self, _: object, function: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        done = self.loop.create_future()
        done.set_result(function(*args))
        return done

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)

    def later(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start something, and give it a few turns of the loop."""
        task = self.loop.create_task(coroutine)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # some are read by nobody
        self.run(self._turns())
        return task

    async def _turns(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    def session(self, world: World) -> ElementsSession:
        return ElementsSession(Line(world), clock=self.clock)

    def close(self) -> None:
        self.run(self.clock.stop())
        left = asyncio.all_tasks(self.loop)
        self.patch.undo()
        self.loop.close()
        assert left == set(), f"still running: {left}"


def as_a_crash_leaves_it(journal: Path, number: int) -> Path:
    """Copy a journal and its log as they are on disk at this moment."""
    into = journal.with_name(f"{number}.journal")
    for suffix in ("", "-wal"):
        with contextlib.suppress(FileNotFoundError):
            into.with_name(into.name + suffix).write_bytes(journal.with_name(journal.name + suffix).read_bytes())
    return into
