"""The five gateways as the sandbox plays them: one line for each thing in which they differ."""

from typing import Any, Protocol

from .account import Account
from .answer import Answer
from .native import Native
from .record import Spelling
from .refusal import RefusedError
from .task import Task
from .unified import Unified
from .visit import Call, Visit


class Dialect(Protocol):
    """What a gateway is to the server."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def prefix(self) -> str:
        """What stands before `/v1/` in its paths, without slashes around."""

    @property
    def signed(self) -> bool:
        """Whether it takes signed tokens."""

    @property
    def external_ids(self) -> bool:
        """Whether it knows the callers' own ids."""

    @property
    def signs_callbacks(self) -> bool:
        """Whether an account can have its callbacks signed."""

    def route(self, method: str, path: str) -> tuple[Call, str] | None:
        """Find the call behind a path, and the id in it."""

    def answer(self, visit: Visit, account: Account) -> Answer:
        """Do a call, or raise `RefusedError`."""

    def refuse(self, refused: RefusedError) -> Answer:
        """Spell a refusal."""

    def callback(self, task: Task, account: Account) -> dict[str, Any] | None:
        """Spell what a callback URL is told now, or None for nothing."""

    def task_id(self, number: int) -> str:
        """Name a task."""


DIALECTS: tuple[Dialect, ...] = (
    Native("kling", "kling", signed=True, new_callbacks=True),
    Native("ezmodel", "ezmodel/kling", spelling=Spelling(kind_key="element_type", empty_lists=False)),
    Native("kkiai", "kkiai/kling", spelling=Spelling(kind_key="element_type"), images_with_voice=False),
    Native(
        "anyfast",
        "anyfast/kling",
        offers=frozenset({"create", "get"}),
        images_only=True,
        tags_required=True,
        external_ids=False,
        flat_create=True,
    ),
    Unified("evolink", "evolink"),
)
