"""How late a lone wait notices the end of its task, and with how many requests: medians, in virtual time.

``Polling`` runs in the package's own ``Waiting``, on a task that the session did not create; the other policies
are plain loops. Each looks at once, and each jitters its pauses (ours by its own rule, the others evenly by 20 %),
so that none is lucky to look just when a task of 30 s ends. A request takes no time here.
"""

from collections.abc import Callable, Iterator
from math import log
from random import Random
from statistics import median

from attrs import frozen

from .account import Account, waited
from .table import Row, Table


@frozen
class Tasks:
    """A kind of task, and what a wait of ours may cost at the median: seconds late, and requests."""

    name: str
    duration: Callable[[Random], float]
    latest: float | None = None
    requests: float | None = None


_TASKS = (
    Tasks("5 s", lambda _: 5.0, latest=1.0),
    Tasks("30 s", lambda _: 30.0, latest=2.5, requests=12),
    Tasks("lognormal(20 s, 0.5)", lambda random: random.lognormvariate(log(20), 0.5)),
)


def _polling(duration: float, random: Random) -> tuple[float, int]:
    """Return how late our wait came back, and its requests."""
    account = Account([duration], round_trip=0.0)
    return waited(account, random, is_ours=False).lateness, account.requests


def _fixed(random: Random) -> Iterator[float]:
    while True:
        yield 2.0 * random.uniform(0.8, 1.2)


def _exponential(random: Random) -> Iterator[float]:
    pause = 1.0
    while True:
        yield pause * random.uniform(0.8, 1.2)
        pause = min(pause * 2, 30.0)


def _plain(pauses: Iterator[float], duration: float) -> tuple[float, int]:
    now, requests = 0.0, 1
    while now < duration:
        now += next(pauses)
        requests += 1
    return now - duration, requests


def _drawn(tasks: Tasks, seeds: int) -> Iterator[tuple[float, Random]]:
    """Yield a duration and a source of chance for each seed, the same for each policy."""
    for seed in range(seeds):
        random = Random(seed)
        yield tasks.duration(random), random


def _measured(tasks: Tasks, seeds: int) -> Iterator[Row]:
    ours = [_polling(duration, random) for duration, random in _drawn(tasks, seeds)]
    fixed = [_plain(_fixed(random), duration) for duration, random in _drawn(tasks, seeds)]
    plain = [_plain(_exponential(random), duration) for duration, random in _drawn(tasks, seeds)]
    goals = {"Polling()": (tasks.latest, tasks.requests)}
    for policy, waits in {"Polling()": ours, "fixed 2 s": fixed, "1, 2, 4 … 30 s": plain}.items():
        lateness, requests = zip(*waits, strict=True)
        latest, most = goals.get(policy, (None, None))
        yield Row(f"{tasks.name}, {policy}: late", median(lateness), " s", most=latest)
        yield Row(f"{tasks.name}, {policy}: requests", median(requests), most=most, digits=0)


def run(*, quick: bool) -> Table:
    seeds = 60 if quick else 300
    rows = tuple(row for tasks in _TASKS for row in _measured(tasks, seeds))
    return Table(f"pace: a lone wait, medians of {seeds} seeds, virtual time", rows)
