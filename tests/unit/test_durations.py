"""What is learned of how long tasks take."""

import pytest

from kling_elements_async.durations import ENOUGH, KEPT, Durations


def learned(seconds, kind="image"):
    durations = Durations()
    for each in seconds:
        durations.note(kind, each)
    return durations


@pytest.mark.parametrize("count", [0, 1, ENOUGH - 1])
def test_too_few(count):
    """Nothing is said of a few, however alike they are."""
    assert learned([5.0] * count).span("image") is None


def test_enough():
    """The quickest tenth and the slowest tenth are left out, in whatever order they came."""
    assert learned(range(20)).span("image") == (2, 17)
    assert learned(reversed(range(100))).span("image") == (10, 89)


def test_one_that_hung():
    """A single task that took an hour changes nothing."""
    assert learned([5.0] * 30 + [3600.0]).span("image") == (5.0, 5.0)


def test_kinds_of_their_own():
    """Images say nothing of videos, and nothing is known of a task of no known kind."""
    durations = learned([5.0] * 30)
    assert (durations.span("video"), durations.span(None)) == (None, None)


def test_the_last_ones_count():
    """A gateway that has become slower is noticed, and no more than the last ones are kept."""
    durations = learned([1.0] * 1000)
    assert durations.span("image") == (1.0, 1.0)
    for _ in range(KEPT):
        durations.note("image", 60.0)
    assert durations.span("image") == (60.0, 60.0)
    assert len(durations._seen["image"]) == KEPT
