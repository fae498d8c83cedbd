"""Slots for running tasks: how many creates are let through, who is next, and what a 1303 teaches."""

import pytest

from kling_elements_async import (
    ContentPolicyError,
    InsufficientBalanceError,
    PermissionDeniedError,
    throttle,
)
from kling_elements_async.throttle import GROW_AFTER, GROW_AFTER_SECONDS, SENT_AT_FIRST, Slots


class Followed(list):
    """Which tasks a session was asked to watch."""

    def __call__(self, task_id):
        self.append(task_id)


@pytest.fixture
def followed():
    return Followed()


@pytest.fixture
def slots(clock, followed):
    """`slots(fixed)`: with a limit of the caller's, or with none."""
    return lambda fixed=None: Slots(clock, fixed, followed)


def has_slot(*turns):
    return [turn.done() and not turn.cancelled() for turn in turns]


def running(slots, *task_ids):
    """Let these tasks run."""
    for task_id in task_ids:
        assert slots.queue().done()
        slots.started(task_id)


def refuse(slots):
    """Let the gateway refuse one create that is under way with 1303."""
    slots.refused()
    slots.gave_back()


def full(slots, *task_ids):
    """Let these tasks run, and let the gateway refuse one more with 1303."""
    running(slots, *task_ids)
    assert slots.queue().done()
    refuse(slots)


def turned_over(slots, tasks, count, name):
    """Let so many tasks end, the oldest first, and one create that queues start for each."""
    for number in range(count):
        slots.ended(tasks.pop(0))
        tasks.append(f"{name} {number}")
        slots.started(tasks[-1])


async def test_no_limit_is_known(slots):
    """Before the first refusal some go together, and one more with each success: no task has to end for any."""
    some = slots()
    turns = [some.queue() for _ in range(1000)]
    assert sum(has_slot(*turns)) == SENT_AT_FIRST == 16
    for number in range(1000):
        some.started(str(number))
        assert sum(has_slot(*turns)) == min(16 + 2 * (number + 1), 1000)
    assert (some.running, some.has_queue) == (1000, False)


async def test_a_failure_while_no_limit_is_known(slots):
    """A create that failed lets one other go, and no more than before are under way together."""
    some = slots()
    turns = [some.queue() for _ in range(100)]
    for number in range(20):
        some.gave_back()
        assert sum(has_slot(*turns)) == 16 + number + 1
    assert some.running == 0


async def test_a_known_limit_is_used_at_once(slots):
    """Once the limit is known, or is the caller's, nothing else bounds how many go together."""
    some, callers = slots(), slots(100)
    tasks = list(map(str, range(40)))
    full(some, *tasks)
    turns = [some.queue() for _ in range(50)]
    for task_id in tasks:
        some.ended(task_id)
    assert sum(has_slot(*turns)) == 40
    assert sum(has_slot(*(callers.queue() for _ in range(150)))) == 100


async def test_a_limit_of_the_callers(slots):
    """So many creates and running tasks together, and no more."""
    some = slots(3)
    turns = [some.queue() for _ in range(4)]
    assert has_slot(*turns) == [True, True, True, False]
    some.started("a")
    assert has_slot(turns[3]) == [False]
    some.gave_back()
    assert has_slot(turns[3]) == [True]


async def test_first_come_first_served(slots):
    """A task that ends lets the create go that has waited longest; a newcomer does not pass it."""
    some = slots(1)
    running(some, "a")
    first, second = some.queue(), some.queue()
    some.ended("a")
    third = some.queue()
    assert has_slot(first, second, third) == [True, False, False]
    some.started("b")
    some.ended("b")
    assert has_slot(second, third) == [True, False]


async def test_a_refusal_shrinks_the_limit(slots):
    """After 1303 no more run than ran then: the refused create comes back when one of them has ended."""
    some = slots()
    full(some, "a", "b", "c")
    again = some.queue()
    assert has_slot(again) == [False]
    some.ended("b")
    assert has_slot(again) == [True]
    some.started("d")
    assert has_slot(some.queue()) == [False]


async def test_a_refused_create_is_the_next(slots):
    """It had its turn: it goes before those who have queued since, and may leave the queue as any other."""
    some = slots()
    full(some, "a")
    later = some.queue()
    again, left = some.queue(first=True), some.queue(first=True)
    some.leave(left)
    assert has_slot(again, later) == [False, False]
    some.ended("a")
    assert has_slot(again, later) == [True, False]


