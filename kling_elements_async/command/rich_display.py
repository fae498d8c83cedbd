"""The live display of a batch: a bar and the counts below it, written over in place. Needs rich.

Law: loaded only where a person looks at a terminal; leaves nothing behind. Colours are rich's to choose, so
NO_COLOR holds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.text import Text

from .display import Display
from .tally import Tally
from .width import columns

_ECHO = 3  # the columns of the ^C that a terminal writes behind the last line, and one that stays free
_WIDEST = 76
_GAP = "  "


class RichDisplay(Display):
    """A bar, and as many lines of counts as the terminal's width asks for."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._drawn: RenderableType = ""
        self._live = self._made()

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, tally: Tally, now: float) -> None:  # noqa: ARG002 - it is for displays that write now and then
        width = max(10, min(_WIDEST, self._console.width - _ECHO))
        bar = Padding(ProgressBar(total=max(1, tally.total), completed=tally.done, width=width), 0, expand=False)
        lines = (Text(line, no_wrap=True) for line in packed(tally.parts(), width))
        self._drawn = Group(bar, *lines)
        self._live.update(self._drawn, refresh=True)

    @contextmanager
    def aside(self) -> Iterator[None]:
        self._live.stop()
        try:
            yield
        finally:
            self._live = self._made()  # started again, the old one would rub out what was written
            self._live.start()

    def _made(self) -> Live:
        return Live(
            self._drawn,
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=True,
        )


def packed(parts: list[str], width: int) -> list[str]:
    """Put the parts on as few lines as hold them, none of them torn."""
    lines = [parts[0]]
    for part in parts[1:]:
        longer = f"{lines[-1]}{_GAP}{part}"
        if columns(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines
