"""How others look at their tasks, and the best that single looks can do, in the model of ``account``.

Read in their sources: fal-client 1.0 looks, pauses 0.1 s and looks again; replicate 1.0 pauses 0.5 s, runwayml 5
pauses 6 s, give or take 1.5 s, and both pause before the first look too. Each task is looked at by itself.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain, repeat
from math import erfc, exp, log, pi, sqrt
from random import Random

from .account import ROUND_TRIP, Pace

MEDIAN = 20.0
SIGMA = 0.5
_STEP = 0.05
_HORIZON = 400.0

Pauses = Callable[[Random], Iterator[float]]


def drawn(number: int, random: Random) -> list[float]:
    """Return durations of tasks: lognormal, in seconds."""
    return [random.lognormvariate(log(MEDIAN), SIGMA) for _ in range(number)]


def fixed(seconds: float) -> Pauses:
    return lambda _: repeat(seconds)


def _at_once(seconds: float) -> Pauses:
    return lambda _: chain((0.0,), repeat(seconds))


def _spread(random: Random) -> Iterator[float]:
    while True:
        yield random.uniform(4.5, 7.5)


def _backoff(_: Random) -> Iterator[float]:
    yield 0.0
    pause = 1.0
    while True:
        yield pause
        pause = min(pause * 2, 30.0)


PEERS: dict[str, Pauses] = {
    "fal-client (0.1 s)": _at_once(0.1),
    "replicate (0.5 s)": fixed(0.5),
    "runwayml (6 s)": _spread,
    "fixed 2 s": fixed(2.0),
    "1, 2, 4 … 30 s": _backoff,
}


def looked(pauses: Pauses, durations: Sequence[float], random: Random) -> Pace:
    """Look at each task by itself, at this pace."""
    requests, lateness = 0, []
    for duration in durations:
        now = 0.0
        for pause in pauses(random):
            now += pause
            is_over = now + ROUND_TRIP / 2 >= duration
            now += ROUND_TRIP
            requests += 1
            if is_over:
                break
        lateness.append(now - duration)
    return Pace.of(requests, lateness)


def fixed_as_late(lateness: float, durations: Sequence[float]) -> Pace:
    """Return what a fixed interval costs that is as late as this: the widest one."""
    return _as_late(lateness, lambda pause: looked(fixed(pause), durations, Random(0)))


def best_as_late(lateness: float, durations: Sequence[float]) -> Pace:
    """Return the best that looks at one task can do which are as late as this, if its distribution is known.

    A look costs one request and saves the lateness until the next: the sum is least where the interval is the
    root of 1 / hazard, times a constant.
    """
    moments = [_STEP * number for number in range(int(_HORIZON / _STEP))]
    density = list(accumulate(sqrt(_hazard(moment)) * _STEP for moment in moments))

    def looked_by(scale: float) -> Pace:
        def pauses(_: Random) -> Iterator[float]:
            before = 0.0
            for number in range(1, int(density[-1] / scale) + 1):
                moment = moments[bisect_left(density, number * scale)]
                yield max(0.0, moment - before - ROUND_TRIP)
                before = max(moment, before + ROUND_TRIP)
            yield from repeat(5.0)

        return looked(pauses, durations, Random(0))

    return _as_late(lateness, looked_by)


def _as_late(lateness: float, policy: Callable[[float], Pace]) -> Pace:
    low, high = 0.0, 60.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if policy(middle).lateness <= lateness else (low, middle)
    return policy(low)


def _hazard(moment: float) -> float:
    """Return how likely a task that is not over by then ends in the next second."""
    if moment <= 0:
        return 0.0
    scaled = (log(moment) - log(MEDIAN)) / SIGMA
    left = erfc(scaled / sqrt(2)) / 2
    return exp(-scaled * scaled / 2) / (moment * SIGMA * sqrt(2 * pi)) / left if left > 1e-12 else 0.0
