"""One create on its way to one element: sent, and settled when its answer is lost or unclear.

Law: a create is sent again only with the same external id, and only after three definite misses of a look-up
over three seconds: shorter settling was seen to double elements at a gateway that does not refuse a used id.
Where a gateway knows no external ids, it is not sent again.
"""

import math
from datetime import UTC, datetime
from itertools import chain, repeat
from typing import Literal, Protocol

from attrs import define, frozen

from .body import Body
from .errors import (
    ApiError,
    AuthenticationError,
    CreateUncertainError,
    DuplicateTaskError,
    ElementsError,
    GatewayBrokenError,
    InsufficientBalanceError,
    NoReplyError,
    NotFoundError,
    NotSentError,
    PermissionDeniedError,
    RateLimitedError,
    SessionUnusableError,
    TooManyTasksError,
    UnexpectedReplyError,
)
from .exchange import Exchange
from .identity import is_made_here
from .lifecycle import Lifecycle
from .listening import SILENT, Events
from .models import ElementSpec, ElementTask
from .retries import Resending, was_not_taken
from .throttle import Slots
from .wire import Call, Gateway

# Seconds before each look-up: at 0, 1 and 3 s after the loss, then every 3 s. Spread upwards only.
_SETTLING = (0.0, 1.0, 2.0)
_LATER = 3.0
_SPREAD = 0.1
_MISSES = 3


# Seconds before a full account is asked again where no task of ours runs, doubling.
_FULL = 1.0
_FULL_MOST = 8.0
_LEAST_TIME = 0.05

_DENIALS = (AuthenticationError, InsufficientBalanceError, PermissionDeniedError)
# How a create that is sent again can end without a word on what became of the first: that one may have spent the
# last of the balance.
_SAYS_NOTHING = (NotSentError, SessionUnusableError, RateLimitedError, *_DENIALS)


class Hooks(Protocol):
    """What a bulk job has to know of a create, when it happens."""

    async def before_send(self, external_id: str | None, body: Body) -> None:
        """Take note that a request is about to leave; ``body.has_left`` tells later whether it did."""
        ...

    async def not_taken(self) -> None:
        """Take note that the gateway has not taken it: nothing exists."""
        ...


@frozen
class Creation:
    """A task of one new element: answered directly, found by a look-up, or sent again; begun at this time."""

    task: ElementTask
    resolution: Literal["direct", "adopted", "resent"]
    began: float


