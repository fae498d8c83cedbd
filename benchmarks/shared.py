"""Many waits at once on one session, in virtual time: requests an element, and how late an end is known.

Tasks made at 0 s by this session, durations lognormal (20 s, 0.5), a round trip of 0.1 s, no foreign tasks;
medians of several seeds. The policies of others are in ``policies``, the model is in ``account``.
"""

from random import Random

from attrs import frozen

from .account import Account, Pace, waited
from .policies import PEERS, drawn, looked
from .table import Row, Table

MOST_REQUESTS = 0.1
LATEST = 1.0
WAITS = 1000


@frozen
class Measured:
    """A policy, and the median of its seeds."""

    policy: str
    pace: Pace
    has_goal: bool = False

    def rows(self) -> tuple[Row, Row]:
        most, latest = (MOST_REQUESTS, LATEST) if self.has_goal else (None, None)
        return (
            Row(f"{self.policy}: requests an element", self.pace.requests, most=most, digits=3),
            Row(f"{self.policy}: late", self.pace.lateness, " s", most=latest),
        )


def ours(waits: int, *, has_list: bool, seeds: int) -> Measured:
    """Return what so many waits of ours cost."""
    paces = []
    for seed in range(seeds):
        random = Random(seed)
        paces.append(waited(Account(drawn(waits, random), has_list=has_list), random))
    how = "list" if has_list else "single looks"
    return Measured(f"ours, {waits:,} waits, {how}", Pace.typical(paces), has_list and waits == WAITS)


def peers(seeds: int) -> list[Measured]:
    """Return what the same tasks cost by the policies of others: each by itself, so at any number."""
    found = []
    for policy, pauses in PEERS.items():
        randoms = [Random(seed) for seed in range(seeds)]
        found.append(
            Measured(policy, Pace.typical([looked(pauses, drawn(WAITS, random), random) for random in randoms]))
        )
    return found


def run(*, quick: bool) -> Table:
    seeds = 3 if quick else 9
    measured = [
        ours(waits, has_list=has_list, seeds=1 if waits > WAITS else seeds)
        for waits in (WAITS, 100, 10 * WAITS)
        for has_list in (True, False)
    ]
    rows = tuple(row for one in (*measured, *peers(seeds)) for row in one.rows())
    return Table(f"shared: many waits at once, medians of {seeds} seeds (10,000: of one), virtual time", rows)
