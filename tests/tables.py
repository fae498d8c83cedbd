"""Tables and properties of which the default run meets a part, and the slow run the rest."""

from collections.abc import Callable, Iterable
from typing import Any

import hypothesis
import pytest


def mostly_slow(values: Iterable[Any], *by_default: Any) -> list[Any]:
    """All values, of which only a few are met in the default run; a tuple is several arguments."""
    slow = pytest.mark.slow
    return [value if value in by_default else pytest.param(*_spread(value), marks=slow) for value in values]


def crossed(first: Iterable[Any], second: Iterable[Any]) -> list[Any]:
    """All pairs, of which the default run meets so many that each value is in one; a tuple is several arguments."""
    ones, others = list(first), list(second)
    met = {(number % len(ones), number % len(others)) for number in range(max(len(ones), len(others)))}
    return [
        pytest.param(*_spread(one), *_spread(other), marks=() if (row, column) in met else pytest.mark.slow)
        for row, one in enumerate(ones)
        for column, other in enumerate(others)
    ]


def few_and_many(
    few: int, many: int, *drawn: Any, **named: Any
) -> Callable[[Callable[..., None]], Callable[[int], None]]:
    """Make a test of a property: few examples by default, many in the slow run."""

    def made(holds: Callable[..., None]) -> Callable[[int], None]:
        @pytest.mark.parametrize("examples", [few, pytest.param(many, marks=pytest.mark.slow)])
        def test(examples: int) -> None:
            hypothesis.settings(max_examples=examples)(hypothesis.given(*drawn, **named)(holds))()

        test.__name__, test.__doc__, test.__module__ = holds.__name__, holds.__doc__, holds.__module__
        return test

    return made


def _spread(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
