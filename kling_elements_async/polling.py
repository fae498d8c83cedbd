"""The pace at which an unfinished task is looked at.

Law: pure; sends nothing and sleeps nowhere. A failed look is no failure of the wait.
"""

import math
from collections.abc import Iterator
from numbers import Real
from random import Random

from attrs import Attribute, field, frozen

from .arguments import check, checked

# Elements were seen to end after 1.7 s and 5 s, some after two minutes (recorded). So the pace is held at
# `first` while most of them end, and grows from there.
HELD = 4
JITTER = 0.2


@frozen
class Polling:
    """Seconds between two looks: ``first`` for four looks, then ``factor`` times longer up to ``longest``.

    Each pause is up to 20 % shorter or longer, so that waits that began together do not look together. With
    the defaults the looks come 1, 2, 3, 4, 5.5, 7.8, 11.1 and 16.1 s after the first, then every 5 s.
    """

    first: float = field(default=1.0, validator=checked("seconds are expected", Real, lambda first: first > 0))
    factor: float = field(
        default=1.5, validator=checked("from 1 on is expected", Real, lambda factor: 1 <= factor < math.inf)
    )
    longest: float = field(default=5.0)

    @longest.validator
    def _not_below_first(self, _: "Attribute[float]", value: float) -> None:
        expected = f"seconds, and not below first ({self.first}), are expected"
        check(value, "longest", expected, Real, lambda longest: self.first <= longest < math.inf)

    def pauses(self, random: Random) -> Iterator[float]:
        """Return the endless sequence of pauses for one wait."""
        looks = 0
        pause = self.first
        while True:
            # Triangular: a look drifts from its place by less than with an even spread, so that the pace
            # keeps its shape over ten looks, and the jitter never vanishes.
            yield pause * random.triangular(1 - JITTER, 1 + JITTER)
            looks += 1
            if looks >= HELD:
                pause = min(pause * self.factor, self.longest)
