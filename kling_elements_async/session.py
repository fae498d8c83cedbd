"""The session: what a user calls.

Law: says what happens in which order, and does none of it itself. Knows no gateway by name.
"""

import asyncio
import math
import os
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from functools import partial
from numbers import Real
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp

from . import gateways, optional
from .arguments import check, check_callable, check_many, check_seconds, check_whole
from .clock import Clock, SystemClock
from .creating import Creating
from .deleting import Deleting, due
from .errors import ConfigurationError, ElementsError, UnexpectedReplyError
from .exchange import Exchange
from .identity import is_about
from .ids import checked_id
from .lifecycle import Lifecycle
from .listening import Events, OnEvent
from .models import Element, ElementSpec, ElementTask, Page
from .options import MOST_CONNECTIONS, check_options
from .outcomes import JournalPlace, Outcomes, Specs
from .paging import LARGEST_PAGE, LAST_PAGE, fresh_tasks
from .places import RatePlace, SlotPlace, Turns
from .polling import Polling
from .retries import Resending, Retries
from .secret import hidden
from .throttle import Gate, Slots
from .transport import Transport
from .waiting import Waiting
from .watches import OnUpdate
from .wire import Call, Gateway

T = TypeVar("T")

_RETRIES, _POLLING = Retries(), Polling()
# Seconds for which a task that holds a slot is watched on when no create queues for it any more.
_FOLLOWED_FOR = 30.0
# Seconds: no element is a hundred years old, and a calendar ends somewhere.
_OLDEST = 100 * 366 * 86400


