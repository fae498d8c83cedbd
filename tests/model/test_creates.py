"""Creates, cancellations, crashes, late landings, looks and deletes in any order: one element for each create."""

import asyncio
import contextlib
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from attrs import Factory, define
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kling_elements_async import (
    Created,
    CreateUncertainError,
    ElementSpec,
    ElementsSession,
    ElementTask,
    Images,
    NoReplyError,
    NotCreated,
    NotSentError,
    RateLimitedError,
    SessionUnusableError,
    WaitTimeoutError,
)

from .world import MISHAPS, Stage, World, as_a_crash_leaves_it

LINKS = Images("https://example.com/front.png", ["https://example.com/side.png"])
NUMBERS = st.integers(0, 50)


def a_spec(name: str, external_id: str | None = None) -> ElementSpec:
    return ElementSpec(name, "One of many", LINKS, tags=["character"], external_task_id=external_id)


@define
class Create:
    """One call of create_element; ``notes`` are those of its cancellation."""

    name: str
    task: asyncio.Task[ElementTask] | None = None
    notes: list[str] = Factory(list)
    has_crashed: bool = False


class Creates(RuleBasedStateMachine):
    """The rules of the model. One more is one more method: ``self.stage.run(…)`` runs what it awaits."""

    @initialize(is_strict=st.booleans(), slots=st.sampled_from([None, 2]), late=st.integers(1, 40))
    def begin(self, *, is_strict: bool, slots: int | None, late: int) -> None:
        """At a gateway that refuses no used id a create may land as late as the settling takes, and no later."""
        self.is_strict = is_strict
        self.folder = Path(tempfile.mkdtemp())
        self.stage = Stage()
        landing = late / 2 if is_strict else min(late / 2, 2.5)
        self.world = World(self.stage.clock, is_strict=is_strict, slots=slots, landing=landing)
        self.session = self.stage.session(self.world)
        self.singles: list[Create] = []
        self.waits: list[tuple[str, asyncio.Task[str]]] = []
        self.job: list[ElementSpec] = []
        self.journal = self.folder / "0.journal"
        self.copies = 0
        self.working: asyncio.Task[list[Any]] | None = None
        self.gate: tuple[ElementsSession, float] = (self.session, float("-inf"))

    # ------------------------------------------------------------ rules

    @rule(mishap=st.sampled_from(MISHAPS))
    def create(self, mishap: str) -> None:
        self.world.creates.append(mishap)
        number = len(self.singles)
        self._create(Create(f"single-{number}"), f"mine-{number}" if number % 3 == 0 else None)

    @precondition(lambda self: self.singles and self.is_strict)
    @rule(number=NUMBERS)
    def create_again(self, number: int) -> None:
        """A caller with an id of its own may ask for the same again where an id is good once: it is one element."""
        number = number % len(self.singles) // 3 * 3
        self._create(Create(self.singles[number].name), f"mine-{number}")

    def _create(self, create: Create, external_id: str | None) -> None:
        async def call() -> ElementTask:
            try:
                return await self.session.create_element(a_spec(create.name, external_id))
            except asyncio.CancelledError as cancelled:
                create.notes += getattr(cancelled, "__notes__", [])
                raise

        create.task = self.stage.later(call())
        if create.name not in [each.name for each in self.singles]:
            self.singles.append(create)

    @precondition(lambda self: self.singles)
    @rule(number=NUMBERS)
    def cancel(self, number: int) -> None:
        task = self.singles[number % len(self.singles)].task
        assert task
        task.cancel()
        self.stage.run(asyncio.wait([task]))

    @rule(number=st.integers(1, 4), mishaps=st.lists(st.sampled_from(MISHAPS), max_size=4))
    def work(self, number: int, mishaps: list[str]) -> None:
        """More items for the bulk job; it is left and begun anew with all of them."""
        self._stop_working()
        self.world.creates.extend(mishaps)
        self.job += [a_spec(f"item-{len(self.job) + each}") for each in range(number)]
        self._work()

    def _work(self) -> None:
        async def work() -> list[Any]:
            async with self.session.create_many(self.job, journal=self.journal) as outcomes:
                return [outcome async for outcome in outcomes]

        self.working = self.stage.later(work())

    def _stop_working(self) -> None:
        if self.working:
            self.working.cancel()
            self.stage.run(asyncio.wait([self.working]))

    @rule()
    def crash(self) -> None:
        """The process is gone: nothing more passes its line, and the journal is what was on disk."""
        self._copy_journal()
        self.session.gateway.is_cut = True
        for create in self.singles:
            create.has_crashed |= not create.task.done()
        tasks = asyncio.all_tasks(self.stage.loop)
        tasks = {task for task in tasks if task is not self.stage.clock._driver}
        for task in tasks:
            task.cancel()
        if tasks:
            self.stage.run(asyncio.wait(tasks))
        self.stage.run(self.session.close())
        self.session = self.stage.session(self.world)
        self.working = None

    def _copy_journal(self) -> None:
        self.copies += 1
        self.journal = as_a_crash_leaves_it(self.journal, self.copies)

    @precondition(lambda self: self.job and self.working is None)
    @rule()
    def resume(self) -> None:
        self._work()

    @rule(count=st.integers(1, 6))
    def looks_fail(self, count: int) -> None:
        self.world.looks.extend(["reset"] * count)

    # No preconditions here: what the account has by now is up to the journal's thread, too, and which rules may come
    # has to be the same each time.
    @rule(number=NUMBERS)
    def wait(self, number: int) -> None:
        if not self.world.account.tasks:
            return
        task_id = list(self.world.account.tasks)[number % self.world.account.creates]
        self.waits.append((task_id, self.stage.later(self.session.wait_for_element(task_id, timeout=300))))

    @rule(number=NUMBERS)
    def delete(self, number: int) -> None:
        known = sorted(self.world.account.elements)
        if not known:
            return
        element_id = known[number % len(known)]
        with contextlib.suppress(NoReplyError, NotSentError):  # where the line was bad for long
            self.stage.run(self.session.delete_element(element_id))
            assert element_id in self.world.account.deleted

    @rule(seconds=st.sampled_from([0.05, 0.5, 1.0, 2.0, 4.0, 30.0, 100.0]))
    def time_goes_on(self, seconds: float) -> None:
        self.stage.run(self.stage.clock.sleep(seconds))

    # ------------------------------------------------------------ what always holds

    @invariant()
    def one_element_for_one_create(self) -> None:
        made = Counter(task.order.name for task in self.world.account.tasks.values())
        assert [name for name, count in made.items() if count > 1] == []

    @invariant()
    def one_id_for_one_create(self) -> None:
        assert {name: ids for name, ids in self.world.ids.items() if len(ids) > 1} == {}

    @invariant()
    def the_gate_does_not_go_back(self) -> None:
        session, opened = self.gate
        gate = self.session._exchange._gate
        now = gate._opens_at
        assert session is not self.session or now >= opened
        assert gate.delay() >= 0
        self.gate = self.session, now

    @invariant()
    def everyone_gets_their_own(self) -> None:
        for create in self.singles:
            task = create.task
            if task.done() and not task.cancelled() and task.exception() is None:
                assert self.world.account.tasks[task.result().task_id].order.name == create.name
        for task_id, wait in self.waits:
            if wait.done() and not wait.cancelled() and wait.exception() is None:
                assert self.world.account.tasks[task_id].element_id == wait.result()

    # ------------------------------------------------------------ how it ends

    def teardown(self) -> None:
        if not hasattr(self, "stage"):
            return
        try:
            self._come_to_an_end()
        finally:
            self._stop_working()
            self.stage.run(self.session.close())
            self.stage.close()
            shutil.rmtree(self.folder)

    def _come_to_an_end(self) -> None:
        self.world.creates.clear()
        self.world.looks.clear()
        self.stage.run(self.stage.clock.sleep(200.0))
        self._stop_working()
        if self.job:
            self._check_job(self._all_outcomes())
        for create in self.singles:
            self._check_single(create)
        self.one_element_for_one_create()
        assert self.session._slots._sending == 0

    def _all_outcomes(self) -> list[Any]:
        """The outcomes of a rerun in which nothing fails any more; until then a full account may keep some waiting."""
        for _ in range(10):
            self._work()
            assert self.working
            self.stage.run(asyncio.wait([self.working]))
            outcomes = self.working.result()
            failed = [outcome.error for outcome in outcomes if isinstance(outcome, NotCreated)]
            if not failed:
                break
            assert {type(error) for error in failed} <= {NotSentError, RateLimitedError, WaitTimeoutError}, failed
        assert failed == []
        return outcomes

    def _check_job(self, outcomes: list[Any]) -> None:
        """No lost id: with the journal every item comes out in the end, with the one element that it has."""
        assert sorted(outcome.index for outcome in outcomes if isinstance(outcome, Created)) == list(
            range(len(self.job))
        )
        for outcome in outcomes:
            assert self.world.account.tasks[outcome.task.task_id].order.name == outcome.spec.name
            assert self.world.account.tasks[outcome.task.task_id].element_id == outcome.element.element_id

    def _check_single(self, create: Create) -> None:
        """No lost id: what exists was answered, or is named in the error or the note of the cancellation."""
        made = [task for task in self.world.account.tasks.values() if task.order.name == create.name]
        task = create.task
        assert task
        assert task.done()
        if create.has_crashed:
            return
        if task.cancelled():
            told = any(made[0].external_task_id in note for note in create.notes) if made else True
            assert told or create.name in self._asked_twice()
            return
        error = task.exception()
        if error is None:
            assert [each.task_id for each in made] == [task.result().task_id]
        elif isinstance(error, CreateUncertainError):
            assert {each.external_task_id for each in made} <= {error.external_task_id}
        else:
            assert isinstance(error, NotSentError | RateLimitedError | SessionUnusableError), repr(error)
            assert made == [] or create.name in self._asked_twice()

    def _asked_twice(self) -> set[str]:
        return {create.name for number, create in enumerate(self.singles) if number % 3 == 0}


def tried(examples: int, steps: int) -> None:
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    run_state_machine_as_test(
        Creates,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, phases=phases, report_multiple_bugs=False
        ),
    )


def test_creates():
    """Whatever happens, in whatever order: one element for each create, and no id is lost."""
    tried(40, 25)


@pytest.mark.slow
def test_creates_at_length():
    """The same, in more and longer lives."""
    tried(60, 50)
