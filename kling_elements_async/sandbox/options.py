"""The options of a sandbox, checked before any of them is used."""

from collections.abc import Callable
from numbers import Real
from random import Random
from typing import Any

from ..arguments import check, check_whole, shown


def check_options(slots: object, durations: Any, chaos: object, port: object) -> None:
    """Refuse numbers that a sandbox can't be opened with."""
    if slots is not None:
        check_whole(slots, "slots", 1)
    if not callable(durations):
        _check_durations(durations)
    check(chaos, "chaos", "a share from 0 to 1 is expected", Real, lambda share: 0 <= share <= 1)
    check_whole(port, "port", 0, 65535)


def check_texts(**texts: object) -> None:
    """Refuse what is no text."""
    for name, text in texts.items():
        check(text, name, "text is expected", str)


def check_functions(**functions: object) -> None:
    """Refuse what can't be called."""
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(f"{name} is {shown(function)}: a function is expected")


def drawn(durations: tuple[float, float] | Callable[[Random], float], random: Random) -> Callable[[], float]:
    """Make a source of durations."""
    if callable(durations):
        draw = durations
        return lambda: draw(random)
    low, high = durations
    return lambda: random.uniform(low, high)


def _check_durations(durations: Any) -> None:
    expected = "the shortest and the longest in seconds, or a function of a random.Random, are expected"
    check(durations, "durations", expected, (tuple, list), lambda both: len(both) == 2)
    low, high = durations
    check(high, "durations", expected, Real, lambda high: high < float("inf"))
    check(low, "durations", expected, Real, lambda low: 0 <= low <= high)
