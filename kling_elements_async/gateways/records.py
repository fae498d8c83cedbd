"""How JSON values get their types: the rules for ids, texts, times and lists, the same for every gateway.

Law: knows no field by name. What is optional and of the wrong type becomes None, with a note in the log; an
id that has lost digits is refused.
"""

import logging
from datetime import UTC, datetime
from typing import Any

from ..ids import checked_id

logger: logging.Logger = logging.getLogger("kling_elements_async")

# Seconds stay below this until the year 5138; the vendors' milliseconds passed it in 1973.
_MILLISECONDS_FROM = 1e11


class LostDigitsError(ValueError):
    """An id came as a JSON float: a number beyond 2^53 has lost its last digits on the way."""


def exact_id(value: Any) -> str:
    """Return an id as text. A whole number keeps every digit; a float has lost some, and is refused."""
    if isinstance(value, str) and (stripped := value.strip()):
        return stripped
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        raise LostDigitsError("has an id that came as a float: its last digits are lost")
    raise ValueError(f"has no id where one belongs, but {type(value).__name__}")


def exact_task_id(value: Any) -> str:
    """Return a task's id as text: it becomes part of a path, so it has to be one that can."""
    return checked_id(exact_id(value), "task id")


def text_or_none(value: Any) -> str | None:
    """Return a text, or None for nothing, the empty text, or another type."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    logger.debug("an optional text came as %s and was left out", type(value).__name__)
    return None


def texts(value: Any) -> tuple[str, ...]:
    """Return the texts of a list, and leave out the rest."""
    return tuple(item for item in value if isinstance(item, str) and item) if isinstance(value, list) else ()


def moment_or_none(value: Any) -> datetime | None:
    """Return a time in UTC from seconds, milliseconds or ISO text, or None where it makes none."""
    if value is None:
        return None
    try:
        if isinstance(value, str) and not value.isdigit():
            parsed = datetime.fromisoformat(value)
            return parsed.astimezone(UTC) if parsed.tzinfo else None
        number = float(value)
        if isinstance(value, bool) or number <= 0:
            return None
        return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS_FROM else number, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
