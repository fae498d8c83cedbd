"""One list for many waits, on virtual time, with an account of tasks that end when the test says."""

import asyncio
import math

import pytest

from kling_elements_async import (
    AuthenticationError,
    Element,
    ElementFailedError,
    ElementTask,
    GatewayBrokenError,
    NoReplyError,
    NotFoundError,
    NotOfferedError,
    Page,
    Polling,
    RateLimitedError,
    SessionUnusableError,
    TaskStatus,
    UnexpectedReplyError,
    WaitTimeoutError,
    sweeping,
)
from kling_elements_async.lifecycle import Lifecycle
from kling_elements_async.sweeping import DOWN_TO, FROM, LEFT_ALONE_FOR, MOST_ROWS
from kling_elements_async.waiting import Waiting

MANY = 25


def refused(kind, status):
    return kind("ezmodel", "list elements", "Sorry", status=status)


def record(task_id, status, external_id=None):
    made = (Element(f"e{task_id}", reference_type="image"),) if status is TaskStatus.SUCCEEDED else ()
    return ElementTask(task_id, status, str(status), "No face", external_task_id=external_id, elements=made)


class Account:
    """Tasks that end at set times; a list of them, newest first, and a look at each. `ends` is by task id."""

    def __init__(self, clock):
        self.clock = clock
        self.ends = {}
        self.failed = set()
        self.external_ids = {}
        self.lists = []  # when, which page, how many rows
        self.looks = []  # when, which task
        self.lag = 0.0
        self.ignores_number = False
        self.shows = lambda _: True
        self.arranged = lambda rows: rows[::-1]
        self.list_error = None
        self.look_error = None

    def add(self, *task_ids, after=math.inf):
        self.ends |= dict.fromkeys(task_ids, self.clock.elapsed + after)
        return list(task_ids)

    def task(self, task_id, lag=0.0):
        if self.ends[task_id] > self.clock.elapsed - lag:
            status = TaskStatus.PROCESSING
        else:
            status = TaskStatus.FAILED if task_id in self.failed else TaskStatus.SUCCEEDED
        return record(task_id, status, self.external_ids.get(task_id))

    async def list_page(self, number, size):
        self.lists.append((self.clock.elapsed, number, size))
        assert number <= 1000, "no list has more pages"
        await asyncio.sleep(0)
        if self.list_error:
            raise self.list_error
        rows = self.arranged([self.task(task_id, self.lag) for task_id in self.ends])
        start = 0 if self.ignores_number else (number - 1) * size
        rows = [row for row in rows if self.shows(row)][start : start + size]
        return Page((), tuple(rows), number, size, raw=rows)

    async def look(self, task_id, until):
        self.looks.append((self.clock.elapsed, task_id))
        await asyncio.sleep(0)
        if self.look_error:
            raise self.look_error
        if task_id not in self.ends:
            raise refused(NotFoundError, 400)
        return self.task(task_id)

    @property
    def looked_at(self):
        return {task_id for _, task_id in self.looks}


@pytest.fixture
def account(clock):
    return Account(clock)


@pytest.fixture
def lifecycle(clock):
    return Lifecycle(clock)


@pytest.fixture
async def waiting(account, lifecycle):
    waiting = Waiting(account.look, account.list_page, Polling(), lifecycle)
    yield waiting
    await waiting.close()
    assert (waiting.watches.by_id, waiting._at_work) == ({}, set())


def ids(count, start=0):
    return [str(number) for number in range(start, start + count)]


async def all_ended(waiting, task_ids, timeout=600.0):
    """Wait for all; returns what each came to: an element id or an error."""
    waits = (waiting.wait(task_id, timeout=timeout, on_update=None) for task_id in task_ids)
    found = await asyncio.gather(*waits, return_exceptions=True)
    return [task.element_id if isinstance(task, ElementTask) else task for task in found]


def elements(task_ids):
    return [f"e{task_id}" for task_id in task_ids]


# ---------------------------------------------------------------- when a list pays


