"""What a subcommand is: a value that says its name, its arguments and what it does.

Law: knows none of them. Argument types that several share stand here.
"""

import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from attrs import frozen

from ..near_miss import did_you_mean
from .output import Output

NOTHING_CHANGED = "stopped; nothing was changed"


def _no_arguments(_: ArgumentParser) -> None:
    pass


@frozen
class Subcommand:
    """``run`` returns the exit code, and raises ``ElementsError`` or ``UsageError``.

    ``notes`` stands below the examples in the help; ``when_stopped`` is what to say at Ctrl-C where
    nothing was said that knows more.
    """

    name: str
    summary: str
    example: str
    run: Callable[[Namespace, Output], Coroutine[Any, Any, int]]
    arguments: Callable[[ArgumentParser], None] = _no_arguments
    more_examples: tuple[str, ...] = ()
    notes: str = ""
    when_stopped: str = ""


def seconds(text: str) -> float:
    """Read a positive number of seconds; "inf" is no limit."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number > 0:
        raise ArgumentTypeError(f"{text!r} is no positive number of seconds")
    return number


def one_of(what: str, names: Collection[str]) -> Callable[[str], str]:
    """Make a reader of one of these names."""

    def read(text: str) -> str:
        if text not in names:
            listed = ", ".join(names)
            raise ArgumentTypeError(f"{text!r} is no {what}; there are {listed}{did_you_mean(text, names)}")
        return text

    return read


def whole(least: int, most: int) -> Callable[[str], int]:
    """Make a reader of whole numbers from ``least`` to ``most``."""

    def read(text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() else -1
        if not least <= number <= most:
            raise ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return number

    return read
