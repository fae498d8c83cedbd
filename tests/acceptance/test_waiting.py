"""Waiting: how it ends well, what does not end it, and who shares it."""

import asyncio
import logging

import pytest
from tables import crossed, mostly_slow

from kling_elements_async import (
    AuthenticationError,
    Element,
    ElementFailedError,
    InsufficientBalanceError,
    NotFoundError,
    PermissionDeniedError,
    TaskStatus,
    UnexpectedReplyError,
    WaitTimeoutError,
)

from .account import envelope
from .errors import caught
from .materials import GATEWAYS, NATIVE, a_spec
from .server import CLOSE, CUT, CUT_JSON, HTML, RESET, refuses, says

ELEMENT_ID = "856528387816046601"
MISS = refuses(400, 1201, "Task not found by id/external id: it")
MISSED = {
    "502": says(HTML, 502),
    "500": refuses(500, 5000),
    "a reset": RESET,
    "an early end": CLOSE,
    "a limit": refuses(429, 1302),
    "a page": says(HTML),
    "a page with 404": says(HTML, 404),
    "an empty object": says({}),
    "cut JSON": CUT_JSON,
    "a cut body": CUT,
    "deep nesting": says(b"[" * 1_000_000),
    "no money": refuses(429, 1102),
    "no money in HTTP": says({"error": {"code": "insufficient_quota", "message": "x", "type": "x"}}, 402),
}


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_create_and_wait(server, open_session, gateway):
    """The whole job in one call: an element."""
    server.accounts[gateway].words = ("processing", "processing", "succeed")
    element = await open_session(gateway).create_and_wait(a_spec(gateway))
    assert isinstance(element, Element)
    assert (element.element_id, element.name) == (ELEMENT_ID, "my-character")


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_a_failed_task(server, open_session, gateway):
    """The error has the reason that the gateway gave, and the task."""
    server.accounts[gateway].words = ("processing", "failed")
    session = open_session(gateway)
    task = await session.create_element(a_spec(gateway))
    with caught(ElementFailedError) as info:
        await session.wait_for_element(task.task_id)
    assert "Failure to pass the risk control system" in str(info.value)
    assert (info.value.task.task_id, info.value.task.status) == (task.task_id, TaskStatus.FAILED)
    assert info.value.task.message == "Failure to pass the risk control system"
    with caught(ElementFailedError):
        await session.create_and_wait(a_spec(gateway, name="second"))


@pytest.mark.parametrize("word", ["succeed", "succeeded", "completed", "SUCCESS"])
async def test_words_of_success(server, open_session, word):
    """Each spelling seen ends the wait."""
    known = server.accounts["ezmodel"].add()
    known.words = (word,)
    assert await open_session().wait_for_element(known.task_id) == ELEMENT_ID
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("gateway", "word"), crossed(["ezmodel", "evolink"], ["failed", "FAILURE", "error", "cancelled"])
)
async def test_words_of_failure(server, open_session, gateway, word):
    """Each spelling seen ends the wait with an error."""
    known = server.accounts[gateway].add()
    known.words = (word,)
    with caught(ElementFailedError) as info:
        await open_session(gateway).wait_for_element(known.task_id)
    assert info.value.task.status_word == word
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "word",
    [
        "submitted",
        "pending",
        "queued",
        "",
        "SUBMITTED",
        "QUEUED",
        "NOT_START",
        "processing",
        "in_progress",
        "IN_PROGRESS",
        "warming_up_v9",
    ],
)
async def test_words_that_end_nothing(server, open_session, word):
    """Unfinished in any spelling, an empty one and a new one included."""
    known = server.accounts["ezmodel"].add()
    known.words = (word, word, "succeed")
    assert await open_session().wait_for_element(known.task_id) == ELEMENT_ID
    assert len(server.seen) == 3


