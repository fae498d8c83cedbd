"""What the command says: results on stdout, everything else on stderr.

Law: nothing leaves here that could move a cursor or begin a line of its own, whoever wrote it, and no complaint
shows the password of a URL. With ``--json`` stdout is JSON, one document a line, and stderr is silent but for
errors.
"""

import json
import re
import shutil
import sys
from collections.abc import Mapping
from typing import Any

from .progress import Progress
from .width import cut

_LONGEST = 2000
_PASSWORD = re.compile(r"(:/{1,2}[^:/@\s]*):\S*@")  # a path has one stroke where its URL had two


class Output:
    """Where one run of the command writes to."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json
        self.has_complained: bool = False
        self.progress: Progress = Progress(sys.stderr, is_quiet=is_json)

    def result(self, record: Mapping[str, Any], *lines: str) -> None:
        """Write a result: the record with ``--json``, else the lines."""
        self.progress.clear()
        # ASCII, so that a record survives any encoding, and any terminal.
        for line in [json.dumps(record)] if self._is_json else map(_clean, lines):
            print(line, flush=True)

    def row(self, record: Mapping[str, Any], line: str) -> None:
        """Write one result of many: its line is cut to the terminal."""
        if sys.stdout.isatty():
            line = cut(line, shutil.get_terminal_size().columns)
        self.result(record, line)

    def say(self, text: str) -> None:
        """Tell a person a part of the result that ``--json`` puts into one record."""
        if not self._is_json:
            self.result({}, text)

    def note(self, text: str) -> None:
        """Tell a person something beside the result."""
        if not self._is_json:
            self._to_stderr(text)

    def error(self, *lines: str) -> None:
        """Say what went wrong, or how to go on: in one line, or one and a list."""
        self.has_complained = True
        first, *more = lines
        self._to_stderr(f"kling-elements: {first}")
        for line in more:
            self._to_stderr(f"  {line}")

    def _to_stderr(self, text: str) -> None:
        self.progress.clear()
        print(_clean(_PASSWORD.sub(r"\1:***@", text)), file=sys.stderr, flush=True)


def _clean(line: str) -> str:
    indent = len(line) - len(line.lstrip(" "))
    return " " * indent + "".join(c if c.isprintable() else " " for c in line[indent:_LONGEST])