async def test_many_are_settled_by_one_list(waiting, account):
    """Forty tasks that have ended take one request together, and nobody looks at one of them."""
    tasks = account.add(*ids(MANY), after=0)
    assert await all_ended(waiting, tasks) == elements(tasks)
    assert (len(account.lists), account.looks) == (1, [])


async def test_many_that_end_one_after_the_other(waiting, account, clock):
    """Each is noticed soon after its end, by far fewer requests than a look at each would take."""
    for number in range(MANY):
        account.add(str(number), after=10 + number / 4)
    late = []

    async def one(task_id):
        assert (await waiting.wait(task_id, timeout=600, on_update=None)).element_id == f"e{task_id}"
        late.append(clock.elapsed - account.ends[task_id])

    await asyncio.gather(*map(one, account.ends))
    assert len(account.lists) + len(account.looks) < MANY
    assert sum(late) / len(late) < 2
    assert max(late) < 6


async def test_failures_in_a_list(waiting, account):
    """A task that the list shows as failed ends with its reason, and the others go on."""
    tasks = account.add(*ids(MANY), after=5)
    account.failed = {"3"}
    found = await all_ended(waiting, tasks)
    assert isinstance(found.pop(3), ElementFailedError)
    assert set(found) == set(elements(tasks)) - {"e3"}


async def test_waits_for_external_ids(waiting, account):
    """A row is known by its external id, too, where that is what was asked for."""
    tasks = account.add(*ids(MANY), after=3)
    account.external_ids = {task_id: f"mine-{task_id}" for task_id in tasks}
    found = await all_ended(waiting, [f"mine-{task_id}" for task_id in tasks])
    assert (found, account.looks) == (elements(tasks), [])


async def test_several_waits_for_each(waiting, account):
    """Two waits for one task are one open task, and both get its end."""
    tasks = account.add(*ids(MANY), after=3)
    assert await all_ended(waiting, tasks * 2) == elements(tasks) * 2
    assert account.looks == []


@pytest.mark.parametrize("count", [1, FROM])
async def test_a_few_are_looked_at_singly(waiting, account, count):
    """No list is read for as few as that."""
    tasks = account.add(*ids(count), after=20)
    assert await all_ended(waiting, tasks) == elements(tasks)
    assert (account.lists, account.looked_at) == ([], set(tasks))


async def test_from_how_many_on(waiting, account):
    """One more, and the list is read."""
    tasks = account.add(*ids(FROM + 1), after=20)
    assert await all_ended(waiting, tasks) == elements(tasks)
    assert account.lists != []
    assert len(account.looks) < len(account.lists)


async def test_when_only_a_few_are_left(waiting, account):
    """Then each of those is looked at singly, and no list is read any more."""
    account.add(*ids(MANY), after=5)
    slow = account.add(*ids(DOWN_TO, MANY), after=200)
    tasks = list(account.ends)
    assert await all_ended(waiting, tasks) == elements(tasks)
    assert account.lists[-1][0] < 20
    assert {task_id for at, task_id in account.looks if at > 20} == set(slow)


async def test_more_tasks_than_a_page_holds(waiting, account):
    """As many pages as the open tasks need, and one request for many of them all the same."""
    tasks = account.add(*ids(2 * MOST_ROWS + 10), after=3)
    assert await all_ended(waiting, tasks) == elements(tasks)
    assert {number for _, number, _ in account.lists} == {1, 2, 3}
    assert max(size for _, _, size in account.lists) == MOST_ROWS
    assert len(account.lists) + len(account.looks) < 30


async def test_other_tasks_of_the_account(waiting, account):
    """Rows of tasks that nobody here waits for are passed over."""
    account.add(*ids(20, 500))
    tasks = account.add(*ids(MANY), after=3)
    account.add(*ids(20, 700), after=0)
    assert await all_ended(waiting, tasks) == elements(tasks)
    assert account.looks == []


