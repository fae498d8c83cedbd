"""What callbacks do to waits, on virtual time: the signed are believed, the others are confirmed."""

import asyncio
import itertools

import pytest

from kling_elements_async import (
    AuthenticationError,
    ElementFailedError,
    NoReplyError,
    NotFoundError,
    Polling,
    TaskStatus,
    WaitTimeoutError,
)
from kling_elements_async.lifecycle import Lifecycle
from kling_elements_async.waiting import BETWEEN_HINTS, Waiting
from kling_elements_async.watches import HEARD_WITHIN, SLOWER_WITH_CALLBACKS

from .account import Account, task

ID, OTHER = "860434405402222626", "860434405402222627"
SLOWEST = 5.0 * 1.2 * SLOWER_WITH_CALLBACKS
STATES = {
    "submitted": task(ID, TaskStatus.SUBMITTED),
    "processing": task(ID, TaskStatus.PROCESSING),
    "unknown": task(ID, TaskStatus.UNKNOWN, word="warming_up"),
    "succeeded": task(ID),
    "succeeded, empty": task(ID, element_id="none"),
    "failed": task(ID, TaskStatus.FAILED),
}


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Time stands still for as many passes of the loop as a test takes before it sleeps itself."""
    monkeypatch.setattr("kling_elements_async.testing._STILL", 150)


@pytest.fixture
def account(clock):
    account = Account(clock)
    account.add(ID)
    return account


@pytest.fixture
def ended():
    return []


@pytest.fixture
async def waiting(account, clock, ended):
    waiting = Waiting(account.look, account.list_page, Polling(), Lifecycle(clock), on_end=ended.append)
    yield waiting
    await waiting.close()
    await passes(5)
    assert (waiting.watches.by_id, waiting._at_work) == ({}, set())


async def passes(count=30):
    for _ in range(count):
        await asyncio.sleep(0)


async def started(waiting, task_id=ID, timeout=600.0, on_update=None, passed=30):
    """A wait that has had its first look."""
    wait = asyncio.create_task(waiting.wait(task_id, timeout=timeout, on_update=on_update))
    await passes(passed)
    return wait


def signed(waiting, *states):
    for state in states:
        waiting.called_back(state, is_signed=True)


def hinted(waiting, *states):
    for state in states:
        waiting.called_back(state, is_signed=False)


def gaps(moments, since=0.0):
    found = [moment for moment in moments if moment >= since]
    return [later - earlier for earlier, later in itertools.pairwise(found)]


# ---------------------------------------------------------------- signed


async def test_a_signed_success(waiting, account, ended):
    """It ends all waits on its task at once, without a look, and frees the task's slot."""
    waits = [await started(waiting) for _ in range(3)]
    signed(waiting, task(ID, element_id="77"))
    assert [(await wait).element_id for wait in waits] == ["77"] * 3
    assert (len(account.looks), ended) == (1, [ID])


async def test_a_signed_failure(waiting, account, ended):
    """It ends them with the error that a look would give."""
    wait = await started(waiting)
    signed(waiting, STATES["failed"])
    with pytest.raises(ElementFailedError, match="No face"):
        await wait
    assert (len(account.looks), ended) == (1, [ID])


async def test_a_signed_success_without_an_element(waiting, account, clock):
    """It is confirmed, as Kling's older body has room for none; the first look that shows one ends the wait."""
    wait = await started(waiting)
    account.without_element = True
    account.end(ID)
    signed(waiting, STATES["succeeded, empty"])
    await passes()
    assert (wait.done(), account.looks) == (False, [0, 0])
    account.without_element = False
    signed(waiting, STATES["succeeded, empty"])
    assert (await wait).element_id == f"e{ID}"
    assert clock.elapsed <= BETWEEN_HINTS


async def test_a_signed_success_with_the_element_of_another_task(waiting, account):
    """It is confirmed, however often it comes: a mix-up at the gateway reaches no wait by a callback."""
    account.add(OTHER)
    first, second = await started(waiting), await started(waiting, OTHER)
    signed(waiting, task(ID, element_id="77"))
    assert (await first).element_id == "77"
    signed(waiting, *[task(OTHER, element_id="77")] * 10)
    await passes()
    assert (second.done(), len(account.looks)) == (False, 3)
    signed(waiting, task(OTHER, element_id="78"))
    assert (await second).element_id == "78"


