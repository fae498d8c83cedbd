"""An outcome as plain data: a line of ``kling-elements batch``, an item of ``run_chunk``'s answer."""

from collections.abc import Callable
from typing import Any

from .errors import ElementsError, InvalidElementError, WaitTimeoutError
from .outcomes import Created, Outcome

_LONGEST = 1000


def text_of(error: ElementsError, placed: Callable[[str], str] = str) -> str:
    """Return what an error says, on one line, and not on and on; ``placed`` words the place of a problem."""
    text = "; ".join(map(placed, error.problems)) if isinstance(error, InvalidElementError) else str(error)
    return " ".join(text.split())[:_LONGEST]


def facts_of(outcome: Outcome, words: Callable[[ElementsError], str] = text_of) -> dict[str, Any]:
    """Return an outcome's facts; ``words`` says of an error what it means to whoever will read it."""
    if not isinstance(outcome, Created):
        error = outcome.error
        seen = outcome.task.task_id if outcome.task else None
        return failure(error, error.task_id if isinstance(error, WaitTimeoutError) else seen, words)
    return {
        "status": "created",
        "element_id": outcome.element.element_id,
        "task_id": outcome.task.task_id,
        "resolution": outcome.resolution,
        "error_type": None,
        "error": None,
    }


def failure(
    error: ElementsError, task_id: str | None = None, words: Callable[[ElementsError], str] = text_of
) -> dict[str, Any]:
    """Return the facts of what there is no element of."""
    return {
        "status": "failed",
        "element_id": None,
        "task_id": task_id,
        "resolution": None,
        "error_type": type(error).__name__,
        "error": words(error)[:_LONGEST],
    }