@pytest.mark.parametrize("urgent", [False, True])
async def test_the_pace_while_creates_queue(account, lifecycle, clock, urgent):
    """Where a create waits for a slot, the end of a task is noticed at the quickest pace."""
    waiting = Waiting(account.look, account.list_page, Polling(), lifecycle, is_urgent=lambda: urgent)
    account.add(*ids(6), after=5)
    tasks = account.add(*ids(10, 6), after=100)
    ending = asyncio.create_task(all_ended(waiting, ids(6)))
    assert await all_ended(waiting, tasks) == elements(tasks)
    await ending
    sweeps = [at for at, _, _ in account.lists if at > 20]
    between = (sweeps[-1] - sweeps[0]) / (len(sweeps) - 1)
    assert (between < 1.2) if urgent else (4 < between < 6)
    await waiting.close()


# ---------------------------------------------------------------- deadlines, joining, leaving


async def test_a_deadline_among_many(waiting, account, clock):
    """A wait that is left to the lists ends at its own timeout all the same, with what was last seen."""
    account.add(*ids(MANY + 1))
    others = [asyncio.create_task(waiting.wait(str(n), timeout=60, on_update=None)) for n in range(MANY)]
    with pytest.raises(WaitTimeoutError) as info:
        await waiting.wait(str(MANY), timeout=3.3, on_update=None)
    assert (info.value.elapsed, clock.elapsed) == (pytest.approx(3.3), pytest.approx(3.3))
    assert info.value.task.status is TaskStatus.PROCESSING
    found = await asyncio.gather(*others, return_exceptions=True)
    assert {type(error) for error in found} == {WaitTimeoutError}


@pytest.mark.parametrize("timeout", [0, 0.5, 2, 30])
async def test_joining_just_after_a_list(waiting, account, clock, timeout):
    """A wait that comes between two lists has a look within its timeout, and finds that its task has ended."""
    account.add(*ids(MANY))
    others = [asyncio.create_task(waiting.wait(task_id, timeout=100, on_update=None)) for task_id in account.ends]
    await clock.sleep(30)
    read = len(account.lists)
    while len(account.lists) == read:
        await clock.sleep(0.1)
    account.add("late", after=0)
    start = clock.elapsed
    assert await all_ended(waiting, ["late"], timeout) == ["elate"]
    assert clock.elapsed - start <= timeout
    await asyncio.gather(*others, return_exceptions=True)


async def test_cancelling_most(waiting, account, clock):
    """Waits that are cancelled are no longer asked for, and the rest come to their end."""
    tasks = account.add(*ids(MANY), after=30)
    waits = [asyncio.create_task(waiting.wait(task_id, timeout=600, on_update=None)) for task_id in tasks]
    await clock.sleep(5)
    for wait in waits[2:]:
        wait.cancel()
    found = await asyncio.gather(*waits, return_exceptions=True)
    assert [task.element_id for task in found[:2]] == ["e0", "e1"]
    assert account.lists[-1][0] < 15
    assert {task_id for at, task_id in account.looks if at > 15} == {"0", "1"}


async def test_cancelling_all(waiting, account, clock):
    """The lists end, too."""
    tasks = account.add(*ids(MANY))
    waits = [asyncio.create_task(waiting.wait(task_id, timeout=600, on_update=None)) for task_id in tasks]
    await clock.sleep(5)
    for wait in waits:
        wait.cancel()
    await asyncio.wait(waits)
    read = len(account.lists)
    await clock.sleep(100)
    assert (len(account.lists), account.looks, waiting.watches.by_id) == (read, account.looks, {})


async def test_closing(waiting, account, lifecycle, clock):
    """Every wait ends with an error of ours, within a list or between two."""
    tasks = account.add(*ids(MANY))
    waits = [asyncio.create_task(waiting.wait(task_id, timeout=600, on_update=None)) for task_id in tasks]
    await clock.sleep(5)
    lifecycle.close()
    await waiting.close()
    found = await asyncio.gather(*waits, return_exceptions=True)
    assert {type(error) for error in found} == {SessionUnusableError}


# ---------------------------------------------------------------- what a list does not show


async def test_what_two_lists_did_not_show(waiting, account):
    """It is looked at singly from then on; the rest stays with the lists."""
    tasks = account.add(*ids(MANY), after=30)
    account.shows = lambda task: task.task_id not in ("3", "7")
    assert await all_ended(waiting, tasks) == elements(tasks)
    # Now and then the oldest of those left to the lists is looked at, too.
    assert {"3", "7"} <= account.looked_at
    assert sum(task_id in ("3", "7") for _, task_id in account.looks) > len(account.looks) / 2
    first = min(at for at, task_id in account.looks if task_id == "3")
    assert len({at for at, _, _ in account.lists if at <= first}) == 2


