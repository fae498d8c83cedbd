"""One item of a bulk job, from what the journal knows of it to its element.

Law: an intent is written down before the request leaves, a task id before it is waited for, and what an earlier
run had begun is taken up from there.
"""

import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

from attrs import frozen

from . import archive
from .body import Body
from .creating import Creating
from .errors import (
    ConfigurationError,
    ContentPolicyError,
    CreateUncertainError,
    DuplicateTaskError,
    ElementFailedError,
    ElementsError,
    InvalidElementError,
    InvalidRequestError,
    NotFoundError,
)
from .facts import text_of
from .gateways.records import moment_or_none
from .journal import Entry, Journal, Result
from .lifecycle import Lifecycle
from .models import ElementTask
from .naming import Item
from .outcomes import Created, Resolution
from .settling import Creation
from .waiting import Waiting
from .wire import Gateway

# A create of an earlier run is long settled: one miss of the look-up says that it never landed.
_SETTLED_AFTER = 60.0


class Jobs:
    """Brings the items of one bulk job to their elements."""

    def __init__(
        self,
        gateway: Gateway,
        creating: Creating,
        waiting: Waiting,
        lifecycle: Lifecycle,
        journal: Journal | None,
        *,
        timeout: float,
        look: Callable[[str], Awaitable[ElementTask]],
    ) -> None:
        self._gateway = gateway
        self._creating = creating
        self._waiting = waiting
        self._lifecycle = lifecycle
        self._journal = journal
        self._timeout = timeout
        self._look = look

    async def outcome(self, item: Item) -> Created:
        if item.unread:
            problems = await self._creating.check(item.spec)
            raise InvalidElementError(item.spec.name, problems or [f"reference: can't be read: {item.unread}"])
        entry = await self._claimed(item) if self._journal and item.key else None
        if entry and entry.digest != item.digest:
            raise DuplicateTaskError(
                self._gateway.name,
                f"create element {item.spec.name!r}",
                f"the journal knows {item.key} with another content",
                status=0,
            )
        if entry and entry.task:
            return _created(item, _archived(item, entry.task), "resumed")
        if entry and entry.task_id:
            item.task_id, item.is_intended = entry.task_id, True
            return await self._awaited(item, entry.task_id, "resumed", self._timeout)
        item.is_intended = item.may_exist = entry is not None
        started = self._lifecycle.clock.now()
        creation = await self._creation(item, entry)
        item.task, item.task_id = creation.task, creation.task.task_id
        if entry is None or creation.resolution != "adopted":  # else it may be as old as the journal
            calls_back = item.spec.callback_url is not None
            self._waiting.watches.born(item.task_id, item.spec.reference_type, calls_back=calls_back)
        if self._journal and item.key:
            sent_as = creation.task.external_task_id
            await self._journal.created(Entry(item.key, item.digest, sent_as, None, item.task_id))
            item.is_intended = True
        spent = self._lifecycle.clock.now() - max(started, creation.began)
        left = max(0.0, self._timeout - spent)
        return await self._awaited(item, creation.task.task_id, "resumed" if entry else creation.resolution, left)

    async def _creation(self, item: Item, entry: Entry | None) -> Creation:
        """Create the element, or take up a create of an earlier run from the look-up on."""
        external_id = item.spec.external_task_id or item.external_id
        hooks = _Hooks(self, item)
        if entry is None:
            return await self._creating.create(
                item.spec,
                timeout=self._timeout,
                queues=True,
                external_id=external_id,
                hooks=hooks,
                resumes="settled" if await self._may_be_there(item, external_id) else None,
            )
        if entry.external_task_id is None:
            sent_at = moment_or_none(entry.sent_at)
            reason = "an earlier run was cut off while it was being sent"
            raise CreateUncertainError(
                self._gateway.name, item.spec.name, reason, external_task_id=None, sent_at=sent_at
            )
        sent_at = moment_or_none(entry.sent_at)
        age = (datetime.now(UTC) - sent_at).total_seconds() if sent_at else math.inf
        return await self._creating.create(
            item.spec,
            timeout=self._timeout,
            queues=True,
            external_id=entry.external_task_id,
            hooks=hooks,
            resumes="settled" if age > _SETTLED_AFTER else "fresh",
        )

    async def _claimed(self, item: Item) -> Entry | None:
        assert self._journal is not None
        entry = await self._journal.claim(item.key)
        item.is_claimed = True
        return entry

    def release(self, item: Item) -> None:
        """Let another worker have an item."""
        if self._journal and item.is_claimed:
            item.is_claimed = False
            self._journal.release(item.key)

    async def _may_be_there(self, item: Item, external_id: str | None) -> bool:
        """Look whether an item of a chunk exists: another worker may have begun it, and left no word here."""
        if not item.looks_first or external_id is None or not self._gateway.carries.external_ids:
            return False
        if self._journal and self._journal.is_shared:
            return False
        try:
            await self._look(external_id)
        except NotFoundError:
            return False
        except ElementsError:
            pass  # unclear: the create begins with a look-up of its own, which insists
        return True

    async def _awaited(self, item: Item, task_id: str, resolution: Resolution, timeout: float) -> Created:
        task = await self._waiting.wait(task_id, timeout=timeout, on_update=None)
        if self._journal and item.key:
            await self._journal.finished(item.key, archive.to_text(task))
        return _created(item, task, resolution)

    async def intend(self, item: Item, external_id: str | None) -> None:
        """Write down that a create is about to be sent."""
        if self._journal and item.key:
            sent_at = datetime.now(UTC).timestamp()
            item.is_intended = True  # now, for a cancellation may come while it is written
            await self._journal.intend(Entry(item.key, item.digest, external_id, sent_at))

    async def forget(self, item: Item) -> None:
        """Take an item of which nothing exists out of the journal, so that a rerun may create it."""
        if self._journal and item.is_intended:
            item.is_intended = False
            await self._journal.dropped(item.key)

    async def failed(self, item: Item, error: ElementsError) -> None:
        """Note an error for those who read the results; a journal that fails now has said so before."""
        if self._journal and (key := item.key or item.label):
            result = Result(key, None, item.task_id, type(error).__name__, text_of(error))
            with suppress(ConfigurationError):
                await self._journal.failed(result)


