"""Waits on virtual time, with a fake look, at a gateway that has no lists."""

import asyncio
import itertools
import logging
import math
import pickle
from contextlib import suppress
from enum import StrEnum

import pytest
from attrs import evolve

from kling_elements_async import (
    ApiError,
    AuthenticationError,
    Element,
    ElementFailedError,
    ElementTask,
    GatewayBrokenError,
    InsufficientBalanceError,
    NoReplyError,
    NotFoundError,
    NotOfferedError,
    NotSentError,
    PermissionDeniedError,
    Polling,
    RateLimitedError,
    SessionUnusableError,
    TaskStatus,
    UnexpectedReplyError,
    WaitTimeoutError,
)
from kling_elements_async.lifecycle import Lifecycle
from kling_elements_async.waiting import Waiting

ID = "860434405402222626"
RUNNING = ElementTask(ID, TaskStatus.PROCESSING, "processing")
SUBMITTED = ElementTask(ID, TaskStatus.SUBMITTED, "")
DONE = ElementTask(ID, TaskStatus.SUCCEEDED, "succeed", elements=(Element("1"),))
EMPTY = ElementTask(ID, TaskStatus.SUCCEEDED, "succeed", raw={"task_result": "nothing here"})
FAILED = ElementTask(ID, TaskStatus.FAILED, "failed", "No face")
CANCELLED = ElementTask(ID, TaskStatus.FAILED, "cancelled")
STRANGE = ElementTask(ID, TaskStatus.UNKNOWN, "warming_up_v9")


def refused(kind, status=400):
    return kind("ezmodel", "get task", "Sorry", status=status)


MISSED = {
    "5xx": refused(GatewayBrokenError, 502),
    "a reset": NoReplyError("reset"),
    "no connection": NotSentError("refused"),
    "a limit": refused(RateLimitedError, 429),
    "garbage": UnexpectedReplyError("?", status=200),
    "a page": UnexpectedReplyError("?", status=404),
    "no money": refused(InsufficientBalanceError, 402),
    "an unknown code": refused(ApiError, 200),
}


class Gateway:
    """Answers looks in turn, the last answer for ever; `takes` seconds for each."""

    def __init__(self, clock):
        self.clock = clock
        self.answers = [RUNNING]
        self.at = []
        self.asked = []
        self.untils = []
        self.takes = 0.0

    def script(self, *answers):
        self.answers = list(answers)
        return self

    async def look(self, task_id, until):
        self.at.append(round(self.clock.elapsed, 6))
        self.asked.append(task_id)
        self.untils.append(until)
        if self.takes:
            await self.clock.sleep(self.takes)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        # Element 1 for the usual task, and an element of its own for each other.
        elements = tuple(evolve(each, element_id="1" if task_id == ID else task_id) for each in answer.elements)
        return evolve(answer, task_id=task_id, elements=elements)

    async def list_page(self, page, page_size):
        raise NotOfferedError("ezmodel", "list elements")


@pytest.fixture
def gateway(clock):
    return Gateway(clock)


@pytest.fixture
def lifecycle(clock):
    return Lifecycle(clock)


@pytest.fixture
async def waiting(gateway, lifecycle):
    waiting = Waiting(gateway.look, gateway.list_page, Polling(), lifecycle)
    yield waiting
    await waiting.close()
    assert (waiting.watches.by_id, waiting._at_work) == ({}, set())


def wait(waiting, task_id=ID, timeout=600.0, on_update=None):
    return waiting.wait(task_id, timeout=timeout, on_update=on_update)


async def passes(count=30):
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("before", [[], [RUNNING], [SUBMITTED, RUNNING, STRANGE], [EMPTY, EMPTY]], ids=str)
async def test_a_task_that_ends_well(waiting, gateway, before):
    """The first end that is seen is the end, whatever stood before it, and nothing is asked after it."""
    gateway.script(*before, DONE, FAILED)
    assert (await wait(waiting)).element_id == "1"
    assert len(gateway.at) == len(before) + 1


@pytest.mark.parametrize("task", [FAILED, CANCELLED], ids=lambda task: task.status_word)
async def test_a_task_that_fails(waiting, gateway, task):
    """The wait ends at once, with the task in its error."""
    gateway.script(RUNNING, task, DONE)
    with pytest.raises(ElementFailedError) as info:
        await wait(waiting)
    assert (info.value.task, len(gateway.at)) == (task, 2)