async def test_a_task_that_nobody_knows(waiting, account):
    """Lists can't tell that there is none: a single look does."""
    tasks = account.add(*ids(MANY), after=60)
    *found, missing = await all_ended(waiting, [*tasks, "nobody's"])
    assert (found, type(missing)) == (elements(tasks), NotFoundError)


async def test_a_list_of_what_has_ended_only(waiting, account):
    """Unfinished tasks are not in it: they are looked at singly, and the list is left alone for a while."""
    tasks = account.add(*ids(MANY), after=60)
    account.shows = lambda task: task.is_terminal
    assert await all_ended(waiting, tasks) == elements(tasks)
    assert (len(account.lists), account.looked_at) == (2, set(tasks))


async def test_a_list_without_failed_tasks(waiting, account):
    """A task that vanishes from the list is looked at singly, and its failure is found."""
    tasks = account.add(*ids(MANY), after=10)
    account.failed = {"3"}
    account.shows = lambda task: task.status is not TaskStatus.FAILED
    assert isinstance((await all_ended(waiting, tasks))[3], ElementFailedError)


async def test_a_list_that_is_empty(waiting, account):
    """So is one that shows nothing at all."""
    tasks = account.add(*ids(MANY), after=20)
    account.shows = lambda _: False
    assert await all_ended(waiting, tasks) == elements(tasks)
    assert len(account.lists) == 2


async def test_a_list_in_another_order(waiting, account):
    """Oldest first behind a long history: the open tasks are pages away, so each is looked at singly."""
    account.add(*ids(1000, 1000), after=0)
    tasks = account.add(*ids(MANY), after=60)
    account.arranged = lambda rows: rows
    assert await all_ended(waiting, tasks) == elements(tasks)
    assert (len({at for at, _, _ in account.lists}), account.looked_at) == (2, set(tasks))
    assert len(account.lists) <= 4


async def test_a_list_in_no_order(waiting, account):
    """As long as it shows the open tasks, their order does not matter."""
    tasks = account.add(*ids(MANY), after=10)
    account.arranged = lambda rows: sorted(rows, key=lambda row: hash(row.task_id) % 97)
    assert await all_ended(waiting, tasks) == elements(tasks)
    assert len(account.lists) > len(account.looks)


async def test_a_list_that_sends_one_page_for_ever(waiting, account):
    """Fault 80: what its only page does not show is looked at singly, and is not looked for on a thousand more."""
    tasks = account.add(*ids(FROM, 5000), after=20)
    account.add(*ids(MOST_ROWS, 1000))
    tasks += account.add(*ids(FROM), after=20)
    account.ignores_number = True
    assert await all_ended(waiting, tasks) == elements(tasks)
    assert max(number for _, number, _ in account.lists) <= 2


async def test_a_list_that_lags_a_little(waiting, account, clock):
    """Every task ends all the same, at worst as late as the list is."""
    tasks = account.add(*ids(MANY), after=20)
    account.lag = 3
    assert await all_ended(waiting, tasks) == elements(tasks)
    assert clock.elapsed < 20 + 3 + 6


async def test_a_list_that_lags_for_good(waiting, account, clock):
    """Single looks now and then find it out: it is left alone, and no task waits for the lag."""
    tasks = account.add(*ids(MANY), after=20)
    account.lag = 3600
    assert await all_ended(waiting, tasks) == elements(tasks)
    assert clock.elapsed < 60
    assert account.looked_at == set(tasks)


def created(waiting, account, *task_ids, after):
    """Tasks that this session has just made."""
    for task_id in task_ids:
        waiting.watches.born(task_id, "image")
    return account.add(*task_ids, after=after)


