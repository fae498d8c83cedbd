"""What a bulk job asks of its journal, whatever keeps it: the protocol, and the values in it.

Law: an intent is durable before its request is sent, and a task id before it is waited for. An item is claimed
before it is worked on, by one at a time. Holds no key and no picture.
"""

from collections.abc import AsyncGenerator, Iterable
from typing import Protocol

from attrs import frozen


@frozen
class Entry:
    """What is known of one item: an intent, a task once it has an id, the finished ``task`` as JSON in the end."""

    key: str
    digest: str
    external_task_id: str | None
    sent_at: float | None
    task_id: str | None = None
    task: str | None = None


@frozen
class Progress:
    """How far a job is. ``total`` counts what was taken in or begun; ``begun`` may be at the gateway by now."""

    total: int
    created: int
    begun: int
    failed: int

    @property
    def waiting(self) -> int:
        """The items that were taken in and of which nothing was sent."""
        return self.total - self.created - self.begun - self.failed


@frozen
class Result:
    """The outcome of an item, by its key: an element, or the type and the text of the last error."""

    key: str
    element_id: str | None = None
    task_id: str | None = None
    error_type: str | None = None
    error: str | None = None


class Journal(Protocol):
    """The entries of one job, by key.

    ``is_shared`` says whether every worker of a job writes to this one, so that what it does not know nobody
    has begun. Each method raises ``ConfigurationError`` where the journal can't be read or written.
    """

    is_shared: bool

    async def bind(self, gateway: str) -> None:
        """Write down whose journal it is, or see that it is this gateway's."""
        ...

    async def take_in(self, keys: Iterable[str], *, first: int = 0) -> int:
        """Write down what there is to do, numbered from ``first``, and return how many; durable at its return.

        Taking the same numbers in again changes nothing.
        """
        ...

    async def claim(self, key: str) -> Entry | None:
        """Wait until nobody else works on an item, make it ours, and return what is known of it."""
        ...

    def release(self, key: str) -> None:
        """Let go of an item; soon after, another may claim it."""
        ...

    async def intend(self, entry: Entry) -> None:
        """Write down that a create is about to be sent. Comes back when that is durable.

        Raises:
            NotSentError: the item is not ours any more.

        """
        ...

    async def created(self, entry: Entry) -> None:
        """Write down the task that a create has led to."""
        ...

    async def finished(self, key: str, task: str) -> None:
        """Write down a finished task."""
        ...

    async def dropped(self, key: str) -> None:
        """Forget an item of which nothing exists: a rerun may create it."""
        ...

    async def failed(self, result: Result) -> None:
        """Write down why there is no element, for those who read the results."""
        ...

    async def progress(self) -> Progress:
        """Count, also while the job runs."""
        ...

    def results(self) -> AsyncGenerator[Result, None]:
        """Iterate over the outcomes so far, in the order of their keys, also while the job runs."""
        ...