async def test_the_pace_of_looks(waiting, gateway):
    """One look at once, then at the pace of Polling, each pause ± 20 %."""
    gateway.script(*[RUNNING] * 9, DONE)
    await wait(waiting)
    pauses = [later - earlier for earlier, later in itertools.pairwise(gateway.at)]
    assert gateway.at[0] == 0
    for pause, middle in zip(pauses, [1, 1, 1, 1, 1.5, 2.25, 3.375, 5, 5], strict=True):
        assert 0.8 * middle <= pause <= 1.2 * middle


@pytest.mark.parametrize("error", list(MISSED.values()), ids=list(MISSED))
async def test_a_failed_look_is_a_missed_look(waiting, gateway, clock, error):
    """Twenty in a row do not end the wait; the pace stays that of Polling."""
    gateway.script(*[error] * 20, DONE)
    assert (await wait(waiting)).element_id == "1"
    assert 60 < clock.elapsed < 90


@pytest.mark.parametrize("timeout", [0.5, 3, 30.25])
@pytest.mark.parametrize(
    "answer", [RUNNING, STRANGE, SUBMITTED, MISSED["a reset"]], ids=["running", "strange", "empty", "reset"]
)
async def test_a_deadline(waiting, gateway, clock, timeout, answer):
    """It holds exactly; the error names the last word, the last error, the task and the time."""
    gateway.script(answer)
    with pytest.raises(WaitTimeoutError) as info:
        await wait(waiting, timeout=timeout)
    error = info.value
    assert clock.elapsed == pytest.approx(timeout)
    assert (error.task_id, error.elapsed) == (ID, pytest.approx(timeout))
    if isinstance(answer, ElementTask):
        assert (error.task, error.last_error, repr(answer.status_word) in str(error)) == (answer, None, True)
    else:
        assert (error.task, str(error.last_error)) == (None, "reset")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


async def test_a_wait_in_which_no_look_succeeded(waiting, gateway):
    """Nothing is claimed of a task that was never seen: neither that it goes on, nor that it is there."""
    gateway.script(NotSentError("no connection to ezmodel"))
    with pytest.raises(WaitTimeoutError) as info:
        await wait(waiting, timeout=4)
    assert str(info.value) == (
        f"task {ID} was not seen once in 4.0 s; the last look failed: no connection to ezmodel. "
        f"Whether it goes on at the gateway is not known: wait_for_element('{ID}') looks again"
    )


async def test_a_word_of_a_gateway_of_another_package(waiting, gateway):
    """It may be a member of an enumeration of its own: a text all the same."""

    class Word(StrEnum):
        RENDERING = "rendering"

    gateway.script(ElementTask(ID, TaskStatus.PROCESSING, Word.RENDERING))
    with pytest.raises(WaitTimeoutError, match="'rendering'"):
        await wait(waiting, timeout=3)


async def test_looks_that_fail_one_after_the_other_are_said_once(waiting, gateway, caplog):
    """A wait goes on without a word, so the log has one: without what the gateway sent, and again after a success."""
    page = UnexpectedReplyError("no JSON; check base_url: <html>", status=404, excerpt="<html>")
    gateway.script(*[page] * 30, RUNNING, *[MISSED["5xx"]] * 30, DONE)
    await wait(waiting)
    first, second = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert first == "5 looks in a row have failed, the last one so: no JSON; check base_url: …; the waits go on"
    assert "5 looks in a row" in second


@pytest.mark.parametrize(
    "answers", [[MISSED["5xx"], RUNNING] * 10, [refused(NotFoundError)] * 20], ids=["some", "new"]
)
async def test_a_few_missed_looks_are_nothing_to_say(waiting, gateway, clock, caplog, answers):
    """A line that sometimes fails is what a wait is made for, and so is a task that is not visible yet."""
    waiting.watches.born(ID, "image")
    gateway.script(*answers, DONE)
    with suppress(NotFoundError):
        await wait(waiting)
    assert caplog.records == []


async def test_a_last_error_is_that_of_the_last_look(waiting, gateway):
    """A look that succeeded later leaves no error behind, and the task is the last one seen."""
    gateway.script(MISSED["5xx"], RUNNING)
    with pytest.raises(WaitTimeoutError) as info:
        await wait(waiting, timeout=3)
    assert (info.value.task, info.value.last_error) == (RUNNING, None)


@pytest.mark.parametrize("timeout", [-1, -0.001, math.nan, -math.inf])
async def test_a_timeout_that_is_none(waiting, gateway, timeout):
    """Negative and NaN are refused before anything is asked."""
    with pytest.raises(ValueError, match="timeout"):
        await wait(waiting, timeout=timeout)
    assert gateway.at == []