async def test_a_list_that_was_left_alone(waiting, account, clock):
    """Later it is tried again, by new waits: one that does not show what was just created is no help."""
    tasks = created(waiting, account, *ids(MANY), after=20)
    account.shows = lambda _: False
    await all_ended(waiting, tasks)
    read = len(account.lists)
    await clock.sleep(LEFT_ALONE_FOR / 2)
    await all_ended(waiting, created(waiting, account, *ids(MANY, 100), after=5))
    assert len(account.lists) == read
    await clock.sleep(LEFT_ALONE_FOR)
    account.shows = lambda _: True
    tasks = account.add(*ids(MANY, 200), after=5)
    assert await all_ended(waiting, tasks) == elements(tasks)
    assert len(account.lists) > read
    assert len(account.looked_at & set(tasks)) <= 2, "one of the oldest, now and then"


async def test_tasks_of_long_ago_before_new_ones(waiting, account, clock):
    """Old ones stand too deep for the list, and say nothing against it: those made soon after are settled by it."""
    old = account.add(*ids(MANY, 5000), after=60)
    account.add(*ids(1000, 1000), after=0)
    waits = asyncio.create_task(all_ended(waiting, old))
    await clock.sleep(6)
    for start in range(0, 400, MANY):
        new = created(waiting, account, *ids(MANY, start), after=8)
        assert await all_ended(waiting, new) == elements(new)
    assert await waits == elements(old)
    looks = [task_id for _, task_id in account.looks if task_id not in old]
    assert len(looks) < 100, "and not one after the other"


async def test_old_tasks_alone(waiting, account):
    """A list that does not show them is asked for them again, but more and more seldom."""
    account.shows = lambda _: False
    for start in range(0, 10 * MANY, MANY):
        tasks = account.add(*ids(MANY, start), after=5)
        assert await all_ended(waiting, tasks) == elements(tasks)
    assert len(account.lists) < 12


async def test_few_waits_after_very_many(waiting, account, monkeypatch):
    """The pages that many needed say nothing of what a few need."""
    monkeypatch.setattr(sweeping, "MOST_ROWS", 50)
    many = account.add(*ids(500, 1000), after=5)
    await all_ended(waiting, many)
    account.lists.clear()
    account.looks.clear()
    await all_ended(waiting, account.add(*ids(3 * FROM), after=100))
    assert len(account.looks) < len(account.lists)


async def test_waits_that_come_while_others_are_known_to_take_long(waiting, account, clock):
    """Nobody looks at the first for two minutes: a task that ends sooner, or has ended long ago, is seen soon."""
    for _ in range(30):
        waiting.watches.durations.note("video", 120.0)
    for task_id in ids(MANY):
        waiting.watches.born(task_id, "video")
    videos = asyncio.create_task(all_ended(waiting, account.add(*ids(MANY), after=125)))
    await clock.sleep(1)

    async def seconds(task_id, after):
        began = clock.elapsed
        await all_ended(waiting, account.add(task_id, after=after))
        return clock.elapsed - began

    waiting.watches.born("image", "image")
    old, image = await asyncio.gather(seconds("old", after=-1000), seconds("image", after=5))
    assert old < 2
    assert 5 <= image < 12
    await videos


async def test_a_row_without_its_element(waiting, account):
    """A list may leave out what the query has: success without an element id is looked at, and is no end."""
    account.add("bare", after=5)
    tasks = [*account.ends, *account.add(*ids(MANY), after=60)]
    bare = ElementTask("bare", TaskStatus.SUCCEEDED, "succeed")
    account.arranged = lambda rows: [bare if row.task_id == "bare" and row.is_terminal else row for row in rows]
    assert await all_ended(waiting, tasks) == elements(tasks)


# ---------------------------------------------------------------- a list that fails


async def test_no_list_at_this_gateway(waiting, account):
    """It is asked for once, and never again; each task is looked at singly."""
    account.list_error = NotOfferedError("anyfast", "list elements")
    for start in (0, 100):
        tasks = account.add(*ids(MANY, start), after=20)
        assert await all_ended(waiting, tasks) == elements(tasks)
    assert (len(account.lists), account.looked_at) == (1, set(account.ends))