async def test_a_signed_change(waiting, account):
    """It is shown to the caller as if it had been seen, each once and in order."""
    seen = []
    account.error = NoReplyError("reset")
    wait = await started(waiting, on_update=lambda task: seen.append(task.status_word))
    names = ["submitted", "submitted", "unknown", "submitted", "processing", "succeeded", "processing", "failed"]
    signed(waiting, *map(STATES.get, names))
    assert (await wait).element_id == f"e{ID}"
    assert seen == ["submitted", "warming_up", "succeeded"]


async def test_signed_callbacks_out_of_order(waiting, account):
    """A change that comes after the end, or behind what a look has shown, is old: nothing goes back."""
    seen = []
    wait = await started(waiting, on_update=lambda task: seen.append(task.status_word))
    for _ in range(100):
        signed(waiting, STATES["submitted"], STATES["processing"], STATES["unknown"])
    assert (wait.done(), seen) == (False, ["processing"])
    signed(waiting, STATES["succeeded"], STATES["failed"], STATES["processing"])
    assert (await wait).element_id == f"e{ID}"
    assert (seen, len(account.looks)) == (["processing", "succeeded"], 1)


async def test_waits_by_both_ids(waiting, account):
    """One task, waited for by its id and by its external id: a signed callback ends both."""
    account.external_ids[ID] = "mine-1"
    waits = [await started(waiting, name) for name in (ID, "mine-1")]
    signed(waiting, task(ID, external_id="mine-1"))
    assert [(await wait).task_id for wait in waits] == [ID, ID]
    assert len(account.looks) == 2


async def test_a_signed_end_that_nobody_waits_for(waiting, account, ended):
    """It frees the slot of its task, and leaves nothing else; a change frees none."""
    signed(waiting, *(task(str(number)) for number in range(100)), STATES["processing"], STATES["failed"])
    signed(waiting, STATES["succeeded, empty"])
    assert (ended[:100], ended[100:]) == ([str(number) for number in range(100)], [ID, ID])
    assert (waiting.watches.by_id, waiting.watches._born, waiting._at_work, account.looks) == ({}, {}, set(), [])


@pytest.mark.parametrize("is_signed", [True, False])
async def test_a_wait_that_ended_just_now(waiting, account, is_signed):
    """Whatever comes between its end and its going changes nothing."""
    wait = await started(waiting)
    signed(waiting, task(ID, element_id="77"))
    for state in STATES.values():
        waiting.called_back(state, is_signed=is_signed)
    assert (await wait).element_id == "77"
    await passes()
    assert (len(account.looks), waiting.watches.by_id) == (1, {})


async def test_a_callback_before_the_wait(waiting, account, clock):
    """It is forgotten; the first look of the wait shows the end."""
    waiting.watches.born(ID, "image", calls_back=True)
    account.end(ID)
    signed(waiting, STATES["processing"], STATES["succeeded"])
    assert (await (await started(waiting))).element_id == f"e{ID}"
    assert clock.elapsed < 1.3


# ---------------------------------------------------------------- hints


@pytest.mark.parametrize("failed", [False, True])
async def test_a_true_hint(waiting, account, clock, ended, failed):
    """One look confirms it, and the wait ends with what the look has shown."""
    wait = await started(waiting)
    account.failed = {ID} if failed else set()
    account.end(ID)
    hinted(waiting, task(ID, element_id="foreign"))
    [found] = await asyncio.gather(wait, return_exceptions=True)
    assert isinstance(found, ElementFailedError) if failed else found.element_id == f"e{ID}"
    assert (account.looks, clock.elapsed, ended) == ([0, 0], 0, [ID])


@pytest.mark.parametrize("name", ["succeeded", "succeeded, empty", "failed"])
async def test_a_forged_hint(waiting, account, name):
    """It costs one look, and changes nothing: neither the wait, nor what it shows, nor its pace."""
    seen = []
    wait = await started(waiting, timeout=60, on_update=lambda task: seen.append(task.status_word))
    hinted(waiting, STATES[name])
    await passes()
    assert (account.looks, seen) == ([0, 0], ["processing"])
    with pytest.raises(WaitTimeoutError):
        await wait
    assert len(account.looks) <= 2 + 18


@pytest.mark.parametrize("name", ["submitted", "processing", "unknown"])
async def test_a_hint_of_no_end(waiting, account, name):
    """It is not even looked into."""
    wait = await started(waiting)
    hinted(waiting, STATES[name])
    await passes()
    assert (account.looks, wait.done()) == ([0], False)
    wait.cancel()


