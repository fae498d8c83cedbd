"""The sandbox itself: one HTTP server on loopback for all gateways. The only file here that opens a socket,
and the only one that knows the client, to hand out a gateway that points here.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from random import Random
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from aiohttp import web
from attrs import frozen

from ..gateways import find
from ..wire import Gateway
from .account import Account
from .answer import Answer
from .body import Body, TooLargeError, read
from .callbacks import Callbacks, Signer
from .chaos import Chaos
from .delivery import deliver, hang_up, response
from .dialects import DIALECTS, Dialect
from .fault import Fault
from .options import check_functions, check_options, check_texts, drawn
from .refusal import RefusedError
from .script import Script
from .signature import Keys
from .visit import Call, Visit

FIRST_TASK_ID = 860434405402222626
FIRST_ELEMENT_ID = 856528387816046601  # a recorded id: beyond 2^53, so a float would lose its last digits


@frozen
class Desk:
    """One gateway of the sandbox: how it speaks, its account, and what goes wrong there."""

    dialect: Dialect
    account: Account
    chaos: Chaos
    callbacks: Callbacks


class Sandbox:
    """Five gateways on one port of loopback, one account each.

    `slots` bounds the tasks that an account runs at a time. `durations` says how many seconds a task takes: a
    range, or a function of a seeded `random.Random`. `chaos` is the share of the requests that meet a fault, drawn
    by the `seed`, where none is scripted. `webhook_secret` signs what callback URLs are
    told. `clock` moves the tasks on, `wall` (Unix seconds) stamps them.
    """

    def __init__(
        self,
        *,
        slots: int | None = None,
        durations: tuple[float, float] | Callable[[Random], float] = (0.2, 0.6),
        seed: int = 0,
        chaos: float = 0.0,
        port: int = 0,
        key: str = "sandbox-key",
        access_key: str = "sandbox-access-key",
        secret_key: str = "sandbox-secret-key-for-tests-only",  # noqa: S107 - opens nothing but this sandbox
        webhook_secret: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Prepare the accounts; nothing is served before `start`."""
        check_options(slots, durations, chaos, port)
        check_texts(
            key=key,
            access_key=access_key,
            secret_key=secret_key,
            webhook_secret="" if webhook_secret is None else webhook_secret,
        )
        check_functions(clock=clock, wall=wall)
        self.key = key
        self.access_key = access_key
        self.secret_key = secret_key
        self._keys = Keys(key, access_key, secret_key)
        self._port = port
        self._wall = wall
        self._script = Script()
        self._closing = asyncio.Event()
        self._turn = asyncio.Lock()
        self._runner: web.ServerRunner | None = None
        numbers = count()

        def opened(dialect: Dialect) -> Desk:
            account = Account(
                slots=slots,
                clock=clock,
                wall=wall,
                duration=drawn(durations, Random(f"{seed} {dialect.name}")),  # noqa: S311 - no secret
                new_ids=ids(dialect, numbers),
            )
            random = Random(f"{seed} {dialect.name} chaos")  # noqa: S311 - no secret
            signer = Signer(webhook_secret, wall) if webhook_secret and dialect.signs_callbacks else None
            return Desk(
                dialect,
                account,
                Chaos(chaos, random, external_ids=dialect.external_ids),
                Callbacks(account, dialect.callback, signer),
            )

        self._desks = {dialect.name: opened(dialect) for dialect in DIALECTS}
        self._by_prefix = {f"/{desk.dialect.prefix}": desk for desk in self._desks.values()}

    async def start(self) -> None:
        """Serve, until `close`."""
        self._closing, self._turn = asyncio.Event(), asyncio.Lock()  # anew: this may be another loop
        # Small buffers keep a hundred uploads at once small in memory.
        server = web.Server(self._serve, access_log=None, read_bufsize=32 * 1024)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, backlog=4096).start()
        self._port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop serving: release whoever waits for an answer, close every connection."""
        self._closing.set()
        for desk in self._desks.values():
            await desk.callbacks.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    @property
    def gateways(self) -> tuple[str, ...]:
        """The names of the gateways that it plays."""
        return tuple(self._desks)

    def url(self, name: str) -> str:
        """Give what stands before `/v1/` at a gateway."""
        desk = self._desk(name)
        if not self._port:
            raise RuntimeError("the sandbox has no address before it is started")
        return f"http://127.0.0.1:{self._port}/{desk.dialect.prefix}"

    def gateway(self, name: str) -> Gateway:
        """Build the client's gateway of that name, pointed at this sandbox."""
        return find(name)(api_key=self.key, base_url=self.url(name))

    @property
    def is_calling_back(self) -> bool:
        """Whether a callback is due or on its way."""
        return any(
            desk.callbacks.in_flight or desk.account.next_change <= desk.account.now()
            for desk in self._desks.values()
        )

    @property
    def next_change(self) -> float:
        """When a task with a callback URL changes next, on the sandbox's clock; infinite for never."""
        return min(desk.account.next_change for desk in self._desks.values())

    def environment(self, name: str) -> dict[str, str]:
        """Give the variables by which `ElementsSession.from_env` comes here."""
        return {"KLING_GATEWAY": name, "KLING_BASE_URL": self.url(name), "KLING_API_KEY": self.key}

    def account(self, name: str) -> Account:
        """Show the truth of the account at a gateway."""
        account = self._desk(name).account
        account.settle()
        return account

    def script(self, call: str, *faults: Fault, gateway: str | None = None, times: int = 1) -> None:
        """Let the next calls of that name ("any": of any) meet these faults, each of them so many times."""
        if gateway is not None:
            self._desk(gateway)
        self._script.add(call, faults, gateway=gateway, times=times)

    def _desk(self, name: str) -> Desk:
        desk = self._desks.get(name) if isinstance(name, str) else None
        if desk is None:
            raise ValueError(f"there is no gateway {name!r}; there are {', '.join(self._desks)}")
        return desk

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        prefix, _, path = request.rel_url.raw_path.partition("/v1/")
        desk = self._by_prefix.get(prefix)
        route = desk.dialect.route(request.method, path) if desk else None
        if desk is None or route is None:
            return response(Answer.html())
        seen = desk.account.see(route[0])
        fault = self._script.take(desk.dialect.name, route[0]) or desk.chaos.draw(route[0])
        await self._pause(fault.pause_before)
        try:
            answer = await self._answer(desk, route, request, fault)
        except TooLargeError:
            answer = Answer.html(413)
        except (ConnectionError, web.RequestPayloadError):
            return hang_up(request)  # the caller left in the middle of its body
        await self._pause(fault.pause_after)
        if fault.ending == "never":
            await self._pause(None)
        seen.status = answer.status if fault.ending in ("answer", "cut") else 0
        return await deliver(request, answer, fault.ending)

    async def _answer(self, desk: Desk, route: tuple[Call, str], request: web.BaseRequest, fault: Fault) -> Answer:
        body = await read(request, self._turn) if fault.reads_body and request.can_read_body else Body()
        call, identity = route
        visit = Visit(call, unquote(identity), request.query, body, fault.task_failure)
        header = request.headers.get("Authorization", "")
        desk.account.settle()
        if fault.lands_after is not None:
            desk.account.land(fault.lands_after, lambda: self._carry_out(desk, visit, header))
        true = self._carry_out(desk, visit, header) if fault.takes_effect else Answer(200)
        desk.callbacks.wake()
        return fault.spoil(true)

    def _carry_out(self, desk: Desk, visit: Visit, header: str) -> Answer:
        try:
            self._keys.check(header, signed=desk.dialect.signed, now=self._wall())
            return desk.dialect.answer(visit, desk.account)
        except RefusedError as refused:
            return desk.dialect.refuse(refused)

    async def _pause(self, seconds: float | None) -> None:
        """Wait so long (None: for ever), or until the sandbox closes."""
        if seconds == 0:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()


def ids(dialect: Dialect, numbers: "count[int]") -> Callable[[], tuple[str, str]]:
    """Make a source of ids, for a task and its element, that no other account of the sandbox uses."""

    def new() -> tuple[str, str]:
        number = next(numbers)
        return dialect.task_id(FIRST_TASK_ID + number), str(FIRST_ELEMENT_ID + number)

    return new