async def test_a_wrapped_success(server, open_session):
    """The wrapper's word and the record inside."""
    inner = {
        "task_id": "1",
        "task_status": "succeed",
        "task_result": {"elements": [{"element_id": int(ELEMENT_ID)}]},
    }
    server.script(
        "get", says({"code": "success", "data": {"task_id": "1", "status": "IN_PROGRESS", "data": None}})
    )
    server.script("get", says({"code": "success", "data": {"task_id": "1", "status": "SUCCESS", "data": inner}}))
    assert await open_session("anyfast").wait_for_element("1") == ELEMENT_ID


async def test_a_wrapped_failure(server, open_session):
    """The wrapper's own reason is told."""
    data = {"task_id": "1", "status": "FAILURE", "fail_reason": "Image pixel is invalid", "data": None}
    server.script("get", says({"code": "success", "data": data}))
    with caught(ElementFailedError) as info:
        await open_session("anyfast").wait_for_element("1")
    assert "Image pixel is invalid" in str(info.value)


@pytest.mark.parametrize("what", mostly_slow(MISSED, "502", "a reset", "a limit", "a page with 404", "no money"))
async def test_a_missed_look(server, open_session, what):
    """A look that failed is a missed look, at the first one and in the middle, more than once."""
    known = server.accounts["ezmodel"].add()
    known.words = ("processing", "succeed")
    server.script(
        "get",
        MISSED[what],
        MISSED[what],
        says(envelope({"task_id": known.task_id, "task_status": "processing"})),
    )
    server.script("get", *[MISSED[what]] * 6)
    assert await open_session().wait_for_element(known.task_id, timeout=600) == ELEMENT_ID


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (refuses(401, 1000), AuthenticationError),
        (refuses(401, 1002), AuthenticationError),
        (refuses(403, 1103), PermissionDeniedError),
    ],
    ids=["1000", "1002", "1103"],
)
async def test_what_ends_a_wait_early(server, open_session, act, kind):
    """A key that is not valid any more, or has no right: looking again will not help."""
    known = server.accounts["ezmodel"].add()
    known.words = ("processing",)
    server.script("get", *[says(envelope({"task_id": known.task_id, "task_status": "processing"}))] * 2)
    server.always("get", act)
    with caught(kind):
        await open_session().wait_for_element(known.task_id)
    assert len(server.seen) == 3


@pytest.mark.parametrize("code", [402, 1102])
async def test_no_money_in_the_middle_of_a_wait(server, open_session, code):
    """The task is paid for: the wait goes on, and the error at its end is the deadline's."""
    server.always("get", MISSED["no money" if code == 1102 else "no money in HTTP"])
    with caught(WaitTimeoutError) as info:
        await open_session().wait_for_element("1", timeout=60)
    assert not isinstance(info.value, InsufficientBalanceError)
    assert info.value.last_error


@pytest.mark.parametrize("misses", [1, 3])
async def test_a_task_just_created_is_not_visible_yet(server, open_session, misses):
    """A miss for a task that this session created is a lag of the gateway."""
    session = open_session()
    task = await session.create_element(a_spec())
    server.script("get", *[MISS] * misses)
    assert await session.wait_for_element(task.task_id) == ELEMENT_ID
    assert len(server.calls("get")) == misses + 1


async def test_a_task_that_never_turns_up(server, open_session, clock):
    """The grace for a task just created ends: the caller is told before the ten minutes are over."""
    session = open_session()
    task = await session.create_element(a_spec())
    server.always("get", MISS)
    with caught(NotFoundError):
        await session.wait_for_element(task.task_id)
    assert 25 <= clock.now() - server.seen[0].at <= 60


async def test_a_task_that_nobody_knows(server, open_session):
    """One miss can be a mistake of the gateway; the second one ends the wait."""
    with caught(NotFoundError):
        await open_session().wait_for_element("12345")
    assert len(server.seen) == 2


