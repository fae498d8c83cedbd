"""The rate that refusals have shown, by hand on virtual time."""

import pytest

from kling_elements_async.learned_rate import LearnedRate


@pytest.fixture
def rate(clock):
    return LearnedRate(clock)


def answered(rate, clock, count, seconds=1.0):
    for _ in range(count):
        rate.passed()
        clock.advance(seconds / count)


def burst(rate, refused, passed=0):
    """What comes of requests that were on their way together."""
    for number in range(refused):
        rate.refused(is_first=number == 0)
    for _ in range(passed):
        rate.passed()


def turns(rate, count, *, patient=True):
    return [rate.turn(patient=patient) for _ in range(count)]


def test_nothing_is_held_before_a_refusal(rate, clock):
    """A gateway that takes all is asked for all."""
    answered(rate, clock, 500)
    assert turns(rate, 1000) == [0.0] * 1000


def test_most_were_refused(rate, clock):
    """What was answered in the second before is the rate, less a little; calls come one behind the other."""
    answered(rate, clock, 200)
    burst(rate, 60, passed=20)
    assert turns(rate, 4) == pytest.approx([0, 1 / 190, 2 / 190, 3 / 190], rel=0.02)


@pytest.mark.parametrize(
    ("answers", "refused", "passed"),
    [(200, 2, 0), (200, 30, 40), (5, 60, 0)],
    ids=["two refusals", "most were taken", "hardly any answers before"],
)
def test_no_rate_is_seen_in(rate, clock, answers, refused, passed):
    """A mishap, or a gateway that is not at its limit, slows nothing down."""
    answered(rate, clock, answers)
    burst(rate, refused, passed)
    assert turns(rate, 100) == [0.0] * 100


def test_a_look_lets_the_others_go_first(rate, clock):
    """With a hundred looks in the queue, a create has its turn at once, and the next look one turn later."""
    answered(rate, clock, 100)
    burst(rate, 50)
    looks = turns(rate, 100)
    assert looks[-1] > 1
    assert turns(rate, 2, patient=False) == pytest.approx([0, 1 / 95], rel=0.02)
    assert rate.turn(patient=True) == pytest.approx(looks[-1] + 3 / 95, rel=0.02)


def test_it_grows_and_shrinks_a_little(rate, clock):
    """A little more every ten seconds; a single refusal takes a hundredth."""
    answered(rate, clock, 100)
    burst(rate, 50)
    rate.turn(patient=True)
    first = rate._most
    clock.advance(10)
    rate.turn(patient=True)
    assert rate._most == pytest.approx(first * 1.02)
    burst(rate, 1)
    rate.turn(patient=True)
    assert rate._most == pytest.approx(first * 1.02 * 0.99)


def test_turns_that_are_given_back(rate, clock):
    """Those who come later have them, the next one first, and nobody waits behind calls that were cancelled."""
    answered(rate, clock, 100)
    burst(rate, 50)
    *_, first, second, last = (clock.now() + seconds for seconds in turns(rate, 1000))
    for turn in (second, first):
        rate.give_back(turn)
    found = [clock.now() + seconds for seconds in turns(rate, 2)]
    assert found == pytest.approx([first, second])
    assert clock.now() + rate.turn(patient=True) == pytest.approx(last + 1 / 95)


def test_a_turn_given_back_that_is_over(rate, clock):
    """Nobody gets it: the next turn is the next one."""
    answered(rate, clock, 100)
    burst(rate, 50)
    rate.turn(patient=True)
    turn = clock.now() + rate.turn(patient=True)
    rate.give_back(turn)
    clock.advance(1)
    assert turns(rate, 2) == pytest.approx([0, 1 / 95])


def test_a_turn_given_back_of_a_slower_time(rate, clock):
    """What was waited for before the rate was learned anew comes too late for those who come now."""
    answered(rate, clock, 100)
    burst(rate, 50)
    turn = clock.now() + turns(rate, 1000)[-1]
    burst(rate, 1)
    rate.turn(patient=True)
    rate.give_back(turn)
    assert rate.turn(patient=True) < 1


def test_what_was_learned_grows_old(rate, clock):
    """A minute without a queue ends it; a queue of a minute does not."""
    answered(rate, clock, 100)
    burst(rate, 50)
    waits = turns(rate, 95 * 120)
    assert waits[-1] > 110
    clock.advance(61)
    assert rate.turn(patient=True) > 0
    clock.advance(200)
    assert turns(rate, 3) == [0.0] * 3
