"""What came of each item of ``create_many``."""

from collections.abc import AsyncIterable, Iterable
from types import TracebackType
from typing import Literal, Protocol, Self

from attrs import frozen

from .errors import ElementsError
from .models import Element, ElementSpec, ElementTask

Specs = Iterable[ElementSpec] | AsyncIterable[ElementSpec]
Resolution = Literal["direct", "adopted", "resent", "resumed"]


class JournalPlace(Protocol):
    """A journal, as a session is given it: one of ``journals``, which say what else it can do, and open."""

    is_shared: bool

    async def bind(self, gateway: str) -> None:
        """Write down whose journal it is, or see that it is this gateway's."""
        ...


@frozen
class Created:
    """An element, and how it came about: ``resumed`` is one that an earlier run had begun."""

    index: int
    spec: ElementSpec
    task: ElementTask
    element: Element
    resolution: Resolution


@frozen
class NotCreated:
    """No element, as far as is known, and why; ``task`` is the task's last state where there is one."""

    index: int
    spec: ElementSpec
    task: ElementTask | None
    error: ElementsError


Outcome = Created | NotCreated


class Outcomes(Protocol):
    """The outcomes of ``create_many``: enter it, iterate it. Leaving it early cancels what runs.

    A permanent refusal of the account (401, 402, 1100 to 1102, 1304) stops the reading of specs; what was sent
    still comes out, and then the error is raised, with ``unsent_from``: the index of the first spec not sent.
    """

    @property
    def under_way(self) -> tuple[tuple[int, str | None], ...]:
        """The items whose create may have reached the gateway and whose outcome is still open.

        Each as its index and its task id, or None while that is unknown.
        """
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> Outcome: ...