@pytest.mark.parametrize("timeout", [None, math.inf])
async def test_no_limit(waiting, gateway, clock, timeout):
    """A task that takes an hour is waited for."""
    gateway.script(*[RUNNING] * 700, DONE)
    assert (await wait(waiting, timeout=timeout)).element_id == "1"
    assert clock.elapsed > 3000


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (DONE, None),
        (FAILED, ElementFailedError),
        (RUNNING, WaitTimeoutError),
        (EMPTY, WaitTimeoutError),
        (MISSED["5xx"], WaitTimeoutError),
        (refused(NotFoundError), WaitTimeoutError),
        (refused(AuthenticationError, 401), AuthenticationError),
    ],
    ids=str,
)
async def test_no_time_is_one_look(waiting, gateway, answer, error):
    """timeout=0 asks once, at once, and says what it saw."""
    gateway.script(answer)
    if error is None:
        assert await wait(waiting, timeout=0) == DONE
    else:
        with pytest.raises(error):
            await wait(waiting, timeout=0)
    assert gateway.at == [0.0]


# ---------------------------------------------------------------- what ends a wait early


async def test_success_without_an_element_id(waiting, gateway):
    """A few looks of grace, then an error that shows the raw record."""
    gateway.script(EMPTY)
    with pytest.raises(UnexpectedReplyError, match="names no element") as info:
        await wait(waiting)
    assert (2 <= len(gateway.at) <= 5, "nothing here" in info.value.excerpt) == (True, True)


async def test_an_answer_that_would_come_again(waiting, gateway):
    """A float id or a redirect is looked at a few times, and then raised as it is."""
    gateway.script(UnexpectedReplyError("digits lost", status=200, permanent=True))
    with pytest.raises(UnexpectedReplyError, match="digits lost"):
        await wait(waiting)
    assert 2 <= len(gateway.at) <= 5


@pytest.mark.parametrize(
    "error", [refused(AuthenticationError, 401), refused(PermissionDeniedError, 403)], ids=str
)
async def test_a_refused_key_ends_all_waits(waiting, gateway, error):
    """One refusal speaks for the key: the other waits do not each ask again, and each gets its own copy."""
    gateway.script(*[RUNNING] * 50, error)
    many = [wait(waiting, str(number)) for number in range(50)]
    found = await asyncio.gather(*many, return_exceptions=True)
    assert {type(one) for one in found} == {type(error)}
    assert len({id(one) for one in found}) == 50
    assert len(gateway.at) == 51


async def test_no_such_call(waiting, gateway):
    """A gateway that offers no query ends the wait at once."""
    gateway.script(NotOfferedError("sixth", "get one element"))
    with pytest.raises(NotOfferedError):
        await wait(waiting)
    assert len(gateway.at) == 1


async def test_a_task_that_nobody_knows(waiting, gateway):
    """The first miss may be a lag; the second is the answer."""
    gateway.script(refused(NotFoundError))
    with pytest.raises(NotFoundError):
        await wait(waiting)
    assert len(gateway.at) == 2


async def test_one_miss_among_answers(waiting, gateway):
    """A miss before and a miss after a good look are no two misses."""
    gateway.script(refused(NotFoundError), RUNNING, refused(NotFoundError), DONE)
    assert (await wait(waiting)).element_id == "1"


@pytest.mark.parametrize(("seconds", "found"), [(5, True), (25, True), (120, False)])
async def test_a_task_just_created_is_not_visible_yet(waiting, gateway, clock, seconds, found):
    """It is looked for, for half a minute; what is not there by then is not there."""

    async def visible():
        await clock.sleep(seconds)
        gateway.script(DONE)

    becoming = asyncio.create_task(visible())
    waiting.watches.born(ID, "image")
    gateway.script(refused(NotFoundError))
    if found:
        assert (await wait(waiting)).element_id == "1"
    else:
        with pytest.raises(NotFoundError):
            await wait(waiting)
        assert 30 < clock.elapsed < 40
        becoming.cancel()


async def test_the_first_look_at_a_task_just_created(waiting, gateway):
    """It comes after the first pause, not at once; a minute later it would come at once."""
    waiting.watches.born(ID, "image")
    gateway.script(DONE)
    await wait(waiting)
    assert 0.8 <= gateway.at[0] <= 1.2


@pytest.mark.parametrize("created", ["here", "elsewhere"])
async def test_the_pace_is_the_same_for_a_task_just_created(waiting, gateway, created):
    """A look at once would see nothing of it; the others come when they come at any task: soon after 5 s one does."""
    if created == "here":
        waiting.watches.born(ID, "image")
    gateway.script(*[RUNNING] * 20, DONE)
    await wait(waiting)
    at = gateway.at if created == "here" else gateway.at[1:]
    assert at[:8] == pytest.approx([1, 2, 3, 4, 5.5, 7.75, 11.1, 16.1], rel=0.15)


