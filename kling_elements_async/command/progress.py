"""The progress line: what is going on, and for how long, on stderr.

Law: on a terminal one line that is written over and gone at the end; elsewhere a plain line for each change.
No colour and no escape codes, so there is nothing for NO_COLOR to switch off.
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TextIO

from .width import columns, cut

_TICK = 0.2
_ECHO = 2  # the columns of the ^C that a terminal writes behind the line


class Progress:
    """One line of progress, used by one thing at a time."""

    def __init__(self, stream: TextIO, *, is_quiet: bool) -> None:
        self._stream = stream
        self._is_quiet = is_quiet
        self._is_live = stream.isatty() and not is_quiet
        self._began = 0.0
        self._text = ""
        self._trouble = self._told = ""
        self._drawn = 0

    @asynccontextmanager
    async def during(self, text: str) -> AsyncIterator[None]:
        """Show the line while the block runs; this first text is for a terminal only."""
        self._began, self._text = time.monotonic(), text
        ticking = asyncio.create_task(self._tick()) if self._is_live else None
        try:
            yield
        finally:
            if ticking:
                ticking.cancel()
            self.clear()

    def show(self, text: str, *, on_terminal_only: bool = False) -> None:
        """Change what the line says; ``on_terminal_only`` for what changes too often for plain lines."""
        if text == self._text or self._is_quiet:
            return
        self._text = text
        if self._is_live:
            self._draw()
        elif not on_terminal_only:
            print(text, file=self._stream, flush=True)

    def trouble(self, text: str) -> None:
        """Show what is wrong in place of the line, until nothing is (an empty text)."""
        self._trouble = text
        if self._is_live:
            self._draw()
        elif text and text != self._told and not self._is_quiet:
            self._told = text
            print(text, file=self._stream, flush=True)

    def clear(self) -> None:
        """Take the line away, so that something else can be written in its place."""
        if self._drawn:
            self._stream.write(f"\r{' ' * (self._drawn + _ECHO)}\r")
            self._stream.flush()
            self._drawn = 0

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self._draw()

    def _draw(self) -> None:
        room = shutil.get_terminal_size().columns - 1 - _ECHO  # a full line would wrap, and stay
        line = cut(f"{time.monotonic() - self._began:3.0f} s  {self._trouble or self._text}", room)
        self._stream.write(f"\r{line}{' ' * (self._drawn - columns(line))}")
        self._stream.flush()
        self._drawn = columns(line)