class ElementsSession:
    """The five element calls of one gateway, and the wait between them.

    ::

        async with ElementsSession(EzModel(api_key=key)) as session:
            task = await session.create_element(spec)
            element_id = await session.wait_for_element(task.task_id)

    Needs no event loop to be built; belongs to the loop of its first call, and is for any number of coroutines
    there. End it by ``async with`` or ``await session.close()``.

    Args:
        gateway: whom to talk to, from ``kling_elements_async.gateways``.
        retries: how often one call is sent again.
        polling: the pace of a wait.
        max_connections: how many requests are in flight at once; the others queue, and lose no time by it.
        max_running_tasks: how many tasks may run at once; None finds out by the gateway's refusals (1303).
        max_rate: requests a second, of all kinds; None is no limit. A number holds for this session, a ``Rate`` of
            ``kling_elements_async.shared`` for all workers of the account. Needs the extra ``rate``.
        slots: where the slots for running tasks are kept: None is this session; ``RedisSlots`` of
            ``kling_elements_async.shared`` is shared by all workers of the account.
        http: a client session of your own, used and left open. Redirects, timeouts and the key are set on each
            request; cookies, proxies and the number of connections are its owner's.
        webhook_secrets: the ``whsec_…`` of the account, where it signs its callbacks; several while they rotate.
        on_event: a plain callable, told what the session does: the values are in ``events``.
        clock: time and chance, for tests.

    Raises:
        ConfigurationError: ``max_connections`` beside ``http``, a secret that is none, or not a gateway.

    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        retries: Retries = _RETRIES,
        polling: Polling = _POLLING,
        max_connections: int = MOST_CONNECTIONS,
        max_running_tasks: int | None = None,
        slots: SlotPlace | None = None,
        max_rate: float | RatePlace | None = None,
        http: aiohttp.ClientSession | None = None,
        webhook_secrets: Iterable[str] = (),
        on_event: OnEvent | None = None,
        clock: Clock | None = None,
    ) -> None:
        # Masked first: a traceback with locals shows what this frame holds.
        webhook_secrets = (webhook_secrets,) if isinstance(webhook_secrets, str) else webhook_secrets
        if not isinstance(webhook_secrets, Iterable):
            raise ConfigurationError("webhook_secrets is a list of whsec_…")
        webhook_secrets = tuple(map(hidden, webhook_secrets))
        self.gateway = gateway
        self._lifecycle = Lifecycle(clock or SystemClock())
        options = {
            "retries": retries,
            "polling": polling,
            "max_running_tasks": max_running_tasks,
            "slots": slots,
            "http": http,
            "on_event": on_event,
            "clock": clock,
        }
        check_options(gateway, max_connections, options)
        self._transport = Transport(gateway, self._lifecycle, max_connections, http)
        events = Events(on_event)
        gate = Gate(self._lifecycle.clock, events)
        self._pacing = self._paced(max_rate, events)
        self._exchange = Exchange(gateway, self._transport, gate, self._lifecycle, events, pacing=self._pacing)
        self._resending = Resending(retries, self._lifecycle, gate, events)
        self._deleting = Deleting(gateway, self._exchange, self._resending, self._lifecycle)
        self._slots = self._slots_in(slots, max_running_tasks, gate, events)
        gate.on_refused = self._slots.gate_closed
        self._creating = Creating(
            gateway, self._exchange, self._resending, self._lifecycle, self._slots, events=events
        )
        self._waiting = Waiting(
            partial(self._asked, patient=True),
            self._listed,
            polling,
            self._lifecycle,
            on_end=self._slots.ended,
            is_urgent=lambda: self._slots.has_queue,
            events=events,
        )
        self._webhook_secrets = (
            optional.load("webhooks.signature").checked_secrets(webhook_secrets) if webhook_secrets else ()
        )
        self._followed: dict[str, asyncio.Task[None]] = {}
        caller = sys._getframe(1)  # noqa: SLF001 - where it was made, for the warning that it was left open
        self._made_at = f"{caller.f_code.co_filename}:{caller.f_lineno}"

    @classmethod
    def from_env(cls, **options: Any) -> Self:
        """Return a session set up by the environment; ``options`` are those of ``ElementsSession``.

        Reads ``KLING_GATEWAY`` (default ``kling``), ``KLING_API_KEY``, or ``KLING_ACCESS_KEY`` and
        ``KLING_SECRET_KEY``, and ``KLING_BASE_URL``. An empty variable is an unset one.

        Raises:
            ConfigurationError: no key is set, or there is no such gateway.

        """
        kind = gateways.find(os.environ.get("KLING_GATEWAY") or "kling")
        names = {"api_key": "KLING_API_KEY", "base_url": "KLING_BASE_URL"}
        if not os.environ.get("KLING_API_KEY"):
            names |= {"access_key": "KLING_ACCESS_KEY", "secret_key": "KLING_SECRET_KEY"}
        given = {name: hidden(os.environ[var]) for name, var in names.items() if os.environ.get(var)}
        if not given.keys() & {"api_key", "access_key"}:
            raise ConfigurationError("no key: set KLING_API_KEY (or KLING_ACCESS_KEY and KLING_SECRET_KEY)")
        if "access_key" in given and kind.renew_authorization is Gateway.renew_authorization:
            raise ConfigurationError(f"{kind.name} takes KLING_API_KEY")
        return cls(kind(**given), **options)

    # ---------------------------------------------------------------- create, wait, use

    async def create_element(self, spec: ElementSpec, *, timeout: float = 120.0) -> ElementTask:
        """Create an element, once, and return its task.

        Checks limits and files first. ``timeout`` (seconds) bounds all of it: queueing, sending, and finding
        out what became of a create whose answer was lost. A full account (1303) is waited for until then.

        Raises:
            InvalidElementError: the spec breaks a documented limit; nothing was sent.
            NotSentError: it could not be sent in time; nothing happened at the gateway.
            CreateUncertainError: it was sent, and the element may or may not exist.
            ApiError: the gateway refused.

        """
        check_seconds(timeout)
        self._lifecycle.check()
        creation = await self._creating.create(_checked_spec(spec), timeout=timeout)
        calls_back = spec.callback_url is not None
        self._waiting.watches.born(creation.task.task_id, spec.reference_type, calls_back=calls_back)
        return creation.task

    async def wait_for_element(
        self, task_id: str, *, timeout: float | None = 600.0, on_update: OnUpdate | None = None
    ) -> str:
        """Wait until a task has ended, and return the id of its element.

        Looks at once (a task that this session has just created, after ``Polling.first``), then at the pace of
        ``Polling``. A failed look is only a missed one. ``timeout`` is the whole wait in seconds, a call in
        flight included; None is no limit, 0 one look. ``on_update(task)`` is a plain callable: called at the
        first look and at each change of status; what it raises is logged. Waits on one task share their looks.

        Raises:
            ElementFailedError: the task ended without an element.
            WaitTimeoutError: it had not ended in time; it goes on at the gateway.
            NotFoundError: there is no such task.
            AuthenticationError, PermissionDeniedError: the account may not look.
            UnexpectedReplyError: the task has ended, and its answer shows no usable element id.

        """
        task = await self._waiting.wait(checked_id(task_id, "task id"), timeout=timeout, on_update=on_update)
        assert task.element_id is not None
        return task.element_id

    async def create_and_wait(
        self, spec: ElementSpec, *, timeout: float = 600.0, on_update: OnUpdate | None = None
    ) -> Element:
        """Create an element, wait for it, and return it; ``timeout`` (seconds) bounds both together.

        Raises what ``create_element`` and ``wait_for_element`` raise.
        """
        check_seconds(timeout)
        check_callable(on_update, "on_update")
        until = self._lifecycle.clock.now() + timeout
        created = await self.create_element(spec, timeout=timeout)
        left = max(0.0, until - self._lifecycle.clock.now())
        task = await self._waiting.wait(created.task_id, timeout=left, on_update=on_update)
        assert task.element is not None
        return task.element

    def create_many(
        self,
        specs: Specs,
        *,
        journal: str | Path | JournalPlace | None = None,
        timeout: float = 600.0,
        ensure: bool = False,
    ) -> Outcomes:
        """Create many: ``async with session.create_many(specs) as outcomes: async for outcome in outcomes``.

        ``specs``, any iterable or async iterable, is read as there is room. Each item's outcome, ``Created`` or
        ``NotCreated``, is yielded as it completes. ``timeout`` (seconds) is that of one item: its create, from
        when it has a slot, and its wait. ``journal`` is a file, or one of ``journals``, open: a rerun with it
        goes on where the last one stopped, makes no element twice, and yields what was finished before as
        ``"resumed"``. ``ensure``
        derives the external task id from the content: the same input is the same element in every process.
        Leaving the block early cancels what runs.

        Raises:
            NotOfferedError: ``ensure`` at a gateway that knows no external ids.
            ConfigurationError: the journal can't be used.
            ApiError: on iteration, when the account refuses every create; ``unsent_from`` says from where on.

        """
        check_seconds(timeout)
        check_many(specs, "specs", "ElementSpec(…)")
        outcomes: Outcomes = optional.load("bulk").Bulk(
            specs,
            gateway=self.gateway,
            creating=self._creating,
            waiting=self._waiting,
            lifecycle=self._lifecycle,
            journal=journal,
            timeout=timeout,
            ensure=ensure,
            look=self.get_element,
        )
        return outcomes

    async def check_element(self, spec: ElementSpec) -> list[str]:
        """Return all problems for which ``create_element`` would refuse a spec; sends nothing."""
        self._lifecycle.check()
        return await self._creating.check(_checked_spec(spec))

    # ---------------------------------------------------------------- the other calls

    async def get_element(self, task_id: str) -> ElementTask:
        """Return a task, by its id or by its external task id.

        Raises:
            NotFoundError: there is none; note that an element id is not a task id.
            ApiError, NotSentError, NoReplyError, UnexpectedReplyError: after the last attempt.

        """
        task_id, open_by = checked_id(task_id, "task id"), self._resending.last_start()
        return await self._resending.run(lambda: self._asked(task_id, open_by=open_by))

    async def list_elements(self, *, page: int = 1, page_size: int = 30) -> Page:
        """Return one page of the account's own elements, deleted ones included.

        ``page`` is 1 to 1000, ``page_size`` 1 to 500; else ``ValueError``.
        """
        return await self._perform(self.gateway.list_custom(*_checked_page(page, page_size)))

    async def list_preset_elements(self, *, page: int = 1, page_size: int = 30) -> Page:
        """Return one page of Kling's own elements; the limits are those of ``list_elements``."""
        return await self._perform(self.gateway.list_presets(*_checked_page(page, page_size)))

    async def iter_elements(self, *, include_deleted: bool = False) -> AsyncIterator[Element]:
        """Yield the account's own elements, each once, over all pages."""
        async for element in self._elements_of(self.gateway.list_custom):
            if include_deleted or not element.is_deleted:
                yield element

    async def iter_preset_elements(self) -> AsyncIterator[Element]:
        """Yield Kling's own elements, each once, over all pages."""
        async for element in self._elements_of(self.gateway.list_presets):
            yield element

    async def delete_element(self, element_id: str, *, missing_ok: bool = False) -> None:
        """Delete an element. ``missing_ok`` makes "already deleted" and "not found" a success.

        A miss after an attempt whose answer was lost is a success: that attempt deleted it.

        Raises:
            NotFoundError: there is no such element, or it was deleted before.
            ApiError, NotSentError, NoReplyError, UnexpectedReplyError: after the last attempt.

        """
        self._lifecycle.check()
        await self._deleting.one(element_id, missing_ok=missing_ok)

    async def delete_many(self, element_ids: Iterable[str]) -> dict[str, ElementsError | None]:
        """Delete elements, and return for each id None, or the error for which it could not be deleted.

        One that is already gone counts as deleted. All ids are checked before the first is sent.

        Raises:
            InvalidIdError: one of them cannot be an id; nothing was sent.

        """
        self._lifecycle.check()
        return await self._deleting.many(element_ids)

    async def prune(
        self, *, name: str | None = None, older_than: float | None = None, dry_run: bool = True
    ) -> tuple[Element, ...]:
        """Delete the account's own elements of this name, made more than ``older_than`` seconds ago.

        Returns them; with ``dry_run``, the default, they are only named and not deleted. A preset is never
        touched. At least one of ``name`` and ``older_than`` is needed; ``older_than=0`` is every element.

        Raises:
            ExceptionGroup: of the errors for which some could not be deleted.

        """
        if name is None and older_than is None:
            raise ValueError("prune needs a name or older_than: older_than=0 would mean every element")
        if name is not None:
            check(name, "name", "text is expected", str)
        check(dry_run, "dry_run", "True or False is expected", bool)
        if older_than is not None:
            expected = "seconds, and not in the future, are expected"
            check(older_than, "older_than", expected, Real, lambda age: 0 <= age <= _OLDEST)
        found = await due(self._tasks_of(self.gateway.list_custom), name=name, older_than=older_than)
        if dry_run:
            return found
        outcomes = await self.delete_many(element.element_id for element in found)
        if errors := [error for error in outcomes.values() if error is not None]:
            raise ExceptionGroup(f"{len(errors)} of {len(found)} elements could not be deleted", errors)
        return found

    # ---------------------------------------------------------------- callbacks

    async def deliver_callback(self, headers: Mapping[str, str], body: bytes) -> None:
        """Take in a callback as it came; ``webhooks`` has endpoints that do.

        With ``webhook_secrets`` it must be signed, and ends the waits on its task. Without, it is a hint: if it
        says that a task has ended which is waited for, that task is looked at, once and soon. What nobody waits
        for is forgotten. Returns at once, so that the gateway has its answer in time.

        Raises:
            WebhookVerificationError: no secret has signed it. Nothing of it was believed.
            UnexpectedReplyError: it is larger than 256 KiB, or no callback.

        """
        self._lifecycle.check()
        webhooks = optional.load("webhooks")
        body = optional.load("webhooks.signature").content_of(body)
        if self._webhook_secrets and len(body) <= webhooks.MOST_BYTES:
            webhooks.verify(headers, body, self._webhook_secrets)
        self._waiting.called_back(webhooks.parse(body), is_signed=bool(self._webhook_secrets))

    # ---------------------------------------------------------------- the end

    async def close(self) -> None:
        """End every wait and request, and close the connections; further calls raise SessionUnusableError.

        Raises:
            SessionUnusableError: the session's event loop runs in another thread or process: close it there.

        """
        if not self._lifecycle.is_closed:
            self._lifecycle.close()
            await self._slots.close()
            if self._pacing is not None:
                await self._pacing.close()
            await self._waiting.close()
            await asyncio.gather(*self._followed.values(), return_exceptions=True)
            await self._transport.close()

    async def __aenter__(self) -> Self:
        self._lifecycle.check()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"ElementsSession({self.gateway!r}{', closed' if self._lifecycle.is_closed else ''})"

    def __reduce__(self) -> Any:
        raise TypeError("a session is not pickled: make one in each process")

    def __del__(self, warn: Callable[..., None] = warnings.warn) -> None:
        lifecycle = getattr(self, "_lifecycle", None)
        if lifecycle is not None and lifecycle.was_used and not lifecycle.is_closed:
            warn(f"ElementsSession made at {self._made_at} was never closed", ResourceWarning, source=self)

    # ---------------------------------------------------------------- how

    async def _perform(self, call: Call[T]) -> T:
        self._lifecycle.check()
        open_by = self._resending.last_start()
        return await self._resending.run(lambda: self._exchange.perform(call, open_by=open_by))

    async def _asked(
        self, task_id: str, until: float = math.inf, *, open_by: float = math.inf, patient: bool = False
    ) -> ElementTask:
        """Ask for one task, once."""
        call = self.gateway.get_one(task_id)
        task = await self._exchange.perform(call, until=until, open_by=open_by, patient=patient)
        if is_about(task, task_id, external_ids=self.gateway.carries.external_ids):
            return task
        text = f"{self.gateway.name}, asked to get task {task_id}, answered about task {task.task_id}"
        raise UnexpectedReplyError(text, status=200)

    async def _listed(self, page: int, page_size: int) -> Page:
        """Ask for one page of the account's own elements, once, for those who wait."""
        return await self._exchange.perform(self.gateway.list_custom(page, page_size), patient=True)

    def _paced(self, max_rate: float | RatePlace | None, events: Events) -> Turns | None:
        if max_rate is None:
            return None
        rate = max_rate if hasattr(max_rate, "tickets") else optional.load("shared").Rate(max_rate)
        turns: Turns = optional.load("shared.pacing").Pacing(
            rate, self.gateway.account_digest(), self._lifecycle, events
        )
        return turns

    def _slots_in(self, place: SlotPlace | None, fixed: int | None, gate: Gate, events: Events) -> Slots:
        if place is None:
            return Slots(self._lifecycle.clock, fixed, self._follow, events)
        slots: Slots = optional.load("shared.leased_slots").LeasedSlots(
            self._lifecycle,
            fixed,
            self._follow,
            events,
            store=place.store(self.gateway.account_digest()),
            lease=place.lease,
            close_gate=gate.close_for,
        )
        return slots

    def _follow(self, task_id: str) -> None:
        """Watch a task that holds a slot which a create is waiting for, whether anyone waits for it or not."""
        if task_id not in self._followed:
            self._followed[task_id] = asyncio.get_running_loop().create_task(self._followed_until_end(task_id))

    async def _followed_until_end(self, task_id: str) -> None:
        try:
            while not (has_ended := await self._waiting.followed(task_id, _FOLLOWED_FOR)):
                if not self._slots.has_queue:
                    break
        finally:
            del self._followed[task_id]
        if has_ended:
            self._slots.ended(task_id)

    async def _elements_of(self, listed: Callable[[int, int], Call[Page]]) -> AsyncIterator[Element]:
        seen: set[str] = set()
        async for task in self._tasks_of(listed):
            for element in task.elements:
                if element.element_id not in seen:
                    seen.add(element.element_id)
                    yield element

    async def _tasks_of(self, listed: Callable[[int, int], Call[Page]]) -> AsyncIterator[ElementTask]:
        async for fresh in fresh_tasks(lambda page, page_size: self._perform(listed(page, page_size))):
            for task in fresh:
                yield task


def _checked_spec(spec: object) -> ElementSpec:
    if not isinstance(spec, ElementSpec):
        raise TypeError(f"an ElementSpec is expected, not {type(spec).__name__}")
    return spec


def _checked_page(page: int, page_size: int) -> tuple[int, int]:
    check_whole(page, "page", 1, LAST_PAGE)
    check_whole(page_size, "page_size", 1, LARGEST_PAGE)
    return page, page_size
