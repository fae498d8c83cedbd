"""The machine that the tests run on: who goes first on it, and whether it stood still.

A measure of wall time is one of the machine too. What is measured goes before other work where that is allowed, and a
figure that is missed counts unless a witness, a process that does nothing but sleep, was held up meanwhile as well.
"""

import gc
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self, TypeVar

import pytest

T = TypeVar("T")

_AHEAD = -10
# Seconds by which a sleep of two milliseconds is too long on a machine that keeps its promises.
_STALL = 0.03
_TRIES = 3
_SLEEPER = """
import select, sys, time
longest = 0.0
while not select.select([sys.stdin], [], [], 0)[0]:
    began = time.perf_counter()
    time.sleep(0.002)
    longest = max(longest, time.perf_counter() - began - 0.002)
print(longest)
"""


@contextmanager
def first_in_line() -> Iterator[None]:
    """Let this thread, and the processes that it starts, go before others, if that is allowed."""
    before = os.nice(0)
    try:
        _go_to(_AHEAD)
        yield
    finally:
        _go_to(before)


def _go_to(place: int) -> None:
    with suppress(OSError):
        os.nice(place - os.nice(0))
        Path("/proc/self/autogroup").write_text(str(place))  # Linux weighs sessions first, then processes


def launcher(program: str, folder: Path) -> Path:
    """Write a program that starts another first in line, for those who start it in a session of its own."""
    script = folder / "launcher"
    script.write_text(f'#!/bin/sh\n(echo {_AHEAD} >/proc/self/autogroup) 2>/dev/null\nexec {program} "$@"\n')
    script.chmod(0o700)
    return script


class Witness:
    """``stall`` is the longest that the machine stood still in the block, in seconds.

    The garbage of the tests before is not collected in it: that would hold up this process, which no witness sees.
    """

    stall = 0.0

    def __enter__(self) -> Self:
        gc.collect()
        gc.disable()
        command = [sys.executable, "-S", "-c", _SLEEPER]
        self._sleeper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_: object) -> None:
        gc.enable()
        said, _ = self._sleeper.communicate()
        self.stall = float(said)


async def measured(measure: Callable[[Witness], Awaitable[T]], is_right: Callable[[T], bool]) -> T:
    """Measure, and again where it came out wrong while the machine stood still; skip the test if it always did.

    ``measure`` has the witness look on while it matters.
    """
    stalls = []
    for _ in range(_TRIES):
        witness = Witness()
        figures = await measure(witness)
        sys.stdout.write(f"\n{figures}, the machine stood still for {witness.stall * 1000:.0f} ms at most\n")
        if is_right(figures) or witness.stall < _STALL:
            return figures
        stalls.append(f"{witness.stall * 1000:.0f} ms")
    pytest.skip(f"this machine stood still for {', '.join(stalls)} while it was measured")
