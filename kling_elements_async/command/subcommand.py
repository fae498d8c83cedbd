"""What a subcommand is: a value that says its name, its arguments and what it does.

Law: knows none of them. Argument types that several share stand here.
"""

import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Coroutine
from typing import Any

from attrs import frozen

from .output import Output


def _no_arguments(_: ArgumentParser) -> None:
    pass


@frozen
class Subcommand:
    """``run`` returns the exit code, and raises ``ElementsError`` or ``UsageError``."""

    name: str
    summary: str
    example: str
    run: Callable[[Namespace, Output], Coroutine[Any, Any, int]]
    arguments: Callable[[ArgumentParser], None] = _no_arguments


def seconds(text: str) -> float:
    """Read a positive number of seconds; "inf" is no limit."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number > 0:
        raise ArgumentTypeError(f"{text!r} is no positive number of seconds")
    return number


def whole(least: int, most: int) -> Callable[[str], int]:
    """Make a reader of whole numbers from ``least`` to ``most``."""

    def read(text: str) -> int:
        number = int(text) if text.isascii() and text.isdigit() else -1
        if not least <= number <= most:
            raise ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return number

    return read
