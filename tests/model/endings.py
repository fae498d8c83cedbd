"""What must be true of each create when all has come to its end: no id is lost."""

import asyncio
from typing import Any

from attrs import Factory, define

from kling_elements_async import (
    Created,
    CreateUncertainError,
    ElementTask,
    NotSentError,
    RateLimitedError,
    SessionUnusableError,
)
from kling_elements_async.sandbox.account import Account


@define
class Create:
    """One call of create_element; ``notes`` are those of its cancellation."""

    name: str
    task: asyncio.Task[ElementTask] | None = None
    notes: list[str] = Factory(list)
    has_crashed: bool = False


def check_job(account: Account, items: int, outcomes: list[Any]) -> None:
    """With the journal every item comes out in the end, with the one element that it has."""
    assert sorted(outcome.index for outcome in outcomes if isinstance(outcome, Created)) == list(range(items))
    for outcome in outcomes:
        assert account.tasks[outcome.task.task_id].order.name == outcome.spec.name
        assert account.tasks[outcome.task.task_id].element_id == outcome.element.element_id


def check_single(account: Account, create: Create, *, may_be_asked_twice: bool) -> None:
    """What exists was answered, or is named in the error or the note of the cancellation."""
    made = [task for task in account.tasks.values() if task.order.name == create.name]
    task = create.task
    assert task
    assert task.done()
    if create.has_crashed:
        return
    if task.cancelled():
        told = any(made[0].external_task_id in note for note in create.notes) if made else True
        assert told or may_be_asked_twice
        return
    error = task.exception()
    if error is None:
        assert [each.task_id for each in made] == [task.result().task_id]
    elif isinstance(error, CreateUncertainError):
        assert {each.external_task_id for each in made} <= {error.external_task_id}
    else:
        assert isinstance(error, NotSentError | RateLimitedError | SessionUnusableError), repr(error)
        assert made == [] or may_be_asked_twice