async def test_births_are_forgotten(waiting, clock):
    """Ten thousand creates leave no ten thousand notes."""
    for number in range(100):
        waiting.watches.born(str(number), "image")
        clock.advance(10)
    assert len(waiting.watches._born) < 10


# ---------------------------------------------------------------- several waits


async def test_waits_on_one_task_share_their_looks(waiting, gateway):
    """Ten waits make as many looks as one, and all get the same end."""
    gateway.script(*[RUNNING] * 5, DONE)
    found = await asyncio.gather(*(wait(waiting) for _ in range(10)))
    assert (len(gateway.at), {task.element_id for task in found}) == (6, {"1"})


async def test_a_failure_reaches_each_wait(waiting, gateway):
    """Each gets an error of its own: a traceback grows with each raise."""
    gateway.script(RUNNING, FAILED)
    found = await asyncio.gather(*(wait(waiting) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [ElementFailedError] * 3
    assert len({id(error) for error in found}) == 3


async def test_cancelling_one_of_two(waiting, gateway):
    """The other goes on with the same looks."""
    gateway.script(*[RUNNING] * 3, DONE)
    first, second = (asyncio.create_task(wait(waiting)) for _ in range(2))
    await passes()
    first.cancel()
    assert (await second).element_id == "1"
    assert (first.cancelled(), len(gateway.at)) == (True, 4)


async def test_cancelling_all(waiting, gateway, clock):
    """The looks stop at once, one in flight included."""
    gateway.takes = 5
    tasks = [asyncio.create_task(wait(waiting)) for _ in range(2)]
    await passes(3)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await passes()
    assert (len(gateway.at), clock.elapsed, waiting.watches.by_id) == (1, 0.0, {})


async def test_two_deadlines(waiting, gateway, clock):
    """Each wait ends at its own; the other goes on."""
    gateway.script(RUNNING)
    first = asyncio.create_task(wait(waiting, timeout=3.3))
    second = asyncio.create_task(wait(waiting, timeout=7.7))
    ends = []
    for task in (first, second):
        with pytest.raises(WaitTimeoutError) as info:
            await task
        ends.append(info.value.elapsed)
    assert (ends, clock.elapsed) == ([pytest.approx(3.3), pytest.approx(7.7)], pytest.approx(7.7))


async def test_the_deadline_of_another_wait(waiting, gateway):
    """It brings one look at its time, which serves both waits, and no second one in the same moment."""
    gateway.script(RUNNING)
    await asyncio.gather(wait(waiting, timeout=3.3), wait(waiting, timeout=7.7), return_exceptions=True)
    assert [at for at in gateway.at if gateway.at.count(at) > 1] == []


async def test_a_look_is_given_the_nearest_deadline(waiting, gateway, clock):
    """It need not go on when the first of those who wait has gone; without a limit it has none."""
    start = clock.now()
    gateway.script(*[RUNNING] * 5, DONE)
    first = asyncio.create_task(wait(waiting, timeout=None))
    await passes(5)
    second, third = (asyncio.create_task(wait(waiting, timeout=timeout)) for timeout in (50, 2.5))
    found = await asyncio.gather(first, second, third, return_exceptions=True)
    deadlines = list(zip(gateway.at, gateway.untils, strict=True))
    assert deadlines[0] == (0, math.inf)
    assert {until - start for at, until in deadlines if 0 < at < 2.5} == {2.5}
    assert {until - start for at, until in deadlines if at > 2.5} == {50}
    assert (found[0].element_id, found[1].element_id, type(found[2])) == ("1", "1", WaitTimeoutError)


async def test_joining_later(waiting, gateway, clock):
    """A wait that joins shares the stream; its own time begins when it joins."""
    gateway.script(RUNNING)
    first = asyncio.create_task(wait(waiting, timeout=10))
    await clock.sleep(5)
    with pytest.raises(WaitTimeoutError) as info:
        await wait(waiting, timeout=20)
    assert (first.done(), info.value.elapsed, clock.elapsed) == (True, pytest.approx(20), pytest.approx(25))
    with pytest.raises(WaitTimeoutError):
        await first


@pytest.mark.parametrize("end", [DONE, FAILED, refused(AuthenticationError, 401)], ids=["done", "failed", "401"])
async def test_joining_in_the_moment_of_the_end(waiting, gateway, end):
    """Who comes when the others have been given their end, and have not left yet, is looked for anew."""
    late, look = [], gateway.look

    async def look_and_join(*asked):
        if gateway.answers[0] is end and not late:
            gateway.script(end, RUNNING, DONE)
            late.append(asyncio.ensure_future(wait(waiting)))
        return await look(*asked)

    waiting._looking._look = look_and_join
    gateway.script(RUNNING, end)
    with suppress(ElementFailedError, AuthenticationError):
        await wait(waiting)
    async with asyncio.timeout(5):
        assert (await late[0]).element_id == "1"
    assert len(gateway.at) == 4


async def test_waits_on_many_tasks(waiting, gateway):
    """Each task has its own stream, spread by its own jitter."""
    gateway.script(*[RUNNING] * 200, DONE)
    await asyncio.gather(*(wait(waiting, str(number)) for number in range(40)))
    assert len(set(gateway.asked)) == 40
    assert len(set(gateway.at)) > 150


# ---------------------------------------------------------------- on_update, close


async def test_on_update(waiting, gateway):
    """Called at the first look and at each change of status, a new unknown word included; missed looks are silent."""
    gateway.script(
        SUBMITTED,
        SUBMITTED,
        MISSED["5xx"],
        RUNNING,
        STRANGE,
        STRANGE,
        evolve(STRANGE, status_word="v10"),
        RUNNING,
        DONE,
    )
    seen = []
    await wait(waiting, on_update=lambda task: seen.append(task.status_word))
    assert seen == ["", "processing", "warming_up_v9", "v10", "processing", "succeed"]


async def test_on_update_of_a_failing_task(waiting, gateway):
    """The last state is shown before the error is raised, at timeout=0 too."""
    for timeout in (0, 10):
        seen = []
        gateway.script(FAILED)
        with pytest.raises(ElementFailedError):
            await wait(waiting, timeout=timeout, on_update=seen.append)
        assert seen == [FAILED]


async def test_an_on_update_that_raises(waiting, gateway, caplog):
    """It is logged, and the wait goes on for all."""
    gateway.script(SUBMITTED, RUNNING, DONE)
    seen = []
    found = await asyncio.gather(wait(waiting, on_update=lambda _: 1 / 0), wait(waiting, on_update=seen.append))
    assert [task.element_id for task in found] == ["1", "1"]
    assert [(record.levelno, record.exc_info[0]) for record in caplog.records] == [
        (logging.ERROR, ZeroDivisionError)
    ] * 3
    assert len(seen) == 3


async def test_a_fault_in_a_reader(waiting, gateway):
    """An exception that is none of ours reaches those who wait, and is not waited out."""
    gateway.script(RUNNING, ZeroDivisionError("a bug in a gateway of one's own"))
    with pytest.raises(ZeroDivisionError):
        await wait(waiting)


async def test_who_is_told_of_an_end(gateway, lifecycle):
    """The end of a task, well or not, is passed on once; a wait that only times out is no end."""
    ended = []
    waiting = Waiting(gateway.look, gateway.list_page, Polling(), lifecycle, on_end=ended.append)
    for number, (answer, kind) in enumerate(
        [
            (DONE, None),
            (FAILED, ElementFailedError),
            (refused(NotFoundError), NotFoundError),
            (RUNNING, TimeoutError),
        ]
    ):
        gateway.script(answer)
        found = await asyncio.gather(wait(waiting, str(number), timeout=3), return_exceptions=True)
        assert kind is None or isinstance(found[0], kind)
    assert ended == ["0", "1", "2"]
    await waiting.close()


async def test_closing(waiting, gateway, lifecycle):
    """Every wait ends with an error of ours, in a pause or with a look in flight."""
    gateway.takes = 3
    many = [asyncio.create_task(wait(waiting, str(number))) for number in range(5)]
    await passes()
    lifecycle.close()
    await waiting.close()
    found = await asyncio.gather(*many, return_exceptions=True)
    assert [type(error) for error in found] == [SessionUnusableError] * 5
    with pytest.raises(SessionUnusableError):
        await wait(waiting)


async def test_one_look_has_an_end(waiting, gateway, clock):
    """A wait of 0 gives its look the time of one request, a closed gate included."""
    with pytest.raises(WaitTimeoutError):
        await wait(waiting, timeout=0)
    assert gateway.untils == [clock.now() + 20]


async def test_a_hook_that_raises_a_cancellation(waiting, gateway):
    """It is its own fault: the waits that share the looks go on."""

    def boom(task):
        raise asyncio.CancelledError

    gateway.script(RUNNING, DONE)
    waits = [wait(waiting), wait(waiting, on_update=boom)]
    assert [task.element_id for task in await asyncio.gather(*waits)] == ["1", "1"]
