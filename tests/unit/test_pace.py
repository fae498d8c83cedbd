"""The pace of looks, and the gate that a 429, or failures in a row, close."""

import math
from itertools import islice
from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_elements_async import Polling
from kling_elements_async.throttle import FAILURES_IN_A_ROW, FIRST_CLOSING, PROBE, Gate

MIDDLE = SimpleNamespace(triangular=lambda low, high: (low + high) / 2)


def test_the_sequence_of_the_docstring():
    """The looks come when the docstring says."""
    looks, at = [], 0.0
    for pause in islice(Polling().pauses(MIDDLE), 11):
        at += pause
        looks.append(round(at, 1))
    assert looks == [1, 2, 3, 4, 5.5, 7.8, 11.1, 16.1, 21.1, 26.1, 31.1]
    assert "1, 2, 3, 4, 5.5, 7.8, 11.1 and 16.1 s" in " ".join(Polling.__doc__.split())


@given(
    st.floats(0.01, 10),
    st.floats(1, 4),
    st.floats(1, 10),
    st.integers(0, 2**32),
)
def test_every_pause_is_within_its_bounds(first, factor, times, seed):
    """Each pause is its place in the sequence ± 20 %, and never over the longest by more."""
    polling = Polling(first=first, factor=factor, longest=first * times)
    for pause, middle in islice(zip(polling.pauses(Random(seed)), polling.pauses(MIDDLE), strict=False), 30):
        assert 0.8 * middle <= pause <= 1.2 * middle
        assert first <= middle <= polling.longest


def test_jitter_never_vanishes():
    """At the longest pause two waits still drift apart, by up to 20 %."""
    late = list(islice(Polling().pauses(Random(1)), 1000))[20:]
    assert min(late) < 4.2
    assert max(late) > 5.8
    assert len(set(late)) > 900


# ---------------------------------------------------------------- the gate


@pytest.fixture
def gate(clock):
    return Gate(clock)


def closed_for(gate, clock):
    """The seconds until a gate opens, without their spread, in steps of 10 ms."""
    start = clock.now()
    while gate.delay():
        clock.advance(0.01)
    return round(clock.now() - start, 1)


async def test_an_open_gate(gate):
    """Nobody waits before the first refusal, nor at clock 0."""
    assert gate.delay() == 0


@pytest.mark.parametrize(("asked", "seconds"), [(None, 1), (0.5, 0.5), (7, 7), (60, 60), (1e9, 60)], ids=str)
async def test_a_refusal_closes_the_gate(gate, clock, asked, seconds):
    """For as long as Retry-After asks, up to a minute, else for a second."""
    gate.refused(asked)
    assert closed_for(gate, clock) == seconds


async def test_refusals_in_a_row(gate, clock):
    """Each refusal after an opening closes it twice as long, up to a minute; an answer starts anew."""
    seconds = []
    for _ in range(8):
        gate.refused(None)
        seconds.append(closed_for(gate, clock))
    assert seconds == [1, 2, 4, 8, 16, 32, 60, 60]
    gate.passed()
    gate.refused(None)
    assert closed_for(gate, clock) == 1


async def test_refusals_of_requests_under_way(gate, clock):
    """Ten refusals at once count as one; a longer Retry-After among them is honoured, a shorter one not."""
    for asked in (None, 5, *[None] * 8, 2):
        gate.refused(asked)
    assert closed_for(gate, clock) == 5
    gate.refused(None)
    assert closed_for(gate, clock) == 2


async def test_not_all_come_at_once(gate):
    """Each caller gets its own delay, spread by up to 20 % upwards."""
    gate.refused(10)
    delays = [gate.delay() for _ in range(200)]
    assert (min(delays) >= 10, max(delays) <= 12, max(delays) - min(delays) > 1.5) == (True, True, True)


@pytest.mark.parametrize("failures", range(FAILURES_IN_A_ROW))
async def test_few_failures_in_a_row(gate, failures):
    """Connection failures and 5xx below the threshold hold nobody up; an answer between them starts the count anew."""
    for _ in range(3):
        for _ in range(failures):
            gate.failed()
        gate.passed()
    assert gate.delay() == 0


async def test_failures_in_a_row(gate, clock):
    """Five close the gate for a second; a failed probe closes it twice as long, up to a minute."""
    for _ in range(FAILURES_IN_A_ROW):
        assert gate.delay() == 0
        gate.failed()
    seconds = []
    for _ in range(8):
        seconds.append(closed_for(gate, clock))
        gate.failed()
    assert seconds == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_failures_of_requests_under_way(gate, clock):
    """A hundred that fail together close it once."""
    for _ in range(100):
        gate.failed()
    assert closed_for(gate, clock) == 1


async def test_one_probe_at_a_time(gate, clock):
    """When the time is over one call goes first, and the others come back while it is under way."""
    gate.refused(2)
    clock.advance(2)
    delays = [gate.delay() for _ in range(100)]
    assert (delays[0], 0 in delays[1:]) == (0, False)
    assert max(delays) <= FIRST_CLOSING


async def test_a_probe_that_succeeds(gate, clock):
    """An answer opens the gate for all, at once."""
    gate.refused(2)
    clock.advance(2)
    assert gate.delay() == 0
    gate.passed()
    assert [gate.delay() for _ in range(100)] == [0] * 100


@pytest.mark.parametrize("outcome", ["refused", "failed"])
async def test_a_probe_that_does_not(gate, clock, outcome):
    """Nobody else goes: the gate is closed again, for longer."""
    for _ in range(FAILURES_IN_A_ROW):
        gate.failed()
    clock.advance(1)
    assert gate.delay() == 0
    gate.refused(None) if outcome == "refused" else gate.failed()
    assert gate.delay() >= 2
    assert closed_for(gate, clock) == 2


async def test_a_probe_that_does_not_come_back(gate, clock):
    """One that was cancelled holds the others up for some seconds only, and the next one is a probe again."""
    gate.refused(2)
    clock.advance(2)
    assert gate.delay() == 0
    assert closed_for(gate, clock) == pytest.approx(PROBE, abs=0.1)
    assert gate.delay() > 0


async def test_the_steps_to_the_end_of_a_probe(gate, clock):
    """Who waits for a probe that does not come back gets past its end: the steps do not shrink without end."""
    gate.refused(2)
    clock.advance(2)
    steps = [gate.delay()]
    while delay := gate.delay():
        steps.append(delay)
        clock.advance(delay)
    assert min(steps[1:]) > 0.01
    assert PROBE <= sum(steps) < PROBE + 0.2


async def test_an_answer_to_an_earlier_request(gate, clock):
    """What was sent before the gate closed does not open it."""
    gate.refused(10)
    gate.passed()
    assert gate.delay() >= 10
    assert closed_for(gate, clock) == 10


async def test_many_at_the_opening(gate, clock):
    """Of a thousand who wait, one goes at the opening, and the rest within the second after its answer."""
    gate.refused(10)
    due = [clock.now() + gate.delay() for _ in range(1000)]
    through, probed_at = [], None
    while len(through) < 1000:
        clock.advance(0.05)
        for number, at in enumerate(due):
            if at <= clock.now():
                delay = gate.delay()
                due[number] = clock.now() + delay if delay else math.inf
                through += [] if delay else [clock.now()]
        if probed_at is None and through:
            assert len(through) == 1
            probed_at = clock.now()
        elif probed_at and clock.now() >= probed_at + 0.3:
            gate.passed()
    assert through[0] == probed_at
    assert through[-1] - probed_at < 2 + 0.3
    assert len(set(through)) > 10
