"""One row of a manifest: an element to create, in the words of the file.

Law: a wrong value is named by its field and never shown, for it may be a picture or a signed link; only the
path of a file is.
"""

from collections.abc import Callable, Collection
from pathlib import Path
from types import GenericAlias
from typing import Any, NewType, get_args, get_origin

from attrs import fields, frozen
from cattrs import BaseValidationError, Converter, ForbiddenExtraKeysError, transform_error
from cattrs.v import format_exception

from ..models import ElementSpec, Images, ImageSource, Tag, Video
from ..near_miss import did_you_mean
from ..pictures import is_link

Source = NewType("Source", str)

_LONGEST_PATH = 1000
_LONGEST_NAME = 40
_PICTURES = ("data:", "iVBORw0KGgo", "/9j/")  # a data: URI, and a PNG's and a JPEG's first bytes as Base64


class FaultError(ValueError):
    """What is wrong with a value, as the rest of a sentence that begins with its field."""


@frozen
class Row:
    """The fields of a row; ``frontal`` and ``others`` are files or links, ``id`` is the external id."""

    name: str
    description: str
    frontal: Source | None = None
    others: tuple[Source, ...] = ()
    video: str | None = None
    tags: tuple[Tag, ...] = ()
    voice: str | None = None
    id: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.video is None and self.frontal is None:
            raise FaultError("frontal: is missing, and so is video")
        if self.video is not None and (self.frontal is not None or self.others):
            raise FaultError("video: goes without frontal and others")

    def spec(self, folder: Path, *, carries_id: bool) -> ElementSpec:
        """Return what to create; paths begin at ``folder``. Without ``carries_id`` the id is a label only."""

        def source(text: Source) -> ImageSource:
            return text if is_link(text) else folder / text

        return ElementSpec(
            name=self.name,
            description=self.description,
            reference=Video(self.video)
            if self.video is not None
            else Images(source(self.frontal or Source("")), map(source, self.others)),
            voice_id=self.voice,
            tags=self.tags,
            external_task_id=self.id if carries_id else None,
        )


FIELDS = tuple(field.name for field in fields(Row))
REQUIRED = ("name", "description")
LISTS = ("others", "tags")

_FIELD_OF_PLACE = {
    "reference.frontal": "frontal",
    "reference.others": "others",
    "reference.url": "video",
    "reference": "video",
    "voice_id": "voice",
    "external_task_id": "id",
}

_converter = Converter(forbid_extra_keys=True, detailed_validation=True)


@_converter.register_structure_hook
def _text(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise FaultError("must be text")
    return value


@_converter.register_structure_hook
def _source(value: Any, _: Any) -> Source:
    text = _text(value, str)
    if text.startswith(_PICTURES) or (len(text) > _LONGEST_PATH and not is_link(text)):
        raise FaultError("is a picture as text; a manifest names files and links")
    if not text.strip():
        raise FaultError("is empty")
    return Source(text)


@_converter.register_structure_hook
def _tag(value: Any, _: Any) -> Tag:
    try:
        return Tag(value)
    except ValueError:
        raise FaultError(f"is no tag; there are {', '.join(Tag)}{did_you_mean(str(value)[:40], Tag)}") from None


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


@_converter.register_structure_hook_factory(_is_tuple)
def _many(kind: Any) -> Callable[[Any, Any], Any]:
    as_list: Any = GenericAlias(list, get_args(kind)[:1])

    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, list):  # a text would be taken apart into its letters
            raise FaultError("must be a list")
        return tuple(_converter.structure(value, as_list))

    return structure


def structured(record: dict[str, Any]) -> Row | list[str]:
    """Return the row that a record stands for, or all that is wrong with it, each as ``field: what``."""
    try:
        return _converter.structure(record, Row)
    except BaseValidationError as errors:
        return [_field_first(problem) for problem in transform_error(errors, format_exception=_words)]


def in_fields(problem: str) -> str:
    """Return a problem of a spec, ``reference.others[1]: what``, in the words of a manifest."""
    place, colon, what = problem.partition(": ")
    place, bracket, number = place.partition("[")
    return f"{_FIELD_OF_PLACE.get(place, place)}{bracket}{number}{colon}{what}"


def strange(names: Collection[str], what: str) -> str:
    """Return the complaint of names that are none of our fields, cut where they are no names at all."""
    listed = ", ".join(
        name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…" for name in sorted(names)
    )
    near = did_you_mean(min(names)[:_LONGEST_NAME], FIELDS) if len(names) == 1 else ""
    return f"{listed}: no such {what}; there are {', '.join(FIELDS)}{near}"


def _words(error: BaseException, kind: type | None) -> str:
    if isinstance(error, FaultError):
        return str(error)
    if isinstance(error, KeyError):
        return "is missing"
    if isinstance(error, ForbiddenExtraKeysError):
        return strange(error.extra_fields, "field")
    return format_exception(error, kind)


def _field_first(problem: str) -> str:
    """Turn ``what @ $.others[1]`` round; what concerns the whole row names its field itself."""
    what, _, place = problem.rpartition(" @ $")
    return f"{place.removeprefix('.')}: {what}" if place else what
