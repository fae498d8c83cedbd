"""The soak: thousands of elements at a gateway that spoils one request in five, and not one lost or made twice.

``python -m benchmarks.soak --elements 2000 --rate 0.5 --seeds 1 2 --gateway kling --against sandbox``; ends with 1
when anything was lost, doubled or leaked, or unresolved where external ids could have resolved it. Figures are
those of the worst seed.
"""

import argparse
import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor

from attrs import evolve, frozen

from .findings import Findings
from .opponents import GATEWAYS
from .soaking import Plan, carry_out
from .table import Note, Row, Table

MOST_EXTRA = 1.0
LONGEST_LAG = 50.0
# From this share on some creates may run out of time or attempts: that is counted, and no failure.
HARSH = 0.3
_SEEDS = (1, 2, 3, 4, 5)


@frozen
class Soaked:
    """A plan, carried out without faults and by several seeds."""

    plan: Plan
    calm: Findings
    stormy: tuple[Findings, ...]

    @property
    def everything(self) -> tuple[Findings, ...]:
        return (self.calm, *self.stormy)

    @property
    def table(self) -> Table:
        plan = self.plan
        what = f"{plan.elements:,} elements at {plan.opponent} as {plan.gateway}, {plan.rate:.0%} spoiled"
        return Table(f"soak: {what}, {len(self.stormy)} seeds", (*self.counts, *self._costs, *self._notes))

    @property
    def counts(self) -> tuple[Row, ...]:
        """What must not be, at any price."""
        is_resolvable = self.plan.has_external_ids and self.plan.rate < HARSH
        named = {
            "lost": "lost",
            "doubled": "made twice",
            "shared": "one element for two specs",
            "denied": "said not to be made, and there",
            "undeleted": "said to be deleted, and there",
            "failed": "ended with an error that is neither uncertain nor not sent",
            "leaked": "leaked: tasks, files, sockets, the key",
            "unresolved": "unresolved: uncertain or not sent",
        }
        totals = {name: sum(getattr(found, name) for found in self.everything) for name in named}
        allowed = None if not is_resolvable else 0
        return tuple(
            Row(named[name], total, most=allowed if name == "unresolved" else 0, digits=0)
            for name, total in totals.items()
        )

    @property
    def _costs(self) -> tuple[Row, ...]:
        calm, stormy = self.calm, self.stormy
        extra = max(found.requests for found in stormy) - calm.requests
        return (
            Row("extra requests an element", extra, most=MOST_EXTRA if self.plan.rate < HARSH else None),
            Row("  requests an element without faults", calm.requests),
            Row("loop lag, p99", max(found.lag[1] for found in self.everything) * 1e3, " ms", most=LONGEST_LAG),
            Row("  of it our own work", max(found.own_lag for found in self.everything) * 1e3, " ms"),
            Row("  p50", max(found.lag[0] for found in self.everything) * 1e3, " ms"),
            Row("  p99 without faults", calm.lag[1] * 1e3, " ms"),
            Row("  peak memory", max(found.megabytes for found in self.everything), " MB", digits=0),
            Row("  seconds without faults", calm.seconds, " s", digits=0),
            Row("  seconds with them", max(found.seconds for found in stormy), " s", digits=0),
        )

    @property
    def _notes(self) -> tuple[Note, ...]:
        return (
            Note("  how they were made", _counted(found.resolutions for found in self.stormy)),
            Note("  requests without faults", _counted([self.calm.calls])),
            *(Note("  requests with them", _counted([found.calls])) for found in self.stormy),
            Note("  errors", _counted(found.errors for found in self.everything)),
            *(Note("  left behind", name) for found in self.everything for name in found.left),
        )


def soaked(plan: Plan, seeds: Sequence[int]) -> Soaked:
    """Carry a plan out by each seed, and once without faults, each in a fresh process."""
    plans = [evolve(plan, rate=0.0), *(evolve(plan, seed=seed) for seed in seeds)]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as processes:
        calm, *stormy = processes.map(carry_out, plans)
    return Soaked(plan, calm, tuple(stormy))


def run(*, quick: bool) -> Table:
    plan = Plan(elements=1000 if quick else 10_000)
    return soaked(plan, _SEEDS[:1] if quick else _SEEDS).table


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
    found = soaked(plan, options.seeds)
    print(found.table)
    return 0 if all(row.is_reached for row in found.counts) else 1


if __name__ == "__main__":
    sys.exit(main())
