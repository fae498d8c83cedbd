"""The display of a batch: how far it is, on stderr, while it runs.

Law: plain lines, few of them, unless a person looks at a terminal and rich is installed; nothing with ``--json``.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self, TextIO

from .. import optional
from ..errors import ConfigurationError
from .tally import Tally

_STEP = 0.1
_SECONDS = 5.0
_SHARE = 0.05  # of the time so far, between two lines: a job of a day writes some hundred, not thousands
_DUMB = ("dumb", "unknown")


class Display:
    """The one that shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, tally: Tally, now: float) -> None:
        """Show how far it is; may be called often."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Make room on the terminal for something else to be written."""
        yield


class PlainDisplay(Display):
    """A line when some seconds have passed, or another tenth is done."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown_at: float | None = None
        self._next_share = _STEP

    def show(self, tally: Tally, now: float) -> None:
        if self._shown_at is None:
            self._shown_at = tally.began
        share = tally.done / max(1, tally.total)
        pause = max(_SECONDS, _SHARE * (now - tally.began))
        if share < self._next_share and now - self._shown_at < pause:
            return
        self._shown_at = now
        self._next_share = (share // _STEP + 1) * _STEP
        print(", ".join(tally.parts()), file=self._stream, flush=True)


def chosen(*, is_quiet: bool) -> Display:
    """Return the display for where stderr leads to."""
    if is_quiet:
        return Display()
    if sys.stderr.isatty() and os.environ.get("TERM", "dumb").lower() not in _DUMB:
        try:
            live: Display = optional.load("command.rich_display", extra="cli").RichDisplay()
        except ConfigurationError:
            return PlainDisplay(sys.stderr)
        return live
    return PlainDisplay(sys.stderr)
