"""A gateway that spoils requests by its own seeded draw: before the effect, after it, or long before it.

Law: written from the published API alone, on bare sockets; it shares no code with the sandbox or the client, and
so none of their mistakes. It keeps the truth of what was made.
"""

from random import Random

from .fates import Fates
from .server import Adversary
from .truth import Dialect, Truth


def adversary(dialect: Dialect, *, rate: float, seed: int, key: str, lasting: tuple[float, float]) -> Adversary:
    """Make one that speaks this dialect; a task lasts from so many seconds to so many."""
    truth = Truth(dialect, Random(f"{seed} tasks"), lasting)
    return Adversary(truth, Fates(Random(f"{seed} fates"), dialect), Random(f"{seed} draws"), rate, key)


__all__ = ["Adversary", "Dialect", "adversary"]
