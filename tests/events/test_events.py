"""What the hook is told, in which order, and that it changes nothing."""

import asyncio
import logging

import attrs
import pytest

from kling_elements_async import (
    ElementFailedError,
    ElementSpec,
    ElementsSession,
    Images,
    NotSentError,
    Polling,
    TaskStatus,
    WaitTimeoutError,
    events,
)
from kling_elements_async.sandbox import NO_FAULT, Fault, Sandbox
from kling_elements_async.testing import VirtualClock

SPEC = ElementSpec("prop", "A prop", Images("https://example.com/a.png", ["https://example.com/b.png"]))
QUICK = Polling(first=0.01, longest=0.02)


@pytest.fixture
async def sandbox():
    async with Sandbox(durations=(0.05, 0.1)) as sandbox:
        yield sandbox


@pytest.fixture
async def open_session(sandbox):
    sessions = []

    def opened(on_event, **options):
        sessions.append(ElementsSession(sandbox.gateway("kling"), on_event=on_event, polling=QUICK, **options))
        return sessions[-1]

    yield opened
    for session in sessions:
        await session.close()


def kinds(told):
    return [type(event).__name__ for event in told]


def of(told, kind):
    return [event for event in told if isinstance(event, kind)]


async def test_one_element(open_session, sandbox):
    """From the create to the end of the wait, with each request and each look."""
    told = []
    element = await open_session(told.append).create_and_wait(SPEC)
    assert kinds(told)[:3] == ["CreateBegan", "Sent", "CreateEnded"]
    assert kinds(told)[3:6] == ["WaitBegan", "Looked", "Sent"]
    assert kinds(told)[-2:] == ["Settled", "WaitEnded"]
    (began,), (ended,) = of(told, events.CreateBegan), of(told, events.CreateEnded)
    assert (began.name, began.number, ended.error, ended.running) == ("prop", ended.number, None, 1)
    assert told[-1].task.element == element
    assert told[-1].number == of(told, events.WaitBegan)[0].number
    sent = of(told, events.Sent)
    assert [event.method for event in sent] == ["POST"] + ["GET"] * (len(sent) - 1)
    assert {event.status for event in sent} == {200}
    assert all(0 < event.seconds < 5 for event in sent)
    assert len(of(told, events.Looked)) == sandbox.account("kling").counts["get"]


async def test_a_lost_answer(open_session, sandbox):
    """The lost request has no status and an error; the element is adopted."""
    told = []
    sandbox.script("create", Fault.lost_answer())
    task = await open_session(told.append).create_element(SPEC)
    lost = of(told, events.Sent)[0]
    assert (lost.status, type(lost.error).__name__) == (None, "NoReplyError")
    assert [event.task_id for event in of(told, events.Adopted)] == [task.task_id]


async def test_sent_again_behind_a_gate(open_session, sandbox):
    """A 429 closes the gate for as long as it asks; the call is sent again after it."""
    told = []
    clock = VirtualClock()
    session = open_session(told.append, clock=clock)
    clock.watch(session)
    sandbox.script("get", Fault.code(1302).retry_after(20))
    task = await session.create_element(SPEC)
    await session.get_element(task.task_id)
    assert [event.seconds for event in of(told, events.GateClosed)] == [20]
    (again,) = of(told, events.Retried)
    assert (again.attempt, type(again.error).__name__) == (2, "RateLimitedError")
    assert again.pause >= 20
    assert [event.status for event in of(told, events.Sent)] == [200, 429, 200]


async def test_a_full_account(open_session):
    """Creates that have to wait for a slot are told of, with how many run and wait."""
    told = []
    session = open_session(told.append, max_running_tasks=1)
    await asyncio.gather(*(session.create_and_wait(SPEC) for _ in range(3)))
    assert [(event.running, event.waiting) for event in of(told, events.Queued)][:2] == [(0, 1), (0, 2)]


async def test_failures(open_session, sandbox):
    """A create, a wait and a task that fail are told with their errors."""
    told = []
    session = open_session(told.append)
    sandbox.script("create", Fault.task_fails("No face"))
    with pytest.raises(ElementFailedError):
        await session.create_and_wait(SPEC)
    assert isinstance(told[-1].error, ElementFailedError)
    assert of(told, events.Settled)[0].task.status is TaskStatus.FAILED
    sandbox.script("create", Fault.reset(), times=50)
    with pytest.raises(NotSentError):
        await open_session(told.append, clock=VirtualClock(), max_running_tasks=1).create_element(
            SPEC, timeout=1e-9
        )
    assert isinstance(told[-1].error, NotSentError)


async def test_cancelled(open_session):
    """The end of what was cancelled is told too."""
    told = []
    session = open_session(told.append)
    task = await session.create_element(SPEC)
    with pytest.raises(WaitTimeoutError):
        await session.wait_for_element(task.task_id, timeout=0)
    waiting = asyncio.create_task(session.wait_for_element(task.task_id))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert [type(event.error) for event in of(told, events.WaitEnded)] == [
        WaitTimeoutError,
        asyncio.CancelledError,
    ]


async def test_a_list_for_many(open_session):
    """A look by the list names no task."""
    told = []
    session = open_session(told.append)
    await asyncio.gather(*(session.create_and_wait(SPEC) for _ in range(20)))
    assert None in {event.task_id for event in of(told, events.Looked)}
    assert len({event.task.task_id for event in of(told, events.Settled)}) == 20


async def test_a_callback(open_session):
    """It is told as the claim that it is."""
    told = []
    await open_session(told.append).deliver_callback({}, b'{"task_id": "77", "task_status": "succeed"}')
    assert told == [events.CalledBack("77", TaskStatus.SUCCEEDED, is_signed=False)]


async def test_a_hook_that_raises(open_session, sandbox, caplog):
    """It is logged, without the key, and the element is made all the same."""

    def hook(event):
        raise RuntimeError("a hook of someone else")

    sandbox.script("get", NO_FAULT, Fault.html())
    with caplog.at_level(logging.ERROR):
        await open_session(hook).create_and_wait(SPEC)
    assert "on_event raised for CreateBegan" in caplog.text
    assert sandbox.key not in caplog.text


def test_events_are_frozen_values():
    """Each is a frozen class with a docstring, and the union names them all."""
    classes = [kind for kind in vars(events).values() if isinstance(kind, type) and attrs.has(kind)]
    for kind in classes:
        assert kind.__doc__
        assert kind.__setattr__ is not object.__setattr__
    assert {kind for kind in classes if kind.__module__ == events.__name__} == set(events.Event.__args__)
