"""Reading an answer by its shape, since one gateway mixes two of them.

Law: no gateway's name stands here. An answer is, in this order: no JSON; an ``error`` object; a ``code``
that is neither 0 nor "success"; a wrapper whose ``data.data`` is a task; an envelope whose ``data`` is a
record or a list of them; a flat task with ``id`` and ``object``. Sources: Kling's API pages, anyfast's page
of the create call, and recorded answers of proxies.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import ApiError, NotOfferedError, UnexpectedReplyError
from ..models import Element, ElementTask, Page, ReferenceType, Tag, TaskStatus, Voice
from ..wire import Reply, readable
from .records import LostDigitsError, exact_id, exact_task_id, moment_or_none, text_or_none
from .refusals import refusal, too_large

logger: logging.Logger = logging.getLogger("kling_elements_async")

TAG_IDS: dict[Tag, str] = {tag: f"o_{number}" for number, tag in enumerate(Tag, 101)}
TAGS: dict[str, Tag] = {tag_id: tag for tag, tag_id in TAG_IDS.items()}
_REFERENCE_TYPES: dict[str, ReferenceType] = {"image_refer": "image", "video_refer": "video"}
_STATUS: dict[str, TaskStatus] = {
    **dict.fromkeys(("", "submitted", "pending", "queued", "not_start"), TaskStatus.SUBMITTED),
    **dict.fromkeys(("processing", "in_progress"), TaskStatus.PROCESSING),
    **dict.fromkeys(("succeed", "succeeded", "completed", "success"), TaskStatus.SUCCEEDED),
    **dict.fromkeys(("failed", "failure", "error", "cancelled", "canceled", "expired"), TaskStatus.FAILED),
}
_unknown_words: set[str] = set()
_UNKNOWN_WORDS_KEPT = 100

Record = dict[str, Any]


def status_of(word: str) -> TaskStatus:
    """Return what a gateway's word means; one never seen before is warned of once, and means not finished."""
    known = _STATUS.get(word) or _STATUS.get(word.lower())
    if known is None:
        _warn_once(readable(word, 60))
    return known or TaskStatus.UNKNOWN


def _warn_once(word: str) -> None:
    if word not in _unknown_words and len(_unknown_words) < _UNKNOWN_WORDS_KEPT:
        _unknown_words.add(word)
        logger.warning("a task has the unknown status %r: taken as not finished", word)


def object_of(reply: Reply) -> Record:
    """Return the JSON object that an answer is, or raise what its status alone says."""
    if reply.status in (405, 501):
        raise NotOfferedError(reply.gateway, reply.what)
    if reply.status == 413 and not reply.body.startswith(b"{"):
        raise too_large(reply)
    try:
        body = reply.json()
    except UnexpectedReplyError:
        if reply.status != 429:
            raise
        body = {}  # whoever says "too many requests", and however: nothing was done
    if reply.status == 429 and not body:
        raise refusal(reply, {"message": reply.excerpt()})
    if not isinstance(body, dict):
        raise reply.unexpected("is no JSON object")
    return body


def opened(reply: Reply) -> tuple[Record, Any]:
    """Return the whole answer and the data in it, or raise the refusal that it is."""
    body = object_of(reply)
    if error := body.get("error"):
        raise refusal(reply, error if isinstance(error, dict) else {"message": error})
    if body.get("code", 0) not in (0, "success") or body.get("success") is False:
        raise refusal(reply, body)
    if "code" not in body and reply.status >= 400:
        raise reply.unexpected("is not the gateway's own")
    return body, _data_of(body)


def _data_of(body: Record) -> Any:
    is_flat = "data" not in body and ("object" in body or "task_id" in body)
    return body if is_flat else body.get("data")


def read_created(reply: Reply) -> ElementTask:
    """Read a create's answer. One that names its task has created it, whatever else it says."""
    try:
        return read_one(reply)
    except ApiError as error:
        refused = error
    data = _data_of(reply.json()) if reply.status < 300 else None
    if isinstance(data, dict) and (data.get("task_id") or data.get("id")):
        return readable_task(reply, lambda: task_of(data, refused.request_id, skip_bad_elements=True))
    raise refused


def read_one(reply: Reply) -> ElementTask:
    """Read one task."""
    body, data = opened(reply)
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if not isinstance(data, dict) or not data:
        raise reply.unexpected("holds no task")
    return readable_task(reply, lambda: task_of(data, body.get("request_id"), skip_bad_elements=False))


def readable_task(reply: Reply, read: Callable[[], ElementTask]) -> ElementTask:
    """Return the task that ``read`` makes, or raise the error for an answer that can't be understood."""
    fault: ValueError | None = None
    try:
        task = read()
    except ValueError as error:
        fault = error
    if fault is not None:
        raise reply.unexpected(str(fault), permanent=isinstance(fault, LostDigitsError))
    return task


