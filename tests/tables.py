"""Tables of which the default run meets a part, and the slow run the rest."""

from collections.abc import Iterable
from typing import Any

import pytest


def mostly_slow(values: Iterable[Any], *by_default: Any) -> list[Any]:
    """All values, of which only a few are met in the default run."""
    return [value if value in by_default else pytest.param(value, marks=pytest.mark.slow) for value in values]


def crossed(first: Iterable[Any], second: Iterable[Any]) -> list[Any]:
    """All pairs, of which the default run meets so many that each value is in one; a tuple is several arguments."""
    ones, others = list(first), list(second)
    met = {(number % len(ones), number % len(others)) for number in range(max(len(ones), len(others)))}
    return [
        pytest.param(*_spread(one), *_spread(other), marks=() if (row, column) in met else pytest.mark.slow)
        for row, one in enumerate(ones)
        for column, other in enumerate(others)
    ]


def _spread(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
