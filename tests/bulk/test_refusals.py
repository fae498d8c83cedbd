"""Refusals that hold for the whole account: the reading stops, what was sent comes out, then the error."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tables import mostly_slow

from kling_elements_async import (
    AuthenticationError,
    Created,
    CreateUncertainError,
    InsufficientBalanceError,
    NotCreated,
    PermissionDeniedError,
    bulk,
)
from kling_elements_async.gateways import EzModel
from kling_elements_async.journal import Entry
from kling_elements_async.journals.sqlite import SqliteJournal
from kling_elements_async.naming import Item, Naming
from kling_elements_async.sandbox import Fault, Sandbox

from .materials import (
    BLIND,
    NO_FAULT,
    Counting,
    a_spec,
    all_outcomes,
    calls,
    endless,
    exhausted,
    made,
    named,
    ours,
    peeked,
    rows,
    spec_for,
    until_error,
)

PERMANENT = {
    "401": (Fault.wrapped_error("invalid token", status=401), AuthenticationError),
    "1002": (Fault.code(1002), AuthenticationError),
    "402": (Fault.wrapped_error("no balance", status=402), InsufficientBalanceError),
    "1100": (Fault.code(1100), InsufficientBalanceError),
    "1101": (Fault.code(1101), InsufficientBalanceError),
    "1102": (Fault.code(1102), InsufficientBalanceError),
    "1102 under 200": (Fault.code(1102, status=200), InsufficientBalanceError),
    "1304": (Fault.code(1304), PermissionDeniedError),
}


@pytest.fixture
def four_open(monkeypatch):
    monkeypatch.setattr(bulk, "MOST_OPEN", 4)


@pytest.mark.usefixtures("four_open")
@pytest.mark.parametrize("word", mostly_slow(PERMANENT, "1102"))
async def test_a_permanent_refusal_midway(open_session, sandbox, journal, word):
    """The reading stops, what was sent comes out, the error names the first unsent; from there all is made."""
    fault, kind = PERMANENT[word]
    sandbox.script("create", *[NO_FAULT] * 10, *[fault] * 20)
    specs = Counting(endless())
    outcomes, error = await until_error(open_session(), specs, journal=journal)
    assert type(error) is kind
    assert [type(outcome) for outcome in outcomes] == [Created] * 10
    assert specs.taken <= 10 + 4 + 1
    came_out = {outcome.index for outcome in outcomes}
    assert set(range(error.unsent_from)) <= came_out
    assert error.unsent_from not in came_out
    assert made(sandbox).total() == 10
    assert calls(sandbox).count("create") <= 10 + 4
    sandbox._script.lines = ()
    again = await all_outcomes(open_session(), named(20)[error.unsent_from :], journal=journal)
    assert len(again) == 20 - error.unsent_from
    assert set(made(sandbox).values()) == {1}
    assert len(made(sandbox)) == 20


@pytest.mark.usefixtures("four_open")
async def test_a_wrong_key_and_more_specs_than_may_be_open(open_session, sandbox):
    """Not one is sent in vain for long: the error comes, and nothing waits for a place that nobody gives back."""
    session = open_session(EzModel(api_key="wrong", base_url=sandbox.url("ezmodel")))
    async with asyncio.timeout(20):
        outcomes, error = await until_error(session, endless())
    assert outcomes == []
    assert isinstance(error, AuthenticationError)
    assert error.unsent_from == 0
    assert sandbox.account("ezmodel").counts["create"] <= 5
    assert not ours()


async def test_a_refusal_while_no_spec_comes(session, sandbox):
    """The error is told at once, and not when the next spec comes, which may be never; the iterable is closed."""
    closed = []

    async def queue():
        try:
            yield a_spec()
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    sandbox.script("create", Fault.code(1102))
    async with asyncio.timeout(20):
        outcomes, error = await until_error(session, queue())
    assert (outcomes, type(error), error.unsent_from) == ([], InsufficientBalanceError, 0)
    assert closed == [True]


async def test_an_exhausted_account_frees_no_slot(quick, open_session):
    """Creates that queue for a slot at the refusal are not sent, and the running ones still come out."""
    async with Sandbox(durations=(6.0, 6.0), clock=quick.now) as sandbox:
        session = open_session(sandbox.gateway("ezmodel"), max_running_tasks=3)
        sandbox.script("create", NO_FAULT, NO_FAULT, Fault.code(1102), NO_FAULT)
        outcomes, error = await until_error(session, named(12))
        assert isinstance(error, InsufficientBalanceError)
        assert [type(outcome) for outcome in outcomes] == [Created] * 2
        assert calls(sandbox).count("create") <= 4
        assert set(range(12)) > {outcome.index for outcome in outcomes}


async def test_a_refusal_of_the_very_last_one(session, sandbox):
    """It is unsent too, so the error is raised and names it."""
    sandbox.script("create", *[NO_FAULT] * 3, Fault.code(1102))
    outcomes, error = await until_error(session, named(4))
    assert len(outcomes) == 3
    assert error.unsent_from == ({0, 1, 2, 3} - {outcome.index for outcome in outcomes}).pop()


async def test_the_error_comes_again_at_each_further_read(session, sandbox):
    """An iteration that is gone on with after its error does not hang."""
    sandbox.script("create", Fault.code(1102))
    async with session.create_many(named(1)) as outcomes:
        for _ in range(2):
            with pytest.raises(InsufficientBalanceError):
                await anext(outcomes)


@pytest.mark.parametrize("fault", [Fault.code(1103), Fault.code(1301), Fault.code(1201, "wrong"), Fault.html(403)])
async def test_a_refusal_of_one_item_only(session, sandbox, fault):
    """The rest goes on: only 401, 402, 1100 to 1102 and 1304 speak for the account."""
    sandbox.script("create", fault)
    outcomes = await all_outcomes(session, named(6))
    assert sum(isinstance(outcome, NotCreated) for outcome in outcomes) == 1
    assert len(outcomes) == 6


@pytest.mark.parametrize("fault", [Fault.html(429), Fault.answer(429), Fault.answer(429, '{"code": 13')])
async def test_a_429_with_no_readable_body(session, sandbox, fault):
    """A 429 is a refusal whatever stands in it: the create is sent again, and its item made."""
    sandbox.script("create", fault)
    outcomes = await all_outcomes(session, named(3))
    assert [outcome.error for outcome in outcomes if isinstance(outcome, NotCreated)] == []
    assert set(made(sandbox).values()) == {1}


async def test_a_balance_that_runs_out_ends_no_wait(session, sandbox):
    """A look answered with 1102 is a missed look: the task is paid for."""
    sandbox.script("get", Fault.code(1102), Fault.code(1100), Fault.wrapped_error("no balance", status=402))
    (outcome,) = await all_outcomes(session, named(1))
    assert isinstance(outcome, Created)


async def test_a_refused_look_ends_the_wait_and_not_the_element(open_session, sandbox, journal):
    """What was sent comes out as not created with its refusal, and a rerun takes the same task up."""
    sandbox.script("get", Fault.code(1002))
    outcomes, _ = await until_error(open_session(), named(1), journal=journal)
    assert [type(outcome.error) for outcome in outcomes] == [AuthenticationError]
    (outcome,) = await all_outcomes(open_session(), named(1), journal=journal)
    assert outcome.resolution == "resumed"
    assert made(sandbox).total() == 1


@pytest.mark.parametrize("gateway", BLIND)
async def test_a_rerun_after_a_refusal_where_no_external_ids_are(open_session, sandbox, journal, gateway):
    """What the gateway refused, and what was held back for it, does not exist: a rerun makes it."""
    sandbox.account(gateway).slots = 1
    specs = [spec_for(gateway, f"item-{number}") for number in range(6)]
    sandbox.script("create", *[NO_FAULT] * 3, Fault.wrapped_error("no balance", status=402), gateway=gateway)
    seen, error = await until_error(open_session(gateway), specs, journal=journal)
    assert isinstance(error, InsufficientBalanceError)
    assert all(row["task_id"] for row in rows(journal)), "a refused create stands as an open intent"
    # Evolink says of a full account what it says of a rate: it would not be waited for without an end.
    sandbox.account(gateway).slots = None
    again = await all_outcomes(open_session(gateway), specs, journal=journal)
    assert [outcome.error for outcome in again if isinstance(outcome, NotCreated)] == []
    assert made(sandbox, gateway) == {f"item-{number}": 1 for number in range(6)}
    assert {outcome.task.task_id for outcome in seen} <= {outcome.task.task_id for outcome in again}


class Slow(SqliteJournal):
    """Writes the first intent at once, and is done with the others when that one was refused."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.intents = 0
        self.was_refused = asyncio.Event()

    async def intend(self, entry: Entry) -> None:
        await super().intend(entry)
        self.intents += 1
        if self.intents > 1:
            await self.was_refused.wait()

    async def dropped(self, key: str) -> None:
        await super().dropped(key)
        self.was_refused.set()


