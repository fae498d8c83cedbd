"""Many creates, with an outcome for each.

Law: reads the specs as it has room for them, holds a bounded number of items and bytes, and yields each outcome
once, in the order of completion. With a journal, what was begun is on disk before it is sent.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from .arguments import shown
from .creating import Creating
from .errors import (
    ApiError,
    ElementFailedError,
    ElementsError,
    NotOfferedError,
    NotSentError,
    WaitTimeoutError,
)
from .job import Jobs, made_nothing
from .journal import Journal
from .journals.sqlite import SqliteJournal
from .lifecycle import Lifecycle
from .models import ElementSpec, ElementTask
from .naming import Item, Naming, Part
from .outcomes import NotCreated, Outcome, Specs
from .throttle import is_of_the_account
from .waiting import Waiting
from .wire import Gateway

MOST_OPEN = 1000
MOST_BYTES = 256 * 1024 * 1024


class Bulk(AsyncIterator[Outcome]):
    """``Outcomes`` of many creates."""

    def __init__(
        self,
        specs: Specs,
        *,
        gateway: Gateway,
        creating: Creating,
        waiting: Waiting,
        lifecycle: Lifecycle,
        journal: str | Path | Journal | None,
        timeout: float,
        ensure: bool,
        look: Callable[[str], Awaitable[ElementTask]],
    ) -> None:
        if ensure and not gateway.carries.external_ids:
            raise NotOfferedError(gateway.name, "create an element under an external task id (ensure=True)")
        if journal is not None and not isinstance(journal, str | Path) and not hasattr(journal, "bind"):
            raise TypeError(f"journal is {shown(journal)}: a file, or one of journals, open, is expected")
        self._specs = specs
        self._lifecycle = lifecycle
        self._gateway = gateway
        self._file = SqliteJournal(journal) if isinstance(journal, str | Path) else None
        self._journal = journal if not isinstance(journal, str | Path) else self._file
        self._naming = Naming(ensure, has_journal=self._journal is not None)
        self._jobs = Jobs(
            gateway,
            creating,
            waiting,
            lifecycle,
            self._journal,
            timeout=timeout,
            look=look,
        )
        self._room = asyncio.Semaphore(MOST_OPEN)
        self._bytes = 0
        self._freed = asyncio.Event()
        self._open: set[Item] = set()
        self._unsent: set[int] = set()
        self._next: int | None = 0  # the spec to be read next, or None when all are read
        self._refusal: ApiError | None = None
        self._fault: BaseException | None = None
        self._done: asyncio.Queue[tuple[Item, Outcome] | None] = asyncio.Queue()
        self._runner: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None

    # ---------------------------------------------------------------- what the caller sees

    async def __aenter__(self) -> Self:
        self._lifecycle.check()
        await self._open_journal()
        self._runner = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._runner:
                self._runner.cancel()
                await asyncio.wait([self._runner])
        finally:  # a second cancellation may come
            self._done.put_nowait(None)  # who reads on after the block reads the end
            if self._file:
                await self._file.close()

    async def _open_journal(self) -> None:
        if self._file:
            await self._file.open()
        try:
            if self._journal is not None:
                await self._journal.bind(self._gateway.name)
        except BaseException:
            if self._file:
                await self._file.close()
            raise

    @property
    def under_way(self) -> tuple[tuple[int, str | None], ...]:
        return tuple((item.index, item.task_id) for item in tuple(self._open) if item.is_sent)

    async def __anext__(self) -> Outcome:
        if self._runner is None:
            raise RuntimeError("enter it first: async with session.create_many(specs) as outcomes")
        done = await self._done.get()
        if done is not None:
            item, outcome = done
            self._release(item)
            return outcome
        self._done.put_nowait(None)
        if self._fault:
            raise self._fault
        unsent = self._unsent if self._next is None else self._unsent | {self._next}
        if self._refusal and unsent:
            self._refusal.unsent_from = min(unsent)
            raise self._refusal
        raise StopAsyncIteration

    # ---------------------------------------------------------------- reading

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                self._reader = group.create_task(self._read(group))
        except* Exception as faults:  # noqa: BLE001 - whatever it is, it is the caller's to see
            self._fault = faults.exceptions[0]
        self._done.put_nowait(None)

    async def _read(self, group: asyncio.TaskGroup) -> None:
        numbered = _numbered(self._specs)
        try:
            async for index, given in numbered:
                item = Item.of(index, given)
                self._unsent.add(index)
                self._next = index + 1
                await self._admit(item)
                if self._refusal:
                    break
                await self._naming.name(item)
                self._unsent.discard(index)
                self._open.add(item)
                item.runner = group.create_task(self._bring(item))
        except (Exception, asyncio.CancelledError) as fault:
            reader = asyncio.current_task()
            if reader and reader.cancelling():
                raise
            self._fault = fault  # the caller's iterable is at fault: what was read still comes out
        else:
            self._next = None
        finally:
            await numbered.aclose()

    async def _admit(self, item: Item) -> None:
        """Wait until there is room for one more item, and for its bytes; a large one passes alone."""
        await self._room.acquire()
        while self._bytes and self._bytes + item.weight > MOST_BYTES:
            self._freed.clear()
            await self._freed.wait()
        self._bytes += item.weight

    def _release(self, item: Item) -> None:
        self._bytes -= item.weight
        self._freed.set()
        self._room.release()

    # ---------------------------------------------------------------- one item

    async def _bring(self, item: Item) -> None:
        item.is_begun = True
        try:
            outcome: Outcome | None = None if self._refusal else await self._jobs.outcome(item)
        except asyncio.CancelledError:
            if not item.is_sent:
                await self._jobs.forget(item)
            if self._refusal is None or item.is_sent:
                raise
            outcome = None
        except ElementsError as error:
            outcome = await self._failed(item, error)
        finally:
            self._jobs.release(item)
        self._open.discard(item)
        if outcome is None:
            self._unsent.add(item.index)
            self._release(item)
        else:
            self._done.put_nowait((item, outcome))

    async def _failed(self, item: Item, error: ElementsError) -> NotCreated | None:
        """Return the outcome of an item that failed, or None for one that the account's refusal left unsent."""
        refuses_all = is_of_the_account(error)
        for refusal in (error, error.__cause__):  # of a create that is uncertain, the second sending was refused
            if isinstance(refusal, ApiError) and is_of_the_account(refusal):
                self._stop(refusal)
        if made_nothing(item, error):
            await self._jobs.forget(item)
        was_held = self._refusal is not None and isinstance(error, NotSentError)
        if (refuses_all or was_held) and item.task_id is None:
            return None
        await self._jobs.failed(item, error)
        task = error.task if isinstance(error, ElementFailedError | WaitTimeoutError) else item.task
        return NotCreated(item.index, item.spec, task, error)

    def _stop(self, refusal: ApiError) -> None:
        if self._refusal is None and self._reader:
            self._reader.cancel()  # the next spec may be long in coming
        self._refusal = self._refusal or refusal
        for other in self._open:
            other.hold()
            if other.is_begun and other.body is None and not other.is_sent and other.runner:
                other.runner.cancel()  # it may stand in a queue for long


async def _numbered(specs: Specs) -> AsyncGenerator[tuple[int, ElementSpec | Part], None]:
    """Number the specs of any iterable; an async generator of the caller's is closed with this one."""
    index = 0
    try:
        if isinstance(specs, AsyncIterable):
            async for spec in specs:
                yield index, _checked(spec)
                index += 1
            return
        for spec in specs:
            yield index, _checked(spec)
            index += 1
            if index % 100 == 0:
                await asyncio.sleep(0)
    finally:
        if isinstance(specs, AsyncGenerator):
            await specs.aclose()


def _checked(spec: object) -> ElementSpec | Part:
    if not isinstance(spec, ElementSpec | Part):
        raise TypeError(f"create_many takes ElementSpec values, not {type(spec).__name__}")
    return spec