@frozen
class _Hooks:
    """Keeps the journal true while a create is on its way."""

    jobs: Jobs
    item: Item

    async def before_send(self, external_id: str | None, body: Body) -> None:
        self.item.body = body
        body.is_held = body.is_held or self.item.is_held
        if not body.is_held:
            await self.jobs.intend(self.item, external_id)

    async def not_taken(self) -> None:
        body = self.item.body
        if body is not None:
            body.has_left = False
        if not self.item.may_exist:
            await self.jobs.forget(self.item)


def made_nothing(item: Item, error: ElementsError) -> bool:
    """Whether an error says that nothing exists of an item, so that a rerun may create it under another id."""
    if isinstance(error, ElementFailedError):
        return True
    if item.task_id is not None or isinstance(error, CreateUncertainError | DuplicateTaskError):
        return False
    # Of what an earlier run began, a look-up that missed it says only that it had not landed by then. It keeps its
    # id, unless the gateway refuses what is asked for.
    return not item.may_exist or isinstance(error, InvalidRequestError | ContentPolicyError)


def _archived(item: Item, text: str) -> ElementTask:
    """Return the finished task of an earlier run.

    Raises:
        ConfigurationError: the journal was damaged.

    """
    with suppress(Exception):  # whatever a damaged row does to the reader
        task = archive.from_text(text)
        if task.element is not None:
            return task
    raise ConfigurationError(f"the journal's entry of {item.key} is damaged: restore the file, or begin a new one")


def _created(item: Item, task: ElementTask, resolution: Resolution) -> Created:
    assert task.element is not None
    return Created(item.index, item.spec, task, task.element, resolution)
