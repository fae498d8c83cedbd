"""What a session does, told as it happens: frozen values for one hook, ``ElementsSession(…, on_event=…)``.

Law: holds no payload and no key. The hook is a plain callable, called on the session's event loop in the middle of
its work: it returns at once, and what it raises is logged and changes nothing.
"""

from typing import Literal

from attrs import frozen

from .errors import ElementsError
from .models import ElementTask, TaskStatus


@frozen
class CreateBegan:
    """A create was asked for; ``number`` is the same in its ``CreateEnded``."""

    number: int
    name: str


@frozen
class CreateEnded:
    """A create has its task, or its error. ``running`` are the tasks that hold a slot now, as far as is known."""

    number: int
    task: ElementTask | None
    error: BaseException | None
    running: int


@frozen
class Queued:
    """A create has to wait for a slot: so many tasks run, and so many creates wait."""

    running: int
    waiting: int


@frozen
class Sent:
    """A request was sent, or could not be. ``what`` completes "asked to …"; ``seconds`` is how long it took.

    ``status`` is that of the answer, or None where none came; ``error`` is what became of it, or None.
    """

    what: str
    method: str
    seconds: float
    status: int | None
    error: ElementsError | None


@frozen
class Retried:
    """A failed call is sent again after ``pause`` seconds, for the ``attempt``-th time, the first one counted."""

    attempt: int
    pause: float
    error: BaseException


@frozen
class Adopted:
    """A create whose answer was lost was found by its external id."""

    task_id: str
    external_task_id: str | None


@frozen
class GateClosed:
    """All calls stop for so many seconds: the gateway asked for it, or failed often in a row."""

    seconds: float


@frozen
class SharedLost:
    """What the workers share is out of reach: this one goes on with ``most`` slots, or requests a second."""

    what: Literal["slots", "rate"]
    reason: str
    most: int


@frozen
class WaitBegan:
    """A wait has begun; ``number`` is the same in its ``WaitEnded``."""

    number: int
    task_id: str


@frozen
class WaitEnded:
    """A wait has its task, or its error."""

    number: int
    task_id: str
    task: ElementTask | None
    error: BaseException | None


@frozen
class Looked:
    """A task was looked at, or, with None for its id, a list of all that are waited for."""

    task_id: str | None


@frozen
class Settled:
    """A task that was waited for has ended."""

    task: ElementTask


@frozen
class CalledBack:
    """A callback came for a task. Unsigned, it is no more than a claim."""

    task_id: str
    status: TaskStatus
    is_signed: bool


Event = (
    CreateBegan
    | CreateEnded
    | Queued
    | Sent
    | Retried
    | Adopted
    | GateClosed
    | SharedLost
    | WaitBegan
    | WaitEnded
    | Looked
    | Settled
    | CalledBack
)
