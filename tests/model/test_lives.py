"""Lives that once came out wrong, step by step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from .machine import Creates


@contextmanager
def life(**begin: Any) -> Iterator[Creates]:
    machine = Creates()
    machine.begin(slots=None, disk=0.0, **begin)
    try:
        yield machine
    finally:
        machine.teardown()


@pytest.mark.parametrize(
    ("first", "rest", "again", "seconds"),
    [("late", 0.05, "unreached", 4.0), ("never", 100.0, "unreached", 0.5), ("never", 100.0, "limited", 0.5)],
    ids=["unreached at once", "unreached later", "limited later"],
)
def test_a_rerun_that_is_left_before_it_gets_through(first, rest, again, seconds):
    """A create that an earlier run lost keeps its external id: it may have landed, or land yet."""
    with life(is_strict=True, late=40) as it:
        it.work(1, [first, again])
        it.time_goes_on(0.5)
        it.crash()
        it.time_goes_on(rest)
        it.resume()
        it.time_goes_on(seconds)
        it.work(1, [])
        it.time_goes_on(30.0)


def test_a_create_that_stood_long_at_a_closed_gate():
    """Its age counts from when it left: looked up just after, it may land yet, and is not sent again at once."""
    with life(is_strict=False, late=5) as it:
        it.create("paused")
        it.time_goes_on(0.5)
        it.cancel(0)
        it.work(1, ["late"])
        while it.world.creates:
            it.time_goes_on(0.05)
        it.time_goes_on(0.2)
        it.crash()
        it.resume()
        it.time_goes_on(30.0)