async def test_no_list_after_many_ends(waiting, account):
    """The looks come as closely as the durations of the kind lie: what the attempt at a list took is no wait."""
    account.list_error = NotOfferedError("anyfast", "list elements")
    for number in range(45):
        waiting.watches.durations.note("image", 16.0 + number % 9)
    await all_ended(waiting, created(waiting, account, *ids(MANY), after=23.5))
    for task_id in ids(MANY):
        looks = [at for at, each in account.looks if each == task_id]
        assert looks[0] > 14
        assert looks[1] - looks[0] < 1.5
        assert len(looks) >= 6


@pytest.mark.parametrize(
    "error",
    [
        refused(GatewayBrokenError, 503),
        pytest.param(NoReplyError("reset"), marks=pytest.mark.slow),
        pytest.param(UnexpectedReplyError("?", status=200), marks=pytest.mark.slow),
        pytest.param(refused(RateLimitedError, 429), marks=pytest.mark.slow),
        refused(NotFoundError, 404),
    ],
    ids=str,
)
async def test_a_list_that_fails_for_good(waiting, account, error):
    """After three failures in a row it is left alone and each task looked at singly; once in a while it is tried."""
    account.list_error = error
    tasks = account.add(*ids(MANY), after=30)
    assert await all_ended(waiting, tasks) == elements(tasks)
    assert account.looked_at == set(tasks)
    assert len([at for at, _, _ in account.lists if at < 5]) == 3
    assert len(account.lists) <= 5


async def test_a_list_that_fails_at_the_beginning(waiting, account, clock):
    """The waits that were there before it recovered are left to it again, without a new one that asks for it."""
    account.list_error = NoReplyError("reset")
    tasks = account.add(*ids(MANY), after=60)
    waits = asyncio.create_task(all_ended(waiting, tasks))
    await clock.sleep(8)
    account.list_error = None
    assert await waits == elements(tasks)
    assert len({task_id for at, task_id in account.looks if at > 30}) < MANY / 4


async def test_a_list_that_fails_for_a_moment(waiting, account, clock):
    """Two failures change nothing but the moment, and the tasks are not looked at singly for them."""
    tasks = account.add(*ids(MANY), after=4)
    account.list_error = NoReplyError("reset")
    recovering = asyncio.create_task(all_ended(waiting, tasks))
    while len(account.lists) < 2:
        await clock.sleep(0.1)
    account.list_error = None
    assert await recovering == elements(tasks)
    assert len(account.looked_at) <= 1, "the oldest, now and then"


async def test_a_gateway_that_answers_nothing_is_said_in_the_log(waiting, account, caplog):
    """Once for the session, however many wait, by whichever kind of look."""
    account.list_error = account.look_error = NoReplyError("reset")
    found = await all_ended(waiting, account.add(*ids(MANY)), timeout=60)
    assert {(type(error), str(error.last_error)) for error in found} == {(WaitTimeoutError, "reset")}
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == ["5 looks in a row have failed"]


async def test_a_deadline_while_the_list_fails(waiting, account, clock):
    """The error of a wait that ends then names what kept it from seeing."""
    account.list_error = account.look_error = NoReplyError("reset")
    found = await all_ended(waiting, account.add(*ids(MANY)), timeout=20)
    assert {type(error) for error in found} == {WaitTimeoutError}
    assert {str(error.last_error) for error in found} == {"reset"}
    assert clock.elapsed == pytest.approx(20)


async def test_a_refused_key(waiting, account):
    """401 to the list speaks for all who wait: each gets its own copy, and none asks again (fault 36)."""
    account.list_error = account.look_error = refused(AuthenticationError, 401)
    found = await all_ended(waiting, account.add(*ids(MANY)))
    assert {type(error) for error in found} == {AuthenticationError}
    assert len({id(error) for error in found}) == MANY
    assert len(account.lists) + len(account.looks) <= FROM


async def test_a_fault_in_a_reader(waiting, account):
    """An exception that is none of ours reaches those who wait, and is not waited out."""
    account.list_error = ZeroDivisionError("a bug in a gateway of one's own")
    found = await all_ended(waiting, account.add(*ids(MANY)))
    assert {type(error) for error in found} == {ZeroDivisionError}