@pytest.mark.parametrize("gateway", ["ezmodel", *BLIND])
async def test_those_that_stood_at_a_closed_gate_when_the_account_was_refused(
    open_session, sandbox, journal, gateway
):
    """The gate closed between their intent and their request: they were never sent, and leave no intent."""
    empty = Fault.wrapped_error("no balance", status=402)
    sandbox.script("create", Fault.code(1302), *[empty] * 5, gateway=gateway)
    specs = [spec_for(gateway, f"item-{number}") for number in range(5)]
    async with Slow(journal) as slow:
        seen, error = await until_error(open_session(gateway), specs, journal=slow)
    assert (seen, type(error)) == ([], InsufficientBalanceError)
    assert rows(journal) == []


async def test_an_account_that_is_empty_when_a_lost_create_is_sent_again(open_session, sandbox, journal):
    """The first sending may have spent the last of it: the element may exist, and a rerun makes no second one."""
    sandbox.script("create", Fault.lost_answer(), Fault.wrapped_error("no balance", status=402))
    unseen = Fault.wrapped_error("task_not_exist", status=400, code="task_not_exist")
    sandbox.script("get", *[unseen] * 3)
    (outcome,), error = await until_error(open_session(), named(1), journal=journal)
    assert (type(outcome.error), error) == (CreateUncertainError, None)
    (again,) = await all_outcomes(open_session(), named(1), journal=journal)
    assert (again.resolution, made(sandbox).total()) == ("resumed", 1)


