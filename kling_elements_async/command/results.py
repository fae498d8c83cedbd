"""The results of a batch: a line of JSON for each outcome, in the order of completion.

Law: every line has the same fields and is written at once; a file that may hold the only copy of earlier
results is not overwritten.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from attrs import frozen

from ..errors import ElementsError, InvalidElementError, WaitTimeoutError
from ..outcomes import Created, Outcome
from .failure import UsageError, lines_of
from .row import in_fields

_LONGEST = 1000


@frozen
class Label:
    """Where in the manifest an item stands."""

    line: int
    id: str | None


@contextmanager
def opened(path: Path | None, *, is_rerun_safe: bool) -> Iterator[TextIO]:
    """Open where the results go to: a file, or stdout.

    Raises:
        UsageError: it holds something that a rerun would not bring again, or can't be written.

    """
    if path is None:
        yield sys.stdout
        return
    try:
        if not is_rerun_safe and path.is_file() and path.stat().st_size:
            raise UsageError(f"{path} holds something already: name another file for --output, or use --journal")
        file = path.open("w", encoding="ascii")
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}") from None
    with file:
        yield file


def result_line(outcome: Outcome, label: Label) -> str:
    """Return an outcome as JSON, in ASCII."""
    return json.dumps({"index": outcome.index, "line": label.line, "id": label.id, **_facts(outcome)})


def ranges(lines: list[int]) -> str:
    """Return rising numbers of lines in few words: ``line 3``, ``lines 3-5, 8``."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and runs[-1][-1] == line - 1:
            runs[-1][1:] = [line]
        else:
            runs.append([line])
    return f"line{'s' * (len(lines) > 1)} {', '.join('-'.join(map(str, run)) for run in runs)}"


def _facts(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Created):
        return {
            "status": "created",
            "element_id": outcome.element.element_id,
            "task_id": outcome.task.task_id,
            "resolution": outcome.resolution,
            "error_type": None,
            "error": None,
        }
    error = outcome.error
    seen = outcome.task.task_id if outcome.task else None
    return {
        "status": "failed",
        "element_id": None,
        "task_id": error.task_id if isinstance(error, WaitTimeoutError) else seen,
        "resolution": None,
        "error_type": type(error).__name__,
        "error": _text(error)[:_LONGEST],
    }


def _text(error: ElementsError) -> str:
    if isinstance(error, InvalidElementError):  # the options that lines_of would name are those of create
        return "; ".join(map(in_fields, error.problems))
    return " ".join(lines_of(error))