@define(eq=False, repr=False)
class OneCreate:
    """One create on its way to one element."""

    gateway: Gateway
    exchange: Exchange
    lifecycle: Lifecycle
    slots: Slots
    spec: ElementSpec
    external_id: str | None
    call: Call[ElementTask]
    body: Body
    hooks: "Hooks | None"
    timeout: float
    queues: bool
    until: float
    events: Events = SILENT
    began: float = 0.0
    leaves_at: datetime | None = None
    sent_at: datetime | None = None
    may_exist: bool = False

    async def run(self, resending: Resending, resumes: Literal["settled", "fresh"] | None) -> Creation:
        self.began = self.lifecycle.clock.now()
        if resumes:
            self.may_exist = resumes == "fresh"
            self._begin()
            cut_off = NoReplyError("an earlier run was cut off while it was being sent")
            if task := await self._settled(cut_off, misses_needed=1 if resumes == "settled" else _MISSES):
                return Creation(task, "adopted", self.began)
        while True:
            if self.queues:
                self.until = math.inf  # what the settling took does not count: its time begins with its slot
            try:
                task = await resending.run(self._post, worth=was_not_taken, until=lambda: self.until)
                return Creation(task, "resent" if self.may_exist else "direct", self.began)
            except ElementsError as error:
                failed = error
            self._raise_if_decided(failed)
            if task := await self._settled(failed):
                return Creation(task, "adopted", self.began)
            if isinstance(failed, DuplicateTaskError):
                raise failed  # something else exists already, and is in the way
            self.may_exist = True

    def _begin(self) -> None:
        """Start the clock of a create that was free to queue."""
        if self.until == math.inf:
            self.began = self.lifecycle.clock.now()
            self.until = self.began + self.timeout

    async def _post(self) -> ElementTask:
        """Send it when there is a slot; a full account (1303) is queued for again, in the first place."""
        pause = _FULL
        first = is_kept = False
        while True:
            if not is_kept:
                await self._take_slot(first=first)
            is_kept = False
            self._begin()
            is_running = False
            self.slots.bodies.add(self.body)
            try:
                task = self._checked(await self._post_once())
                is_running = True
            except TooManyTasksError as full:
                self.slots.refused()
                if self.slots.is_held_by_others:
                    pause = await self._stayed(pause, full)
                    is_kept = True
            except _DENIALS as error:
                self.slots.denied(error)
                raise
            finally:
                self.slots.bodies.discard(self.body)
                if not is_running and not is_kept:
                    self.slots.gave_back()
            if is_running:
                self.slots.started(task.task_id)
                return task
            first = True
            if self.queues:
                self.until = math.inf

    async def _stayed(self, pause: float, full: TooManyTasksError) -> float:
        """Keep the only slot for a pause, to ask again for all that queue; return the next pause."""
        seconds = pause * self.lifecycle.clock.random.uniform(1, 1 + _SPREAD)
        left = math.inf if self.queues else self.until - self.lifecycle.clock.now()
        await self.lifecycle.sleep(max(0.0, min(seconds, left)))
        if seconds >= left:
            raise full
        return min(2 * pause, _FULL_MOST)

    async def _post_once(self) -> ElementTask:
        try:
            return await self.exchange.perform(
                self.call, self.body, until=self.until, before_leaving=self._about_to_leave
            )
        except ElementsError as error:
            if self.hooks and was_not_taken(error) and not self.may_exist:
                await self.hooks.not_taken()
            raise
        finally:
            if self.body.has_left:
                self.sent_at = self.sent_at or self.leaves_at

    async def _about_to_leave(self) -> None:
        """Have it noted when the request leaves, and see that there is time for it.

        Not before: it may have stood at a closed gate for minutes, and its age says how it is looked up later.
        """
        self.leaves_at = datetime.now(UTC)
        if self.hooks:
            await self.hooks.before_send(self.external_id, self.body)
        if self.until - self.lifecycle.clock.now() < _LEAST_TIME:
            # Cut off at once, it would leave an element that may or may not exist.
            raise NotSentError(f"did not {self.call.what}: no time is left. Nothing was sent", permanent=True)

    def _checked(self, task: ElementTask) -> ElementTask:
        if is_made_here(task, self.external_id):
            return task
        raise UnexpectedReplyError(
            f"{self.gateway.name} answered a create with another task than it was asked for", status=200
        )

    def _raise_if_decided(self, failed: ElementsError) -> None:
        """Raise where nothing is left to find out; else the element may exist."""
        if self.may_exist and isinstance(failed, _SAYS_NOTHING):
            raise self._uncertain(failed) from failed
        if isinstance(failed, NotSentError) and self.body.is_held and self.slots.told:
            raise self._as_told(self.slots.told)
        if not _may_have_happened(failed):
            raise failed
        if self.external_id is None:
            raise self._uncertain(failed)

    async def _take_slot(self, *, first: bool) -> None:
        await self._queue(first=first)
        while self.slots.has_lapsed:  # this process stood still, and others may have the slot by now
            self.slots.gave_back()
            await self._queue(first=True)

    async def _queue(self, *, first: bool) -> None:
        turn = self.slots.queue(first=first)
        has_slot = False
        try:
            has_slot = turn.done() or await self.lifecycle.reached(turn, self.until)
        finally:
            if not has_slot:
                self.slots.leave(turn)
        if not has_slot:
            raise NotSentError(
                f"did not {self.call.what}: {self.slots.running} tasks are running, the account allows no more, "
                "and none ended in time. Nothing was sent",
                permanent=True,
            )
        if isinstance(told := turn.exception(), ApiError):
            raise self._as_told(told)

    def _as_told(self, told: ApiError) -> ApiError:
        """Return for this create what another one was told for all."""
        return type(told)(told.gateway, self.call.what, told.message, status=told.status, code=told.code)

    async def _settled(self, failed: ElementsError, misses_needed: int = _MISSES) -> ElementTask | None:
        """Look the task up until it is found, or has been missed often enough to be sent again (None)."""
        exists = isinstance(failed, DuplicateTaskError) and (self.may_exist or self._names_the_id(failed))
        misses = 0
        for pause in chain(_SETTLING, repeat(_LATER)):
            await self._pause(pause, failed)
            try:
                task = await self.exchange.perform(self.gateway.get_one(self.external_id or ""), until=self.until)
            except NotFoundError:
                misses += 1
            except (AuthenticationError, PermissionDeniedError, SessionUnusableError):
                break
            except ElementsError as unclear:
                if _came_from_a_door(failed) and not _came_from_a_door(unclear):
                    continue  # the door did not refuse this look: the next one may tell
            else:
                if is_made_here(task, self.external_id):
                    return self._adopted(task, failed)
            if _came_from_a_door(failed):
                raise failed
            if misses >= misses_needed and not exists:
                return None
        raise self._uncertain(failed)

    def _names_the_id(self, refused: DuplicateTaskError) -> bool:
        """Whether it is our external id that exists: the same code stands for anything that can exist twice."""
        return "task" in refused.message.lower() or str(self.external_id) in refused.message

    async def _pause(self, seconds: float, failed: ElementsError) -> None:
        clock = self.lifecycle.clock
        seconds *= clock.random.uniform(1, 1 + _SPREAD)
        if clock.now() + seconds >= self.until or self.lifecycle.is_closed:
            raise self._uncertain(failed)
        is_closed = False
        if seconds:
            try:
                await self.lifecycle.sleep(seconds)
            except SessionUnusableError:
                is_closed = True
        if is_closed:
            raise self._uncertain(failed)

    def _adopted(self, task: ElementTask, failed: ElementsError) -> ElementTask:
        """Return a task found by its external id, unless a caller's id turns out to belong to another element."""
        self.events.tell("Adopted", task.task_id, self.external_id)
        made = task.element
        if not task.is_terminal:
            self.slots.runs(task.task_id)
        if self.spec.external_task_id is None or made is None:
            return task
        if made.name in (None, self.spec.name) and made.reference_type in (None, self.spec.reference_type):
            return task
        if isinstance(failed, DuplicateTaskError):
            raise failed
        raise DuplicateTaskError(
            self.gateway.name,
            self.call.what,
            f"external_task_id {self.external_id} belongs to element {made.name!r}",
            status=200,
        )

    def _uncertain(self, failed: ElementsError) -> CreateUncertainError:
        return CreateUncertainError(
            self.gateway.name,
            self.spec.name,
            str(failed),
            external_task_id=self.external_id,
            sent_at=self.sent_at,
        )


def _may_have_happened(failed: ElementsError) -> bool:
    """Whether a create that failed so may have made the element, or says that it did before."""
    if isinstance(failed, UnexpectedReplyError):
        return not 300 <= failed.status < 400  # a redirect comes from a door, not from the gateway
    # ApiError itself stands for what no table knows: an unknown code, 408, 425.
    return isinstance(failed, NoReplyError | GatewayBrokenError | DuplicateTaskError) or type(failed) is ApiError


def _came_from_a_door(failed: ElementsError) -> bool:
    """Whether something in front of the gateway refused, in words of its own: one look-up is enough then."""
    return (
        isinstance(failed, UnexpectedReplyError) and 400 <= failed.status < 500 and failed.status not in (408, 425)
    )
