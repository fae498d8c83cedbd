"""One element for one create, whatever becomes of the answer.

Law: nothing is sent before every problem of a spec is known, and two creates of one external id are never under
way at once.
"""

import asyncio
import math
import uuid
from collections.abc import Coroutine
from typing import Any, Literal

from attrs import frozen

from .body import Body
from .checks import needs_reading, problems_of
from .errors import DuplicateTaskError, InvalidElementError, NotSentError
from .exchange import Exchange
from .lifecycle import Lifecycle
from .listening import SILENT, Events
from .models import ElementSpec, Images
from .pictures import decoded
from .retries import Resending
from .settling import Creation, Hooks, OneCreate
from .throttle import Slots
from .wire import Gateway

# External ids of this session whose content is remembered, so that none is taken for another element.
IDS_KEPT = 10_000


@frozen(eq=False, repr=False)
class _UnderWay:
    spec: ElementSpec
    outcome: "asyncio.Future[Creation | None]"


class Creating:
    """The creates of one session."""

    def __init__(
        self,
        gateway: Gateway,
        exchange: Exchange,
        resending: Resending,
        lifecycle: Lifecycle,
        slots: Slots,
        *,
        events: Events = SILENT,
    ) -> None:
        self._gateway = gateway
        self._exchange = exchange
        self._resending = resending
        self._lifecycle = lifecycle
        self._slots = slots
        self._events = events
        self._under_way: dict[str, _UnderWay] = {}
        self._made: dict[str, int] = {}

    async def check(self, spec: ElementSpec) -> list[str]:
        """Return everything that is wrong with a spec, for this gateway."""
        return (await self._examined(spec))[1]

    async def create(
        self,
        spec: ElementSpec,
        *,
        timeout: float,
        queues: bool = False,
        external_id: str | None = None,
        hooks: Hooks | None = None,
        resumes: Literal["settled", "fresh"] | None = None,
    ) -> Creation:
        """Return the task of one new element, created once.

        With ``queues`` the wait for a slot does not count into ``timeout``. ``external_id`` is used where the
        spec has none. ``hooks`` are told what happens. ``resumes`` begins with the look-up
        of a create that was cut off: longer ago than it takes to settle, or not.

        Raises:
            InvalidElementError: the spec breaks a limit; nothing was sent.
            NotSentError: it could not be sent within ``timeout`` seconds.
            CreateUncertainError: it was sent, and its outcome could not be found out.
            ApiError: the gateway refused.

        """
        work = self._created(spec, timeout, external_id, hooks, resumes, queues=queues)
        return await (self._told(spec, work) if self._events else work)

    async def _told(self, spec: ElementSpec, work: Coroutine[Any, Any, Creation]) -> Creation:
        """Tell of the beginning and the end of a create."""
        number = self._events.number()
        self._events.tell("CreateBegan", number, spec.name)
        try:
            made = await work
        except BaseException as error:
            self._events.tell("CreateEnded", number, None, error, self._slots.running)
            raise
        self._events.tell("CreateEnded", number, made.task, None, self._slots.running)
        return made

    async def _created(
        self,
        spec: ElementSpec,
        timeout: float,
        external_id: str | None,
        hooks: Hooks | None,
        resumes: Literal["settled", "fresh"] | None,
        *,
        queues: bool,
    ) -> Creation:
        readable_spec, problems = await self._examined(spec)
        if problems:
            raise InvalidElementError(spec.name, problems)
        given = spec.external_task_id or external_id
        fresh = uuid.uuid4().hex if self._gateway.carries.external_ids else None
        create = self._prepared(readable_spec, given or fresh, hooks, timeout=timeout, queues=queues)
        if given is None:
            return await self._run(create, None)
        return await self._alone(spec, create, given, resumes)

    async def _examined(self, spec: ElementSpec) -> tuple[ElementSpec, list[str]]:
        """Return the spec with its Base64 as bytes, and its problems; files are read off the loop."""
        if not needs_reading(spec):
            return spec, problems_of(spec, self._gateway)

        def examine() -> tuple[ElementSpec, list[str]]:
            readable_spec = decoded(spec)
            return readable_spec, problems_of(readable_spec, self._gateway)

        return await asyncio.to_thread(examine)

    async def _alone(
        self, spec: ElementSpec, create: "OneCreate", external_id: str, resumes: Literal["settled", "fresh"] | None
    ) -> Creation:
        """Create one at a time for one external id: who asks for the same at once gets the same task."""
        while other := self._under_way.get(external_id):
            if not await self._lifecycle.reached(other.outcome, create.until):
                raise NotSentError(f"element {spec.name!r} was not sent: a create of {external_id} is under way")
            if (creation := other.outcome.result()) and other.spec == spec:
                return creation
        if spec.external_task_id and self._made.get(external_id, content := _content_of(spec)) != content:
            text = f"external_task_id {external_id} was used for another element"
            raise DuplicateTaskError(self._gateway.name, create.call.what, text, status=0)
        mine = _UnderWay(spec, asyncio.get_running_loop().create_future())
        self._under_way[external_id] = mine
        creation = None
        try:
            creation = await self._run(create, resumes)
            self._made[external_id] = _content_of(spec)
            if len(self._made) > IDS_KEPT:
                del self._made[next(iter(self._made))]
        finally:
            del self._under_way[external_id]
            mine.outcome.set_result(creation)
        return creation

    def _prepared(
        self,
        spec: ElementSpec,
        external_id: str | None,
        hooks: Hooks | None,
        *,
        timeout: float,
        queues: bool,
    ) -> "OneCreate":
        call = self._gateway.create(spec, external_id)
        body = None
        try:
            body = Body(call.request.body or {})
        except OSError as error:
            gone = f"reference: {error.filename} can't be read any more: {error.strerror}"
        if body is None:
            raise InvalidElementError(spec.name, [gone])
        return OneCreate(
            self._gateway,
            self._exchange,
            self._lifecycle,
            self._slots,
            spec,
            external_id,
            call,
            body,
            hooks,
            timeout,
            queues,
            math.inf if queues else self._lifecycle.clock.now() + timeout,
            self._events,
        )

    async def _run(self, create: "OneCreate", resumes: Literal["settled", "fresh"] | None) -> Creation:
        try:
            return await create.run(self._resending, resumes)
        except asyncio.CancelledError as cancelled:
            if create.sent_at and create.external_id:
                cancelled.add_note(f"external_task_id={create.external_id}: the element may exist")
            raise


def _content_of(spec: ElementSpec) -> int:
    """Return a number for what makes the element; a large picture counts by its size and its ends."""
    parts: list[object] = [spec.name, spec.description, spec.voice_id, spec.tags]
    if isinstance(spec.reference, Images):
        for image in (spec.reference.frontal, *spec.reference.others):
            parts += [(len(image), image[:64], image[-64:]) if isinstance(image, str | bytes) else image]
    else:
        parts.append(spec.reference)
    return hash(tuple(parts))
