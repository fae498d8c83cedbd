"""The machine of the model: creates, cancellations, crashes, late landings, looks and deletes in any order.

Law: the same rules give the same life, to the last request, in every process.
"""

import asyncio
import contextlib
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import Phase, settings
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
    ElementSpec,
    ElementsSession,
    ElementTask,
    Images,
    NoReplyError,
    NotCreated,
    NotSentError,
    RateLimitedError,
    WaitTimeoutError,
)

from .endings import Create, check_job, check_single
from .stage import Stage, as_a_crash_leaves_it
from .world import MISHAPS, World

LINKS = Images("https://example.com/front.png", ["https://example.com/side.png"])
NUMBERS = st.integers(0, 50)
DISKS = st.sampled_from([0.0, 0.01, 1.0, 20.0])  # seconds that a commit of the journal takes


def a_spec(name: str, external_id: str | None = None) -> ElementSpec:
    return ElementSpec(name, "One of many", LINKS, tags=["character"], external_task_id=external_id)


class Creates(RuleBasedStateMachine):
    """The rules of the model. One more is one more method: ``self.stage.run(…)`` runs what it awaits."""

    @initialize(is_strict=st.booleans(), slots=st.sampled_from([None, 2]), late=st.integers(1, 40), disk=DISKS)
    def begin(self, *, is_strict: bool, slots: int | None, late: int, disk: float) -> None:
        """At a gateway that refuses no used id a create may land as late as the settling takes, and no later."""
        self.is_strict = is_strict
        self.folder = Path(tempfile.mkdtemp())
        self.stage = Stage(disk)
        landing = late / 2 if is_strict else min(late / 2, 2.5)
        self.world = World(self.stage.clock, is_strict=is_strict, slots=slots, landing=landing)
        self.session = self.world.session()
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
        tasks = sorted(asyncio.all_tasks(self.stage.loop), key=hash)
        for task in tasks:
            task.cancel()
        if tasks:
            self.stage.run(asyncio.wait(tasks))
        self.stage.run(self.session.close())
        self.session = self.world.session()
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

    @precondition(lambda self: self.world.account.tasks)
    @rule(number=NUMBERS)
    def wait(self, number: int) -> None:
        task_id = list(self.world.account.tasks)[number % self.world.account.creates]
        self.waits.append((task_id, self.stage.later(self.session.wait_for_element(task_id, timeout=300))))

    @precondition(lambda self: self.world.account.elements)
    @rule(number=NUMBERS)
    def delete(self, number: int) -> None:
        known = sorted(self.world.account.elements)
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
        with contextlib.ExitStack() as last:  # all of it, whatever fails
            last.callback(shutil.rmtree, self.folder)
            last.callback(self.stage.close)
            last.callback(lambda: self.stage.run(self.session.close()))
            last.callback(self._stop_working)
            self._come_to_an_end()

    def _come_to_an_end(self) -> None:
        self.world.creates.clear()
        self.world.looks.clear()
        self.stage.run(self.stage.clock.sleep(200.0))
        self._stop_working()
        if self.job:
            check_job(self.world.account, len(self.job), self._all_outcomes())
        for number, create in enumerate(self.singles):
            check_single(self.world.account, create, may_be_asked_twice=number % 3 == 0)
        self.one_element_for_one_create()
        self.one_id_for_one_create()
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


def tried(examples: int, steps: int, machine: type[Creates] = Creates) -> None:
    """Try so many lives, the same ones each time; in a hunt as many as its profile says, and other ones each time."""
    usual = settings.default
    if usual.derandomize:  # not shrunk: that takes minutes
        usual = settings(max_examples=examples, phases=[Phase.generate])
    usual = settings(usual, stateful_step_count=steps, report_multiple_bugs=False)
    run_state_machine_as_test(machine, settings=usual)