async def test_no_spec_is_read_after_such_a_one(session, sandbox):
    """The account has refused it, although the element may exist."""
    sandbox.script("create", Fault.lost_answer(), *[Fault.wrapped_error("no balance", status=402)] * 2)
    unseen = Fault.wrapped_error("task_not_exist", status=400, code="task_not_exist")
    sandbox.script("get", *[unseen] * 3)
    uncertain = asyncio.Event()

    async def specs():
        yield a_spec("first")
        await uncertain.wait()
        yield a_spec("second")

    async with session.create_many(specs()) as outcomes:
        assert isinstance((await anext(outcomes)).error, CreateUncertainError)
        uncertain.set()
        with pytest.raises(InsufficientBalanceError) as info:
            await anext(outcomes)
    assert (info.value.unsent_from, calls(sandbox).count("create")) == (1, 2)


async def test_a_create_of_an_earlier_run_in_an_account_that_is_empty(open_session, sandbox, journal):
    """It is looked for while the others are refused, and comes out; nothing is sent for it."""
    specs = named(3)
    item = Item.of(0, specs[0])
    await Naming(ensures=False, has_journal=True).name(item)
    async with SqliteJournal(journal) as cut_off:
        await cut_off.bind("ezmodel")
        await cut_off.intend(Entry(item.key, item.digest, "an-earlier-id", datetime.now(UTC).timestamp()))
    sandbox.script("create", *[Fault.wrapped_error("no balance", status=402)] * 9)
    (outcome,), error = await until_error(open_session(), specs, journal=journal)
    assert (outcome.index, type(outcome.error)) == (0, CreateUncertainError)
    assert (type(error), error.unsent_from) == (InsufficientBalanceError, 1)
    assert "an-earlier-id" not in sandbox.account("ezmodel").by_external_id
    assert [row["external_task_id"] for row in rows(journal)] == ["an-earlier-id"]


async def test_a_refused_look_while_the_next_spec_is_long_in_coming(session, sandbox):
    """What was not read is named: the iteration does not end as if there were no more."""
    for call in ("get", "list"):
        sandbox.script(call, *[Fault.wrapped_error("invalid token", status=401)] * 9)

    async def specs():
        yield a_spec()
        await asyncio.Event().wait()

    (outcome,), error = await until_error(session, specs())
    assert (outcome.index, type(outcome.error)) == (0, AuthenticationError)
    assert (type(error), error.unsent_from) == (AuthenticationError, 1)


@pytest.mark.parametrize("passes", range(6))
async def test_a_spec_that_comes_in_the_moment_of_a_refusal(session, sandbox, monkeypatch, passes):
    """However far its own task has come: it has an outcome, or lies behind what is named as unsent."""
    sandbox.script("get", *[Fault.wrapped_error("invalid token", status=401)] * 9)
    refused, taken_in = asyncio.Event(), bulk.Bulk._failed

    async def failed(*args):
        refused.set()
        for _ in range(passes):
            await asyncio.sleep(0)
        return await taken_in(*args)

    async def specs():
        first, second = named(2)
        yield first
        await refused.wait()
        yield second

    monkeypatch.setattr(bulk.Bulk, "_failed", failed)
    outcomes, error = await until_error(session, specs())
    assert {outcome.index for outcome in outcomes} | {error.unsent_from if error else 2} >= {0, 1}


async def test_a_refusal_leaves_no_open_intent(open_session, sandbox, journal, tmp_path):
    """With the outcome of every item known, the journal holds finished items only."""
    sandbox.script("create", *[NO_FAULT] * 5, *[Fault.code(1102)] * 9)
    session = open_session()
    async with session.create_many(named(10), journal=journal) as outcomes:
        with pytest.raises(InsufficientBalanceError):
            await exhausted(outcomes)
        found = peeked(journal, tmp_path / "copy")
    assert [bool(row["task"]) for row in found] == [True] * 5