@pytest.mark.parametrize("is_signed", [True, False])
async def test_unknown_tasks(waiting, account, is_signed):
    """Ten thousand callbacks for tasks that nobody waits for cost no request, and leave nothing."""
    wait = await started(waiting)
    for number in range(10_000):
        waiting.called_back(task(str(number), external_id=f"x{number}"), is_signed=is_signed)
    await passes()
    assert (account.looks, list(waiting.watches.by_id), len(waiting._at_work)) == ([0], [ID], 1)
    wait.cancel()


async def test_a_flood_of_hints(waiting, account, clock):
    """However many come, and however long a look takes, it is one look in five seconds, and never two at once."""
    account.error = NoReplyError("reset")
    waiting._polling = waiting._looking._polling = Polling(first=500, longest=500)
    wait = await started(waiting)
    account.takes = 12.0
    for _ in range(60):
        hinted(waiting, *[STATES["succeeded"]] * 200, *[STATES["failed"]] * 200)
        await clock.sleep(1)
    assert (account.most_in_flight, gaps(account.looks[1:])) == (1, [12 + BETWEEN_HINTS] * 3)
    account.takes = 0.0
    await clock.sleep(30)
    before = len(account.looks)
    for _ in range(60):
        hinted(waiting, *[STATES["succeeded"]] * 100)
        await clock.sleep(1)
    assert set(gaps(account.looks[before:])) == {BETWEEN_HINTS}
    assert (wait.done(), len(waiting._at_work)) == (False, 2)
    wait.cancel()


async def test_a_true_hint_behind_a_forged_one(waiting, account, clock):
    """The forger's look does not hide it: all that come within five seconds are confirmed by the next one."""
    waiting._looking._polling = Polling(first=500, longest=500)
    wait = await started(waiting)
    hinted(waiting, STATES["succeeded"])
    await clock.sleep(2)
    account.end(ID)
    hinted(waiting, STATES["succeeded"])
    assert (await wait).element_id == f"e{ID}"
    assert (account.looks, clock.elapsed) == ([0, 0, BETWEEN_HINTS], BETWEEN_HINTS)


async def test_a_hint_while_its_look_is_in_flight(waiting, account, clock):
    """It is not lost: what is in flight may have been answered before the end."""
    waiting._looking._polling = Polling(first=500, longest=500)
    wait = await started(waiting)
    account.takes = 1.0
    hinted(waiting, STATES["succeeded"])
    await passes(3)
    hinted(waiting, STATES["succeeded"])
    await clock.sleep(1.5)
    account.end(ID)
    assert (await wait).element_id == f"e{ID}"
    assert clock.elapsed == 1 + BETWEEN_HINTS + 1


