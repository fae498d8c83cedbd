"""Reading what gateways send when they call back.

Law: no gateway's name is needed, the shape says which it is. ``task_id`` makes it Kling's older body, the bare
record of a task; ``outputs`` or one of its other words makes it the newer one; any other ``id`` with a
``status`` is evolink's task. Sources: Kling's pages "Callback protocol", old and new, and the test callback
that its console sends; evolink's page of the element model.
"""

from collections.abc import Iterator
from typing import Any

from ..models import Element, ElementTask, ReferenceType, Voice
from .answers import TAGS, Record, first_text, status_of, task_of
from .evolink import unified_task_of
from .records import exact_id, exact_task_id, moment_or_none, text_or_none

_NEWER = {"outputs", "create_time", "update_time", "external_id", "billing"}
_ELEMENT_TYPES: dict[Any, ReferenceType] = {
    "multi_image_elements": "image",
    "video_character_elements": "video",
}


def called_back(record: Any) -> ElementTask:
    """Return the task that a callback is about.

    Raises:
        ValueError: it is about none, or an element's id has lost digits.

    """
    if not isinstance(record, dict):
        raise ValueError("is no JSON object")  # noqa: TRY004 - no caller's mistake
    if "task_id" in record:
        return task_of(record, None, skip_bad_elements=False)
    if not record.get("id") or "status" not in record:
        raise ValueError("holds no task")
    return _newer(record) if record.keys() & _NEWER else unified_task_of(record)


def _newer(record: Record) -> ElementTask:
    word = first_text(record, "status")
    return ElementTask(
        task_id=exact_task_id(record["id"]),
        status=status_of(word),
        status_word=word,
        message=text_or_none(record.get("message")),
        external_task_id=text_or_none(record.get("external_id")),
        elements=tuple(_elements_of(record.get("outputs"))),
        created_at=moment_or_none(record.get("create_time")),
        updated_at=moment_or_none(record.get("update_time")),
        cost=next((text_or_none(row.get("amount")) for row in _rows(record.get("billing"))), None),
        raw=record,
    )


def _elements_of(rows: Any) -> Iterator[Element]:
    """Yield the elements among the outputs; one without an id is not there yet."""
    for row in _rows(rows, "type", "element"):
        if row.get("id") not in (None, ""):
            yield _element_of(row)


def _element_of(record: Record) -> Element:
    materials = record.get("materials") or record.get("references")
    images = list(_rows(materials, "type", "image"))
    frontal = [row for row in images if row.get("role") == "frontal"]
    voice = next(_rows(materials, "type", "voice"), None)
    return Element(
        element_id=exact_id(record.get("id")),
        name=text_or_none(record.get("name")),
        description=text_or_none(record.get("description")),
        reference_type=_ELEMENT_TYPES.get(text_or_none(record.get("element_type"))),
        frontal_image=text_or_none(frontal[0].get("url")) if frontal else None,
        other_images=_texts((row for row in images if row.get("role") != "frontal"), "url"),
        videos=_texts(_rows(materials, "type", "video"), "url"),
        voice=_voice_of(voice) if voice else None,
        tags=tuple(TAGS.get(tag, tag) for tag in _texts(_rows(record.get("tags")), "id")),
        owner=text_or_none(record.get("owned_by")),
        status=text_or_none(record.get("status")),
        raw=record,
    )


def _voice_of(record: Record) -> Voice | None:
    voice_id = text_or_none(record.get("id"))
    if voice_id is None:
        return None
    return Voice(
        voice_id=voice_id,
        name=text_or_none(record.get("name")),
        trial_url=text_or_none(record.get("url")),
        owner=text_or_none(record.get("owned_by")),
    )


def _rows(rows: Any, name: str | None = None, word: str | None = None) -> Iterator[Record]:
    """Yield the objects of a list, those where ``name`` is ``word`` if that is asked."""
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and (name is None or row.get(name) == word):
            yield row


def _texts(rows: Iterator[Record], name: str) -> tuple[str, ...]:
    return tuple(text for row in rows if (text := text_or_none(row.get(name))))
