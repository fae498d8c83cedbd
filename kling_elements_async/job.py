"""One item of a bulk job, from what the journal knows of it to its element.

Law: an intent is written down before the request leaves, a task id before it is waited for, and what an earlier
run had begun is taken up from there.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from attrs import define, field, frozen

from . import archive
from .body import Body
from .creating import Creating
from .digest import digest_of
from .errors import CreateUncertainError, DuplicateTaskError, ElementFailedError, ElementsError
from .journal import Entry, Journal
from .lifecycle import Lifecycle
from .models import ElementSpec, ElementTask, Images
from .outcomes import Created, Resolution
from .pictures import is_link
from .settling import Creation
from .waiting import Waiting
from .wire import Gateway

# A create of an earlier run is long settled: one miss of the look-up says that it never landed.
_SETTLED_AFTER = 60.0


class StoppedError(Exception):
    """The account refuses every create: this one was not sent."""


@define(eq=False)
class Item:
    """One spec on its way: its ``body`` once it was about to be sent, its ``task`` once there is one.

    ``may_exist`` while what became of it in an earlier run is not known.
    """

    index: int
    spec: ElementSpec
    key: str = ""
    digest: str = ""
    body: Body | None = None
    is_intended: bool = False
    may_exist: bool = False
    task_id: str | None = None
    task: ElementTask | None = None
    runner: "asyncio.Task[None] | None" = field(default=None, repr=False)

    @property
    def is_sent(self) -> bool:
        """Whether any of its request may have reached the gateway."""
        return self.may_exist or self.task_id is not None or (self.body is not None and self.body.has_left)

    @property
    def weight(self) -> int:
        """The bytes of pictures that the spec holds in memory; a ``Path`` is read as it is sent."""
        if not isinstance(self.spec.reference, Images):
            return 0
        images = (self.spec.reference.frontal, *self.spec.reference.others)
        return sum(len(image) for image in images if isinstance(image, str | bytes) and not is_link(image))


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
        ensure: bool,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._gateway = gateway
        self._creating = creating
        self._waiting = waiting
        self._lifecycle = lifecycle
        self._journal = journal
        self._timeout = timeout
        self._ensure = ensure
        self._is_stopped = is_stopped
        self._occurrences: Counter[str] = Counter()

    async def name(self, item: Item) -> None:
        """Give an item its key: its external id, else its content and the how-manieth of that content it is."""
        if not self._journal and not self._ensure:
            return
        try:
            item.digest = await asyncio.to_thread(digest_of, item.spec)
        except (OSError, ValueError):
            return  # the check before sending will say so, in its words
        number = self._occurrences[item.digest]
        self._occurrences[item.digest] += 1
        item.key = item.spec.external_task_id or f"{item.digest}#{number}"

    async def outcome(self, item: Item) -> Created:
        entry = await self._journal.entry(item.key) if self._journal and item.key else None
        if entry and entry.digest != item.digest:
            raise DuplicateTaskError(
                self._gateway.name,
                f"create element {item.spec.name!r}",
                f"the journal knows {item.key} with another content",
                status=0,
            )
        if entry and entry.task:
            return _created(item, archive.from_text(entry.task), "resumed")
        if entry and entry.task_id:
            item.task_id, item.is_intended = entry.task_id, True
            return await self._awaited(item, entry.task_id, "resumed", self._timeout)
        item.is_intended = item.may_exist = entry is not None
        started = self._lifecycle.clock.now()
        creation = await self._creation(item, entry)
        item.task, item.task_id = creation.task, creation.task.task_id
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
        external_id = item.spec.external_task_id
        if self._ensure and item.digest:
            external_id = external_id or f"ensure-{item.digest}"

        hooks = _Hooks(self, item)
        if entry is None:
            return await self._creating.create(
                item.spec, timeout=self._timeout, queues=True, external_id=external_id, hooks=hooks
            )
        if entry.external_task_id is None:
            sent_at = datetime.fromtimestamp(entry.sent_at, UTC) if entry.sent_at else None
            reason = "an earlier run was cut off while it was being sent"
            raise CreateUncertainError(
                self._gateway.name, item.spec.name, reason, external_task_id=None, sent_at=sent_at
            )
        age = datetime.now(UTC).timestamp() - (entry.sent_at or 0)
        return await self._creating.create(
            item.spec,
            timeout=self._timeout,
            queues=True,
            external_id=entry.external_task_id,
            hooks=hooks,
            resumes="settled" if age > _SETTLED_AFTER else "fresh",
        )

    async def _awaited(self, item: Item, task_id: str, resolution: Resolution, timeout: float) -> Created:
        task = await self._waiting.wait(task_id, timeout=timeout, on_update=None)
        if self._journal and item.key:
            await self._journal.finished(item.key, archive.to_text(task))
        return _created(item, task, resolution)

    async def intend(self, item: Item, external_id: str | None) -> None:
        """Write down that a create is about to be sent.

        Raises:
            StoppedError: the account refuses every create.

        """
        if self._is_stopped():
            raise StoppedError
        if self._journal and item.key:
            sent_at = datetime.now(UTC).timestamp()
            item.is_intended = True  # now, for a cancellation may come while it is written
            await self._journal.intend(Entry(item.key, item.digest, external_id, sent_at))

    async def forget(self, item: Item) -> None:
        """Take an item of which nothing exists out of the journal, so that a rerun may create it."""
        if self._journal and item.is_intended:
            item.is_intended = False
            await self._journal.dropped(item.key)


@frozen
class _Hooks:
    """Keeps the journal true while a create is on its way."""

    jobs: Jobs
    item: Item

    async def before_send(self, external_id: str | None, body: Body) -> None:
        self.item.body = body
        self.item.may_exist = False  # it was looked up, and missed
        await self.jobs.intend(self.item, external_id)

    async def not_taken(self) -> None:
        body = self.item.body
        if body is not None:
            body.has_left = False
        await self.jobs.forget(self.item)


def made_nothing(item: Item, error: ElementsError) -> bool:
    if isinstance(error, ElementFailedError):
        return True
    if item.may_exist:
        return False
    return item.task_id is None and not isinstance(error, CreateUncertainError | DuplicateTaskError)


def _created(item: Item, task: ElementTask, resolution: Resolution) -> Created:
    assert task.element is not None
    return Created(item.index, item.spec, task, task.element, resolution)
