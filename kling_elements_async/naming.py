"""What an item of a bulk job is called: its key in the journal, and its external id.

Law: fixed before anything is sent, and the same in every process that is given the same item.
"""

import asyncio
from collections import Counter

from attrs import define, field, frozen

from .body import Body
from .digest import digest_of
from .models import ElementSpec, ElementTask, Images
from .pictures import is_link


@frozen
class Part:
    """A spec that is part of something larger: which one of its equals it is, and its key there, where it has one.

    ``create_many`` takes it in the place of an ``ElementSpec``.
    """

    spec: ElementSpec
    occurrence: int | None = None
    key: str = ""


@define(eq=False)
class Item:
    """One spec on its way: its ``body`` once it was about to be sent, its ``task`` once there is one.

    ``may_exist`` where an earlier run began it.
    ``unread`` says why its content could not be named.
    An item of a chunk brings its ``occurrence`` and its ``label``, which will be its key, and ``looks_first``.
    """

    index: int
    spec: ElementSpec
    occurrence: int | None = None
    looks_first: bool = False
    label: str = ""
    key: str = ""
    digest: str = ""
    unread: str = ""
    external_id: str | None = None
    is_claimed: bool = False
    body: Body | None = None
    is_intended: bool = False
    is_begun: bool = False
    is_held: bool = False
    may_exist: bool = False
    task_id: str | None = None
    task: ElementTask | None = None
    runner: "asyncio.Task[None] | None" = field(default=None, repr=False)

    def hold(self) -> None:
        """Keep its request from being sent from now on."""
        self.is_held = True
        if self.body is not None:
            self.body.is_held = True

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

    @classmethod
    def of(cls, index: int, given: ElementSpec | Part) -> "Item":
        """Return the item at an index of the job."""
        if isinstance(given, ElementSpec):
            return cls(index, given)
        return cls(index, given.spec, given.occurrence, looks_first=True, label=given.key)


@define
class Naming:
    """The names of the items of one job; ``ensures`` derives their external ids from their content."""

    ensures: bool
    has_journal: bool
    _seen: Counter[str] = field(factory=Counter)

    async def name(self, item: Item) -> None:
        """Give an item its key: its own, its external id, or its content and the how-manieth of that it is."""
        if not self.has_journal and not self.ensures:
            return
        try:
            item.digest = await asyncio.to_thread(digest_of, item.spec)
        except (OSError, ValueError) as error:
            item.unread = str(error)  # without a name it could be made twice
            return
        number = 0
        if not item.spec.external_task_id:
            number = self._seen[item.digest]
            self._seen[item.digest] += 1
        if item.occurrence is not None:
            number = item.occurrence
        item.key = item.label or item.spec.external_task_id or f"{item.digest}#{number}"
        if self.ensures:
            item.external_id = f"ensure-{item.digest}"
            if item.looks_first and number:
                item.external_id += f"-{number}"