@pytest.mark.parametrize("result", [None, {}, {"elements": []}, {"elements": [{"element_id": None}]}], ids=str)
async def test_success_without_an_element_id(server, open_session, result):
    """A few more looks, then an error; never None."""
    server.always("get", says(envelope({"task_id": "1", "task_status": "succeed", "task_result": result})))
    with caught(UnexpectedReplyError):
        await open_session().wait_for_element("1")
    assert 2 <= len(server.seen) <= 10


async def test_an_element_id_that_comes_a_little_later(server, open_session):
    """Success without an element id is looked at again."""
    known = server.accounts["ezmodel"].add()
    server.script("get", says(envelope({"task_id": known.task_id, "task_status": "succeed"})))
    assert await open_session().wait_for_element(known.task_id) == ELEMENT_ID


@pytest.mark.parametrize("gateway", NATIVE)
async def test_on_update(server, open_session, gateway):
    """The first look, then each change of status."""
    known = server.accounts[gateway].add()
    known.words = ("submitted", "submitted", "processing", "processing", "succeed")
    seen = []
    await open_session(gateway).wait_for_element(known.task_id, on_update=seen.append)
    assert [task.status for task in seen] == [
        TaskStatus.SUBMITTED,
        TaskStatus.PROCESSING,
        TaskStatus.SUCCEEDED,
    ]
    assert seen[-1].element_id == ELEMENT_ID


async def test_on_update_of_a_failing_task(server, open_session):
    """The failure is a change of status, too."""
    server.accounts["ezmodel"].words = ("processing", "failed")
    seen = []
    with caught(ElementFailedError):
        await open_session().create_and_wait(a_spec(), on_update=seen.append)
    assert seen[-1].status == TaskStatus.FAILED


async def test_an_on_update_that_raises(server, open_session, caplog):
    """Its exceptions are logged, and the wait goes on."""
    known = server.accounts["ezmodel"].add()
    known.words = ("submitted", "processing", "succeed")

    def broken(task):
        raise KeyError("a mistake of mine")

    assert await open_session().wait_for_element(known.task_id, on_update=broken) == ELEMENT_ID
    loud = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(loud) >= 3


async def test_two_waits_share_one_stream_of_looks(server, open_session):
    """Two waits on one id cost as many requests as one, and each has its own updates."""
    known = server.accounts["ezmodel"].add()
    known.words = ("submitted", *["processing"] * 4, "succeed")
    session, updates = open_session(), ([], [])
    waits = [session.wait_for_element(known.task_id, on_update=each.append) for each in updates]
    assert await asyncio.gather(*waits) == [ELEMENT_ID, ELEMENT_ID]
    assert len(server.seen) == 6
    assert [len(each) for each in updates] == [3, 3]


async def test_cancelling_one_of_two_waits(server, open_session):
    """The other one gets its element, from the same stream."""
    known = server.accounts["ezmodel"].add()
    known.words = (*["processing"] * 5, "succeed")
    session = open_session()
    first, second = (asyncio.create_task(session.wait_for_element(known.task_id)) for _ in range(2))
    await server.until("get", 2)
    first.cancel()
    assert await second == ELEMENT_ID
    assert first.cancelled()
    assert len(server.seen) == 6


async def test_cancelling_both_of_two_waits(server, open_session):
    """The stream of looks ends with the last wait, and a new one starts for a new wait."""
    known = server.accounts["ezmodel"].add()
    known.words = ("processing",)
    session = open_session()
    waits = [asyncio.create_task(session.wait_for_element(known.task_id)) for _ in range(2)]
    await server.until("get", 2)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    count = len(server.seen)
    await asyncio.sleep(0.1)
    assert len(server.seen) <= count + 1
    known.words = ("succeed",)
    assert await session.wait_for_element(known.task_id) == ELEMENT_ID


async def test_retry_after_in_a_wait(server, open_session):
    """A look waits as long as the gateway asked for."""
    known = server.accounts["ezmodel"].add()
    server.script("get", refuses(429, 1302, Retry_After="11"))
    assert await open_session().wait_for_element(known.task_id) == ELEMENT_ID
    first, second = server.seen
    assert 11 <= second.at - first.at <= 14
