"""The soak: thousands of elements at a gateway that spoils one request in five, and not one lost or made twice.

``python -m benchmarks.soak --elements 2000 --rate 0.5 --seeds 1 2 --gateway kling --against sandbox``; ends with 1
when anything was lost, doubled or leaked, or unresolved where external ids could have resolved it.
"""

import argparse
import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from statistics import median

from attrs import evolve

from .opponents import GATEWAYS
from .soaking import Findings, Plan, carry_out
from .table import Note, Row, Table

MOST_EXTRA = 1.0
LONGEST_LAG = 50.0
# From this share on some creates may run out of time or attempts: that is counted, and no failure.
HARSH = 0.3
_SEEDS = (1, 2, 3, 4, 5)


def run(*, quick: bool) -> Table:
    plan = Plan(elements=1000 if quick else 10_000)
    return soaked(plan, _SEEDS[:1] if quick else _SEEDS)


def soaked(plan: Plan, seeds: Sequence[int]) -> Table:
    """Carry a plan out by each seed, and once without faults, each in a fresh process."""
    plans = [evolve(plan, seed=seed) for seed in seeds]
    with ProcessPoolExecutor(
        1, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as processes:
        calm, *stormy = processes.map(carry_out, [evolve(plan, rate=0.0), *plans])
    title = f"soak: {plan.elements:,} elements at {plan.opponent} as {plan.gateway}, {plan.rate:.0%} spoiled"
    return Table(f"{title}, {len(seeds)} seeds", _rows(plan, calm, stormy))


def _rows(plan: Plan, calm: Findings, stormy: Sequence[Findings]) -> tuple[Row | Note, ...]:
    everything = (calm, *stormy)
    extra = [found.requests - calm.requests for found in stormy]
    resolvable = plan.has_external_ids and plan.rate < HARSH
    counts = tuple(
        Row(what, sum(getattr(found, name) for found in everything), most=0 if is_goal else None, digits=0)
        for what, name, is_goal in (
            ("lost", "lost", True),
            ("made twice", "doubled", True),
            ("one element for two specs", "shared", True),
            ("said not to be made, and there", "denied", True),
            ("said to be deleted, and there", "undeleted", True),
            ("unresolved: uncertain or not sent", "unresolved", resolvable),
            ("ended with any other error", "failed", True),
            ("leaked: tasks, files, sockets, the key", "leaked", True),
        )
    )
    return (
        *counts,
        Row("extra requests an element, worst seed", max(extra), most=MOST_EXTRA if plan.rate < HARSH else None),
        Row("  requests an element without faults", calm.requests),
        Row("loop lag, p99, worst seed", max(found.lag[1] for found in everything) * 1e3, " ms", most=LONGEST_LAG),
        Row("  of it our own work", max(found.own_lag for found in everything) * 1e3, " ms"),
        Row("  p50, median of seeds", median(found.lag[0] for found in everything) * 1e3, " ms"),
        Row("  peak memory, worst seed", max(found.megabytes for found in everything), " MB", digits=0),
        Row("  seconds without faults", calm.seconds, " s", digits=0),
        Row("  seconds with, worst seed", max(found.seconds for found in stormy), " s", digits=0),
        Note("  how they were made", _counted(found.resolutions for found in stormy)),
        Note("  errors", _counted(found.errors for found in everything)),
        *(Note("  left behind", name) for found in everything for name in found.left),
    )


def _counted(counts: Iterable[dict[str, int]]) -> str:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return ", ".join(f"{name} {number:,}" for name, number in sorted(total.items())) or "none"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--elements", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=0.2, help="share of the requests that are spoiled")
    parser.add_argument("--concurrency", type=int, default=100, help="requests in flight")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--gateway", choices=list(GATEWAYS), default="kling", help="kling has external ids")
    parser.add_argument("--against", choices=["adversary", "sandbox"], default="adversary")
    options = parser.parse_args()
    plan = Plan(
        options.elements,
        options.rate,
        options.concurrency,
        gateway=options.gateway,
        opponent=options.against,
    )
    table = soaked(plan, options.seeds)
    print(table)
    return 0 if table.is_reached else 1


if __name__ == "__main__":
    sys.exit(main())
