"""The values that a user holds: what to create, what came of it.

Law: frozen, plain, and free of any gateway's words. Nothing here reads a file, opens a socket or raises
anything but ``TypeError`` and ``ValueError``.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from attrs import field, frozen
from attrs.validators import optional

from .arguments import checked

ReferenceType = Literal["image", "video"]
ImageSource = str | Path | bytes


class Tag(StrEnum):
    """The eight tags of Kling's element library."""

    TRENDING = "trending"
    CHARACTER = "character"
    ANIMAL = "animal"
    PROP = "prop"
    CLOTHING = "clothing"
    SCENE = "scene"
    EFFECT = "effect"
    OTHER = "other"


class TaskStatus(StrEnum):
    """How far a creation task is. ``UNKNOWN`` is a word never seen before: not finished, as far as we know."""

    SUBMITTED = "submitted"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


def _source(value: Any) -> ImageSource:
    if isinstance(value, str | Path | bytes):
        return value
    raise TypeError(
        f"an image is an http(s) URL, a Path, bytes, a data: URI or Base64 text, not {type(value).__name__}"
    )


def _sources(values: Any) -> tuple[ImageSource, ...]:
    if isinstance(values, str | bytes | Path) or not isinstance(values, Iterable):
        raise TypeError(f"others is a list of images, not one {type(values).__name__}: write [image]")
    return tuple(_source(value) for value in values)


def _tags(values: Any) -> tuple[Tag, ...]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"tags is a list of Tag, not one {type(values).__name__}: write [Tag.CHARACTER]")
    return tuple(Tag(value) for value in values)


_USER = re.compile("//[^/]*@")


def _shown(source: ImageSource) -> str:
    """Show where something lies or how large it is: never bytes, nor a user or a query, which may hold a token."""
    if isinstance(source, bytes):
        return f"<{len(source)} bytes>"
    if isinstance(source, Path):
        return repr(source)
    if source.startswith(("http://", "https://")):
        return repr(_USER.sub("//", source.split("?", 1)[0]))
    return f"<Base64 text, {len(source)} characters>"


def _shown_link(url: str | None) -> str:
    return "None" if url is None else _shown(url)


def _shown_all(sources: tuple[ImageSource, ...]) -> str:
    return f"({', '.join(map(_shown, sources))})"


@frozen
class Images:
    """A reference made of pictures: the front, and one to three other views.

    Each is an ``http(s)`` URL, a ``Path``, ``bytes``, a ``data:`` URI or raw Base64 text. A string is never
    taken for a file path. JPEG or PNG, at most 10 MB, each side at least 300 px, ratio 1:2.5 to 2.5:1.
    """

    frontal: ImageSource = field(converter=_source, repr=_shown)
    others: tuple[ImageSource, ...] = field(converter=_sources, repr=_shown_all)


_text = checked("text is expected", str)


@frozen
class Video:
    """A reference made of one video, by URL: MP4 or MOV, 3 to 8 s, 1080p, 16:9 or 9:16, at most 200 MB."""

    url: str = field(validator=_text, repr=_shown)


_text_or_none = optional(_text)
_reference = checked("Images or Video is expected", (Images, Video))


@frozen
class ElementSpec:
    """What to create. Building one checks types and reads no file; ``create_element`` checks the limits.

    ``name`` has 1 to 20 characters, ``description`` 1 to 100. ``external_task_id`` is your own id of the task,
    1 to 64 of letters, digits and ``._:~-``, unique within the account; without it the session makes one.
    """

    name: str = field(validator=_text)
    description: str = field(validator=_text)
    reference: Images | Video = field(validator=_reference)
    voice_id: str | None = field(default=None, kw_only=True, validator=_text_or_none)
    tags: tuple[Tag, ...] = field(default=(), kw_only=True, converter=_tags)
    callback_url: str | None = field(default=None, kw_only=True, validator=_text_or_none, repr=_shown_link)
    external_task_id: str | None = field(default=None, kw_only=True, validator=_text_or_none)

    @property
    def reference_type(self) -> ReferenceType:
        """``"image"`` or ``"video"``, as the finished element will say of itself."""
        return "image" if isinstance(self.reference, Images) else "video"


@frozen
class Voice:
    """The voice bound to an element."""

    voice_id: str
    name: str | None = None
    trial_url: str | None = None
    owner: str | None = None


# Without slots a frozen class is made in half the time, and a list makes hundreds of them.
@frozen(slots=False)
class Element:
    """A reusable character or object. ``element_id`` is what a video request takes."""

    element_id: str
    name: str | None = None
    description: str | None = None
    reference_type: ReferenceType | None = None
    frontal_image: str | None = None
    other_images: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    voice: Voice | None = None
    tags: tuple[Tag | str, ...] = ()
    owner: str | None = None
    status: str | None = None
    raw: dict[str, Any] = field(factory=dict, eq=False, repr=False)

    @property
    def is_preset(self) -> bool:
        """Whether it comes from Kling's own library."""
        return self.owner == "kling"

    @property
    def is_deleted(self) -> bool:
        """Whether it was deleted: lists go on showing it."""
        return self.status == "deleted"


@frozen
class ElementTask:
    """A creation task as last seen.

    ``status_word`` is the gateway's own word for ``status``; ``message`` is why a task failed; ``cost`` is
    what the gateway says it took, in its own units, as text; ``raw`` is its own record. Times are aware, in UTC.
    """

    task_id: str
    status: TaskStatus
    status_word: str = ""
    message: str | None = None
    external_task_id: str | None = None
    elements: tuple[Element, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    cost: str | None = None
    request_id: str | None = None
    raw: dict[str, Any] = field(factory=dict, eq=False, repr=False)

    @property
    def is_terminal(self) -> bool:
        """Whether the task has ended, one way or the other."""
        return self.status in (TaskStatus.SUCCEEDED, TaskStatus.FAILED)

    @property
    def element(self) -> Element | None:
        """The element that the task made, or None while there is none."""
        return self.elements[0] if self.elements else None

    @property
    def element_id(self) -> str | None:
        """The id of ``element``, or None while there is none."""
        return self.elements[0].element_id if self.elements else None


@frozen
class Page:
    """One page of a list: ``tasks`` as the gateway lists them, ``elements`` theirs, deleted ones included."""

    elements: tuple[Element, ...]
    tasks: tuple[ElementTask, ...]
    number: int
    size: int
    raw: list[Any] = field(factory=list, eq=False, repr=False)

    @property
    def is_last(self) -> bool:
        """Whether the page came with fewer rows than asked for, which is how a list ends (Kling's pages)."""
        return len(self.raw or self.tasks) < self.size
