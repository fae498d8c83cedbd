"""Our values as JSON documents and words: their public fields, without the gateway's own record.

Law: ids are text, times are ISO 8601 in UTC. Knows no subcommand.
"""

from datetime import datetime
from typing import Any

from attrs import Attribute, asdict

from ..models import Element, ElementTask, TaskStatus


def task_record(task: ElementTask) -> dict[str, Any]:
    """Return a task, with the id of its element in front of its elements."""
    return {"task_id": task.task_id, "element_id": task.element_id, **_public(task)}


def element_record(element: Element) -> dict[str, Any]:
    """Return an element."""
    return _public(element)


def status_of(task: ElementTask) -> str:
    """Return how far a task is: our word, or the gateway's where ours is only "unknown"."""
    return task.status_word if task.status is TaskStatus.UNKNOWN and task.status_word else str(task.status)


def _public(value: ElementTask | Element) -> dict[str, Any]:
    return asdict(value, filter=_is_public, value_serializer=_plain)


def _is_public(field: "Attribute[Any]", _: Any) -> bool:
    return field.name != "raw"


def _plain(_: Any, __: Any, value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
