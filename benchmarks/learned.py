"""What a session saves that has seen 1,000 tasks end: single looks only, 1,000 waits at once, in virtual time.

Compared, on the same tasks, with the fixed interval that has the same median lateness, and with the best looks
that there are for this distribution; medians of several seeds. See ``policies``.
"""

from random import Random
from statistics import median

from .account import Account, waited
from .policies import best_as_late, drawn, fixed_as_late
from .table import Row, Table

MOST = 85
_WAITS = 1000
_SEEN = 1000


def run(*, quick: bool) -> Table:
    seeds = range(2 if quick else 7)
    paces = []
    for seed in seeds:
        random = Random(seed)
        durations, seen = drawn(_WAITS, random), drawn(_SEEN, random)
        ours = waited(Account(durations, has_list=False), random, seen=seen)
        new = waited(Account(durations, has_list=False), random)
        as_late = fixed_as_late(ours.lateness, durations), best_as_late(ours.lateness, durations)
        paces.append((ours, *as_late, new, fixed_as_late(new.lateness, durations)))
    shares = [ours.requests / plain.requests * 100 for ours, plain, *_ in paces]
    rows = (
        Row("requests / those of a fixed interval as late", median(shares), " %", most=MOST, digits=0),
        Row("  lowest seed", min(shares), " %", digits=0),
        Row("  highest seed", max(shares), " %", digits=0),
        Row(
            "  the optimum",
            median(best.requests / plain.requests * 100 for _, plain, best, *_ in paces),
            " %",
            digits=0,
        ),
        Row(
            "  a session that has seen none",
            median(p[3].requests / p[4].requests * 100 for p in paces),
            " %",
            digits=0,
        ),
        Row("  requests an element", median(ours.requests for ours, *_ in paces)),
        Row("  requests an element, fixed", median(plain.requests for _, plain, *_ in paces)),
        Row("  late", median(ours.lateness for ours, *_ in paces), " s"),
    )
    return Table(f"learned: single looks after {_SEEN:,} ends seen, {len(seeds)} seeds, virtual time", rows)
