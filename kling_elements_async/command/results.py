"""The results of a batch: a line of JSON for each outcome, in the order of completion.

Law: every line has the same fields and is written at once; a file that may hold the only copy of earlier
results is not overwritten.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from attrs import frozen

from ..errors import ElementsError, InvalidElementError
from ..facts import facts_of, text_of
from ..manifest.row import in_fields
from ..outcomes import Outcome
from .failure import UsageError, lines_of


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
    return json.dumps({"index": outcome.index, "line": label.line, "id": label.id, **facts_of(outcome, _words)})


def ranges(lines: list[int]) -> str:
    """Return rising numbers of lines in few words: ``line 3``, ``lines 3-5, 8``."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and runs[-1][-1] == line - 1:
            runs[-1][1:] = [line]
        else:
            runs.append([line])
    return f"line{'s' * (len(lines) > 1)} {', '.join('-'.join(map(str, run)) for run in runs)}"


def _words(error: ElementsError) -> str:
    if isinstance(error, InvalidElementError):  # the options that lines_of would name are those of create
        return text_of(error, in_fields)
    return " ".join(lines_of(error))