@pytest.mark.parametrize(
    "error",
    [
        NoReplyError("reset"),
        NotFoundError("ezmodel", "get task", "Sorry", status=400),
        AuthenticationError("ezmodel", "get task", "Sorry", status=401),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_hint_that_can_not_be_confirmed(waiting, account, error):
    """A failed look that a stranger caused ends nothing: it is no second miss, and speaks for no key."""
    wait = await started(waiting)
    account.error = error
    hinted(waiting, STATES["succeeded"])
    await passes()
    account.error = None
    watch = waiting.watches.by_id[ID]
    assert (len(account.looks), wait.done(), watch.misses, watch.last_error) == (2, False, 0, None)
    account.end(ID)
    assert (await wait).element_id == f"e{ID}"


async def test_a_fault_in_a_reader(waiting, account):
    """What no look should raise reaches those who wait."""
    wait = await started(waiting)
    account.error = ZeroDivisionError("a fault")
    hinted(waiting, STATES["succeeded"])
    with pytest.raises(ZeroDivisionError):
        await wait


async def test_hints_on_both_ids(waiting, account):
    """One look confirms for the wait by the task's id and for that by its external id."""
    account.external_ids[ID] = "mine-1"
    waits = [await started(waiting, name) for name in ("mine-1", ID)]
    account.end(ID)
    hinted(waiting, *[task(ID, external_id="mine-1")] * 10)
    assert [(await wait).element_id for wait in waits] == [f"e{ID}"] * 2
    assert len(account.looks) == 3


async def test_a_hint_that_names_two_tasks(waiting, account):
    """It costs one look all the same."""
    account.add(OTHER)
    waits = [await started(waiting, name) for name in (ID, OTHER)]
    hinted(waiting, *[task(ID, external_id=OTHER)] * 10)
    await passes()
    assert account.looks == [0, 0, 0]
    for wait in waits:
        wait.cancel()


@pytest.mark.parametrize("passed", [0, 3, 30])
async def test_the_wait_is_cancelled_while_its_hint_is_confirmed(waiting, account, clock, passed):
    """The look ends with it, and nothing is left."""
    wait = await started(waiting)
    account.takes = 10.0
    hinted(waiting, STATES["succeeded"])
    await passes(passed)
    wait.cancel()
    await passes()
    assert (account.in_flight, waiting._at_work, waiting.watches.by_id, clock.elapsed) == (0, set(), {}, 0)


async def test_one_of_two_waits_is_cancelled_while_a_hint_is_confirmed(waiting, account):
    """The look goes on for the other."""
    first, second = await started(waiting), await started(waiting)
    account.takes = 0.5
    account.end(ID)
    hinted(waiting, STATES["succeeded"])
    await passes(3)
    first.cancel()
    assert (await second).element_id == f"e{ID}"
    assert (first.cancelled(), len(account.looks)) == (True, 2)


async def test_closed_while_a_hint_is_confirmed(waiting, account):
    """The wait ends as with any look, and the look goes."""
    wait = await started(waiting)
    account.takes = 10.0
    hinted(waiting, STATES["succeeded"])
    await passes(3)
    await waiting.close()
    with pytest.raises(Exception, match="closed"):
        await wait
    assert (account.in_flight, waiting._at_work) == (0, set())


# ---------------------------------------------------------------- the pace


async def heard(waiting, account, clock):
    """Let a callback of another task come true, as a watch that calls back would have it."""
    account.end(OTHER)
    wait = await started(waiting, OTHER, passed=1)
    signed(waiting, task(OTHER))
    await wait


async def steady(waiting, account, clock, *, calls_back=True):
    """A wait at its slowest usual pace."""
    waiting.watches.born(ID, "image", calls_back=calls_back)
    wait = await started(waiting, timeout=None)
    await clock.sleep(40)
    return wait


async def test_the_pace_while_callbacks_arrive(waiting, account, clock):
    """Looks come four times later, and go on."""
    wait = await steady(waiting, account, clock)
    began = clock.elapsed
    for _ in range(30):
        await heard(waiting, account, clock)
        await clock.sleep(10)
    own = [moment for moment in account.looks if moment > began and moment % 10 != 0]
    assert 300 / SLOWEST - 2 <= len(own) <= 300 / 16 + 2
    assert all(pause <= SLOWEST for pause in gaps(own))
    wait.cancel()


async def test_the_pace_when_they_stop(waiting, account, clock):
    """It comes back within a minute, and an end that no callback tells is seen after one slow pause at most."""
    wait = await steady(waiting, account, clock)
    await heard(waiting, account, clock)
    stopped = clock.elapsed
    await clock.sleep(HEARD_WITHIN + SLOWEST)
    late = gaps(account.looks, stopped + HEARD_WITHIN + SLOWEST - 10)
    await clock.sleep(60)
    late = gaps(account.looks, stopped + HEARD_WITHIN + SLOWEST)
    assert len(late) >= 8
    assert max(late) <= 6
    await heard(waiting, account, clock)
    account.end(ID)
    over = clock.elapsed
    await wait
    assert clock.elapsed - over <= SLOWEST


async def test_the_pace_of_a_task_that_calls_nobody(waiting, account, clock):
    """Callbacks of other tasks say nothing about one that was created without a URL."""
    wait = await steady(waiting, account, clock, calls_back=False)
    await heard(waiting, account, clock)
    began = clock.elapsed
    await clock.sleep(50)
    assert max(gaps(account.looks, began + 0.01)) <= 6
    wait.cancel()


async def pace_stays(waiting, account, clock):
    assert waiting.watches.slower_by(waiting.watches.by_id[ID]) == 1.0


async def test_forged_callbacks_do_not_slow_the_pace(waiting, account, clock):
    """Neither for known nor for unknown tasks, nor where the wait ends as its hint is looked into."""
    wait = await steady(waiting, account, clock)
    for _ in range(20):
        hinted(waiting, *STATES.values(), task("1"), task("1", TaskStatus.FAILED))
        await clock.sleep(3)
        await pace_stays(waiting, account, clock)
    account.add(OTHER)
    for ending in ("cancelled", "timed out", "refused"):
        other = await started(waiting, OTHER, timeout=2 if ending == "timed out" else None)
        account.takes = 5.0
        account.error = NotFoundError("ezmodel", "get task", "Sorry", status=400) if ending == "refused" else None
        hinted(waiting, task(OTHER))
        await passes(3)
        if ending == "cancelled":
            other.cancel()
        await clock.sleep(12)
        account.takes, account.error = 0.0, None
        await pace_stays(waiting, account, clock)
        other.cancel()
        await passes()
    wait.cancel()


async def test_replays_do_not_slow_the_pace(waiting, account, clock):
    """A signed callback that is sent again tells nothing new, whether its task still runs or not."""
    wait = await steady(waiting, account, clock)
    await heard(waiting, account, clock)
    for _ in range(int(HEARD_WITHIN / 5) + 1):
        await clock.sleep(5)
        signed(waiting, STATES["submitted"], STATES["processing"], task(OTHER), task("1"))
    await pace_stays(waiting, account, clock)
    wait.cancel()


async def test_a_true_hint_slows_the_pace(waiting, account, clock):
    """At a gateway that signs nothing, callbacks that come true count as well."""
    wait = await steady(waiting, account, clock)
    account.add(OTHER)
    other = await started(waiting, OTHER)
    account.end(OTHER)
    hinted(waiting, task(OTHER))
    await other
    assert waiting.watches.slower_by(waiting.watches.by_id[ID]) == SLOWER_WITH_CALLBACKS
    wait.cancel()


# ---------------------------------------------------------------- lists


async def many(waiting, account, count=20):
    account.has_lists = True
    names = [str(number) for number in range(count)]
    account.add(*names)
    for name in names:
        waiting.watches.born(name, "image", calls_back=True)
    return {name: asyncio.create_task(waiting.wait(name, timeout=600, on_update=None)) for name in names}


async def test_callbacks_among_lists(waiting, account, clock):
    """Signed or confirmed, an end is taken while lists are read, and the lists go on for the others."""
    waits = await many(waiting, account)
    await clock.sleep(20)
    looks = len(account.looks)
    signed(waiting, task("0", element_id="77"), task("1", TaskStatus.FAILED), task("2", TaskStatus.PROCESSING))
    account.end("3", "4")
    hinted(waiting, task("3", element_id="foreign"), task("5"))
    await passes()
    assert waits["0"].result().element_id == "77"
    assert isinstance(waits["1"].exception(), ElementFailedError)
    assert waits["3"].result().element_id == "e3"
    # A hint brings the next list on, which shows the other end, too.
    assert (waits["4"].done(), waits["5"].done(), len(account.looks) - looks) == (True, False, 0)
    account.end(*map(str, range(5, 20)))
    assert [(await waits[str(number)]).element_id for number in range(4, 20)] == [f"e{n}" for n in range(4, 20)]


async def test_lists_while_callbacks_arrive(waiting, account, clock):
    """They come four times later, too, although no list has ever shown an end; when callbacks stop, as before."""
    waits = await many(waiting, account, 60)
    await clock.sleep(40)
    began = clock.elapsed
    for number in range(20):
        account.end(str(number))
        signed(waiting, task(str(number)))
        await clock.sleep(5)
    slow = gaps(account.lists, began + 6)
    assert min(slow) >= 4 * SLOWER_WITH_CALLBACKS
    assert max(slow) <= SLOWEST
    await clock.sleep(HEARD_WITHIN + SLOWEST)
    stopped = clock.elapsed
    await clock.sleep(60)
    assert max(gaps(account.lists, stopped)) <= 6
    for wait in waits.values():
        wait.cancel()


async def test_a_signed_end_while_its_list_is_on_the_way(waiting, account, clock):
    """The list, which is older, does not bring it back."""
    waits = await many(waiting, account)
    await clock.sleep(3)
    listed = account.list_page

    async def overtaken(number, size):
        page = await listed(number, size)
        account.list_page = waiting._sweeping._list_page = listed
        signed(waiting, task("7", element_id="77"))
        return page

    waiting._sweeping._list_page = overtaken
    assert (await waits["7"]).element_id == "77"
    await clock.sleep(10)
    assert [name for name, wait in waits.items() if wait.done()] == ["7"]
    for wait in waits.values():
        wait.cancel()