@pytest.mark.parametrize("order", ["ssRRRRRs", "sssRRRRR", "RRRRRsss", "RRsRsRRs"])
async def test_refusals_of_creates_under_way_together(slots, order):
    """Five of eight creates are refused at once: three run, and three is the limit, whatever the order."""
    some = slots()
    for _ in range(8):
        some.queue()
    tasks = iter("abc")
    for answer in order:
        if answer == "s":
            some.started(next(tasks))
        else:
            refuse(some)
    waiting = some.queue()
    assert (has_slot(waiting), some.running) == ([False], 3)
    some.ended("a")
    assert has_slot(waiting) == [True]


async def test_a_refusal_with_nothing_running(slots):
    """Other sessions of the account fill it: one create at a time still goes, and may be refused again."""
    some = slots()
    for _ in range(3):
        assert has_slot(some.queue()) == [True]
        assert some.is_held_by_others
        refuse(some)
    first, second = some.queue(), some.queue()
    assert has_slot(first, second) == [True, False]


async def test_whether_others_hold_the_account(slots):
    """Not as long as a task of ours runs, whose end frees a slot, or another create is on its way."""
    some = slots()
    some.queue()
    some.queue()
    assert not some.is_held_by_others
    refuse(some)
    assert some.is_held_by_others
    some.runs("a")
    assert not some.is_held_by_others
    some.ended("a")
    assert some.is_held_by_others


async def test_growth_after_others_held_the_account(slots):
    """Refused with nothing of ours running, the limit is not known: each success tries one more, until it is."""
    some = slots()
    full(some)
    turns = [some.queue() for _ in range(20)]
    assert sum(has_slot(*turns)) == 1
    for number in range(5):
        some.started(str(number))
        assert sum(has_slot(*turns)) == number + 2
    refuse(some)
    assert sum(has_slot(*turns)) == 6
    for number in range(5):
        some.ended(str(number))
        some.started(f"later {number}")
        assert (some.running, sum(has_slot(*turns))) == (5, number + 7)


async def test_a_refusal_of_a_limit_of_the_callers(slots):
    """The caller's own limit stays: it is neither shrunk nor grown."""
    some = slots(3)
    full(some, "a")
    assert has_slot(*(some.queue() for _ in range(3))) == [True, True, False]


@pytest.mark.parametrize("last", ["a success", "the seconds"])
async def test_growth(slots, clock, last):
    """One more is tried while creates queue, after so many successes and seconds without a refusal, not before."""
    assert (GROW_AFTER, GROW_AFTER_SECONDS) == (50, 90)
    some = slots()
    full(some, "a", "b")
    tasks = ["a", "b"]
    waiting = [some.queue() for _ in range(10 * GROW_AFTER)]
    for round_ in range(3):
        before = sum(has_slot(*waiting))
        if last == "a success":
            clock.advance(GROW_AFTER_SECONDS)
            turned_over(some, tasks, GROW_AFTER - 1, f"early {round_}")
            enough = GROW_AFTER
        else:
            turned_over(some, tasks, 2 * GROW_AFTER, f"early {round_}")
            clock.advance(GROW_AFTER_SECONDS)
            enough = 2 * GROW_AFTER + 1
        assert sum(has_slot(*waiting)) == before + enough - 1, "not yet"
        turned_over(some, tasks, 1, f"enough {round_}")
        assert sum(has_slot(*waiting)) == before + enough + 1, "one more is tried"
        refuse(some)
        assert (sum(has_slot(*waiting)), some.running) == (before + enough + 1, 2), "and refused: two again, anew"


async def test_growth_of_a_large_limit(slots, clock):
    """A twentieth more is tried at a time: 300 that have become 600 are found in twenty rounds of answers."""
    some = slots()
    tasks = [f"task {number}" for number in range(300)]
    full(some, *tasks)
    waiting = [some.queue() for _ in range(2000)]
    clock.advance(GROW_AFTER_SECONDS)
    turned_over(some, tasks, GROW_AFTER, "early")
    started, rounds = GROW_AFTER, 0
    while len(tasks) < 600:
        rounds += 1
        granted = sum(has_slot(*waiting))
        assert len(tasks) + granted - started <= 1.06 * len(tasks), "no storm"
        for number in range(granted - started):
            tasks.append(f"more {rounds} {number}")
            some.started(tasks[-1])
        turned_over(some, tasks, 1, f"round {rounds}")
        started = granted + 1
    assert rounds <= 20


@pytest.mark.parametrize(("successes", "seconds"), [(5 * GROW_AFTER, 89), (49, 800)])
async def test_no_growth_too_early(slots, clock, successes, seconds):
    """Neither many successes in a short time nor a long time with few of them are enough."""
    some = slots()
    full(some, "a", "b")
    tasks = ["a", "b"]
    waiting = [some.queue() for _ in range(successes + 5)]
    for number in range(successes):
        clock.advance(seconds / successes)
        turned_over(some, tasks, 1, str(number))
    assert (some.running, sum(has_slot(*waiting))) == (2, successes)