def read_page(number: int, size: int, reply: Reply) -> Page:
    """Read a list: an array of tasks, each with its elements. A row that can't be read is skipped and named."""
    body, rows = opened(reply)
    if not isinstance(rows, list):
        raise reply.unexpected("holds no list")
    tasks = tuple(_readable_rows(rows, body.get("request_id")))
    return Page(tuple(e for task in tasks for e in task.elements), tasks, number, size, raw=rows)


def read_nothing(reply: Reply) -> None:
    """Read a delete's answer: success comes with no data at all (recorded)."""
    body, _ = opened(reply)
    if "code" not in body:
        raise reply.unexpected("says neither yes nor no")


def _readable_rows(rows: list[Any], request_id: Any) -> Iterator[ElementTask]:
    for row in rows:
        try:
            yield task_of(row, request_id, skip_bad_elements=True)
        except (ValueError, AttributeError) as error:
            logger.warning("a row of a list was skipped: it %s", readable(error))


def task_of(record: Record, request_id: Any, *, skip_bad_elements: bool) -> ElementTask:
    """Return the task in a record, native, flat or wrapped.

    Raises:
        ValueError: it has no task id, or an element's id has lost digits.

    """
    inner = _innermost(record)
    result = inner.get("task_result")
    found = elements_of(result.get("elements") if isinstance(result, dict) else None, skip=skip_bad_elements)
    word = first_text(inner, "task_status", "status") or first_text(record, "status")
    if not word and found:
        word = "succeed"  # presets may come without a status
    info = inner.get("task_info")
    return ElementTask(
        task_id=exact_task_id(inner.get("task_id") or inner.get("id") or record.get("task_id")),
        status=status_of(word),
        status_word=word,
        message=text_or_none(inner.get("task_status_msg") or record.get("fail_reason")),
        external_task_id=text_or_none(info.get("external_task_id")) if isinstance(info, dict) else None,
        elements=found,
        created_at=moment_or_none(inner.get("created_at")),
        updated_at=moment_or_none(inner.get("updated_at")),
        cost=text_or_none(_cost(inner)),
        request_id=text_or_none(request_id),
        raw=record,
    )


def _innermost(record: Record) -> Record:
    """Take the wrappers off: a proxy puts Kling's record at ``data.data``, bare or in its envelope."""
    inner = record
    for _ in range(3):
        deeper = inner.get("data")
        if not isinstance(deeper, dict) or not deeper:
            break
        inner = deeper
    return inner


def first_text(record: Record, *names: str) -> str:
    """Return the first of these fields that holds a text, or the empty text."""
    for name in names:
        value = record.get(name)
        if isinstance(value, str):
            return value
    return ""


def _cost(record: Record) -> Any:
    if units := record.get("final_unit_deduction"):
        return units
    balance = record.get("final_balance_deduction")
    return balance.get("quota") if isinstance(balance, dict) else None


def elements_of(rows: Any, *, skip: bool) -> tuple[Element, ...]:
    """Return the elements of a list; one without an id is not there yet. ``skip`` leaves out a bad one."""
    found = []
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, dict) or row.get("element_id") in (None, ""):
            continue
        try:
            found.append(_element_of(row))
        except ValueError as error:
            if not skip:
                raise
            logger.warning("an element of a list was skipped: it %s", error)
    return tuple(found)


def _element_of(record: Record) -> Element:
    images = _dict(record, "element_image_list")
    voice = _dict(record, "element_voice_info")
    kind = record.get("reference_type") or record.get("element_type")
    return Element(
        element_id=exact_id(record.get("element_id")),
        name=text_or_none(record.get("element_name")),
        description=text_or_none(record.get("element_description")),
        reference_type=_REFERENCE_TYPES.get(kind) if isinstance(kind, str) else None,
        frontal_image=text_or_none(images.get("frontal_image")),
        other_images=_each(images.get("refer_images"), "image_url"),
        videos=_each(_dict(record, "element_video_list").get("refer_videos"), "video_url"),
        voice=_voice_of(voice) if voice.get("voice_id") else None,
        tags=tuple(_tags_of(record.get("tag_list"))),
        owner=text_or_none(record.get("owned_by")),
        status=text_or_none(record.get("status")),
        raw=record,
    )


def _voice_of(record: Record) -> Voice | None:
    try:
        return Voice(
            voice_id=exact_id(record.get("voice_id")),
            name=text_or_none(record.get("voice_name")),
            trial_url=text_or_none(record.get("trial_url")),
            owner=text_or_none(record.get("owned_by")),
        )
    except ValueError:
        logger.debug("an element's voice was left out: its id can't be read")
        return None


def _tags_of(rows: Any) -> Iterator[Tag | str]:
    for row in rows if isinstance(rows, list) else ():
        tag_id = row.get("id") or row.get("tag_id") if isinstance(row, dict) else row
        if isinstance(tag_id, str) and tag_id:
            yield TAGS.get(tag_id, tag_id)


def _dict(record: Record, name: str) -> Record:
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def _each(rows: Any, name: str) -> tuple[str, ...]:
    if not isinstance(rows, list):
        return ()
    found = [row.get(name) for row in rows if isinstance(row, dict)]
    return tuple([text for text in found if isinstance(text, str) and text])