async def test_no_growth_of_a_limit_of_the_callers(slots, clock):
    """It stays, however long all goes well."""
    some = slots(2)
    full(slots(2))
    running(some, "a", "b")
    tasks = ["a", "b"]
    waiting = [some.queue() for _ in range(300)]
    for number in range(200):
        clock.advance(10)
        turned_over(some, tasks, 1, str(number))
    assert (some.running, sum(has_slot(*waiting))) == (2, 200)


async def test_no_growth_without_a_queue(slots, clock):
    """A limit that nobody meets is not tried."""
    some = slots()
    full(some, "a", "b")
    some.ended("a")
    for number in range(3 * GROW_AFTER):
        clock.advance(5)
        running(some, str(number))
        some.ended(str(number))
    running(some, "c")
    assert has_slot(some.queue()) == [False]


async def test_proof_that_more_may_run(slots):
    """A task that was found by a look-up runs, too: that so many run is proof that so many may."""
    some = slots()
    full(some, "a")
    some.runs("adopted")
    some.runs("adopted too")
    first, second, third = some.queue(), some.queue(), some.queue()
    assert has_slot(first) == [False]
    some.ended("a")
    some.ended("adopted")
    assert (has_slot(first, second, third), some.running) == ([True, True, False], 1)


async def test_one_end_frees_one_slot(slots):
    """An end that is told twice, or of a task that nobody knows, frees nothing more."""
    some = slots(2)
    running(some, "a", "b")
    turns = [some.queue() for _ in range(3)]
    for task_id in ("a", "a", "nobody's"):
        some.ended(task_id)
    assert has_slot(*turns) == [True, False, False]


async def test_leaving_the_queue(slots):
    """A create that is cancelled in the queue is passed over."""
    some = slots(1)
    running(some, "a")
    first, second = some.queue(), some.queue()
    some.leave(first)
    assert (first.cancelled(), has_slot(second)) == (True, [False])
    some.ended("a")
    assert has_slot(second) == [True]
    assert not some.has_queue


async def test_leaving_with_a_slot(slots):
    """A create that is cancelled as its slot comes passes it on, or frees it."""
    some = slots(1)
    running(some, "a")
    first, second = some.queue(), some.queue()
    some.ended("a")
    some.leave(first)
    assert has_slot(second) == [True]
    some.leave(second)
    assert has_slot(some.queue()) == [True]


async def test_an_account_that_refuses_all(slots):
    """Who queues is told so, no slot is lost by it, and a create that comes later goes and asks for itself."""
    some = slots(2)
    running(some, "a")
    sent, waits, leaves = some.queue(), some.queue(), some.queue()
    refusal = InsufficientBalanceError("ezmodel", "create element 'x'", "No money", status=429, code=1102)
    some.denied(refusal)
    some.leave(leaves)
    told = waits.exception()
    assert (type(told), told.code, has_slot(sent)) == (InsufficientBalanceError, 1102, [True])
    some.gave_back()
    assert has_slot(some.queue(), some.queue()) == [True, False]


@pytest.mark.parametrize("kind", [PermissionDeniedError, ContentPolicyError])
async def test_an_account_that_refuses_one(slots, kind):
    """The others wait on."""
    some = slots(1)
    running(some, "a")
    waits = some.queue()
    some.denied(kind("ezmodel", "create element 'x'", "No", status=403, code=1103))
    assert not waits.done()
    some.leave(waits)


async def test_running_tasks_are_followed_while_any_queue(slots, followed):
    """Nobody may be waiting for them: only their ends free a slot."""
    some = slots(2)
    running(some, "a", "b")
    assert followed == []
    first, second = some.queue(), some.queue()
    assert set(followed) == {"a", "b"}
    followed.clear()
    some.ended("a")
    some.started("c")
    assert (followed, has_slot(first, second)) == (["c"], [True, False])


async def test_nothing_is_followed_without_a_queue(slots, followed):
    """A create that goes at once makes no look at any task."""
    some = slots()
    running(some, *map(str, range(50)))
    assert (followed, some.running) == ([], 50)


async def test_tasks_that_nobody_waited_for(slots, clock):
    """A task of long ago is taken to have ended: a session that only creates keeps no endless list."""
    some = slots()
    for number in range(100):
        running(some, str(number))
        clock.advance(throttle.FORGOTTEN_AFTER / 10)
    assert some.running <= 11
