"""`delete_many` and `prune`."""

import time

import pytest
from tables import mostly_slow

from kling_elements_async import (
    ContentPolicyError,
    InvalidIdError,
    NotFoundError,
    NotOfferedError,
    PermissionDeniedError,
    SessionUnusableError,
)
from kling_elements_async.sandbox import Fault, Sandbox

from .materials import a_spec, all_outcomes, named


@pytest.fixture
async def elements(session):
    """Six elements: two by the name `old`, four others."""
    outcomes = await all_outcomes(session, [a_spec("old"), a_spec("old"), *named(4)])
    return {outcome.index: outcome.element.element_id for outcome in outcomes}


def deletes(sandbox: Sandbox) -> int:
    return sandbox.account("ezmodel").counts["delete"]


# ---------------------------------------------------------------- delete_many


async def test_each_id_has_its_outcome(session, sandbox, elements):
    """None for what is gone now, and was gone before; the error for what could not be deleted."""
    await session.delete_element(elements[0])
    sandbox.script("delete", Fault.code(1301))
    ids = [elements[1], elements[0], "12345", elements[2]]
    outcomes = await session.delete_many(iter(ids))
    assert list(outcomes) == ids
    refused = [element_id for element_id, error in outcomes.items() if error is not None]
    assert len(refused) == 1
    assert isinstance(outcomes[refused[0]], ContentPolicyError)
    assert sandbox.account("ezmodel").deleted == {elements[0], elements[1], elements[2]} - set(refused)


async def test_no_ids(session, sandbox):
    """An empty answer and no request."""
    assert await session.delete_many([]) == {}
    assert sandbox.account("ezmodel").counts.total() == 0


async def test_an_id_twice_is_deleted_once(session, sandbox, elements):
    """One outcome and one request."""
    assert await session.delete_many([elements[0], elements[0]]) == {elements[0]: None}
    assert deletes(sandbox) == 1


@pytest.mark.parametrize(
    "bad", mostly_slow(["", "a/b", "..", 856528387816046601.0, None, "a?b"], "a/b", None), ids=repr
)
async def test_a_bad_id_among_good_ones(session, sandbox, elements, bad):
    """It is refused before anything is sent: nothing is deleted."""
    with pytest.raises(InvalidIdError):
        await session.delete_many([elements[0], bad, elements[1]])
    assert deletes(sandbox) == 0
    assert sandbox.account("ezmodel").deleted == set()


async def test_many_deletes_are_bounded(session, sandbox):
    """Two hundred at most twenty at a time."""
    flying, most = 0, 0

    def arrive(answer):
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        return answer

    perform = session._exchange.perform

    async def counted(*args, **named):
        nonlocal flying
        arrive(None)
        try:
            return await perform(*args, **named)
        finally:
            flying -= 1

    session._deleting._exchange = type("Counted", (), {"perform": staticmethod(counted)})()
    outcomes = await session.delete_many(str(number) for number in range(1, 201))
    assert set(outcomes.values()) == {None}
    assert 2 <= most <= 20


async def test_a_delete_whose_answer_is_lost(session, sandbox, elements):
    """It is sent again, and its miss then is a success."""
    sandbox.script("delete", Fault.lost_answer(), Fault.cut())
    assert await session.delete_many(elements.values()) == dict.fromkeys(elements.values())
    assert sandbox.account("ezmodel").deleted == set(elements.values())


@pytest.mark.parametrize("code", [1302, 1303])
async def test_a_delete_that_was_refused_before_a_miss(session, sandbox, code):
    """A refused attempt deleted nothing, so the miss of the next one is told."""
    sandbox.script("delete", Fault.code(code))
    with pytest.raises(NotFoundError):
        await session.delete_element("12345")
    assert deletes(sandbox) == 2


@pytest.mark.parametrize("gateway", ["anyfast", "evolink"])
async def test_where_nothing_can_be_deleted(open_session, sandbox, gateway):
    """Not offered, for each id or at once; nothing is sent."""
    try:
        outcomes = await open_session(gateway).delete_many(["1", "2"])
    except NotOfferedError:
        return
    assert {type(error) for error in outcomes.values()} == {NotOfferedError}
    assert sandbox.account(gateway).counts.total() == 0


async def test_at_a_closed_session(session):
    """The session says that it is closed."""
    await session.close()
    with pytest.raises(SessionUnusableError):
        await session.delete_many(["1"])


# ---------------------------------------------------------------- prune


async def test_prune_names_only_unless_told_otherwise(session, sandbox, elements):
    """A dry run is the default: it returns what the rule meets, and deletes nothing."""
    found = await session.prune(name="old")
    assert {element.element_id for element in found} == {elements[0], elements[1]}
    assert deletes(sandbox) == 0
    assert sandbox.account("ezmodel").deleted == set()


async def test_prune_by_name(session, sandbox, elements):
    """All elements of that name, and no other."""
    found = await session.prune(name="old", dry_run=False)
    assert {element.element_id for element in found} == {elements[0], elements[1]}
    assert sandbox.account("ezmodel").deleted == {elements[0], elements[1]}
    assert await session.prune(name="old", dry_run=False) == ()


@pytest.mark.parametrize("name", ["OLD", "ol", "old ", ""])
async def test_prune_by_a_name_that_none_has(session, sandbox, elements, name):
    """A name is the whole name, as it is written."""
    assert await session.prune(name=name, dry_run=False) == ()
    assert sandbox.account("ezmodel").deleted == set()


async def test_prune_by_age(quick, open_session):
    """Only what was made longer ago than that; together with a name both rules hold."""
    wall = time.time() - 3600
    async with Sandbox(durations=(0.1, 0.2), clock=quick.now, wall=lambda: wall) as sandbox:
        session = open_session(sandbox.gateway("ezmodel"))
        old = await all_outcomes(session, [a_spec("a"), a_spec("b")])
        wall = time.time()
        await all_outcomes(session, [a_spec("a"), a_spec("b")])
        ids = {outcome.index: outcome.element.element_id for outcome in old}
        assert {element.element_id for element in await session.prune(older_than=1800)} == set(ids.values())
        (both,) = await session.prune(name="a", older_than=1800)
        assert both.element_id == ids[0]
        assert await session.prune(older_than=7200, dry_run=False) == ()
        await session.prune(older_than=1800, dry_run=False)
        assert sandbox.account("ezmodel").deleted == set(ids.values())


async def test_prune_without_a_rule(session, sandbox, elements):
    """It would mean everything, and is a ValueError."""
    before = sandbox.account("ezmodel").counts.total()
    for options in ({}, {"dry_run": False}):
        with pytest.raises(ValueError, match="older_than"):
            await session.prune(**options)
    assert sandbox.account("ezmodel").counts.total() == before


async def test_older_than_no_time_at_all(session, sandbox, elements):
    """0 s means every element of the account's own."""
    assert len(await session.prune(older_than=0)) == 6


async def test_an_age_that_is_not_a_number(session, sandbox, elements):
    """A ValueError, and nothing is deleted."""
    with pytest.raises(ValueError, match=r"(?i)nan"):
        await session.prune(older_than=float("nan"), dry_run=False)
    assert sandbox.account("ezmodel").deleted == set()


async def test_a_preset_among_the_accounts_own(session, sandbox, elements):
    """Kling's own elements are never touched, wherever they are listed."""

    def taken_over(answer):
        for record in answer["data"]:
            for element in record["task_result"].get("elements", []):
                if str(element["element_id"]) == elements[0]:
                    element["owned_by"] = "kling"
        return answer

    sandbox.script("list", *[Fault.rewrite(taken_over)] * 4)
    found = await session.prune(name="old", dry_run=False)
    assert [element.element_id for element in found] == [elements[1]]
    assert sandbox.account("ezmodel").deleted == {elements[1]}


async def test_a_task_without_a_time_is_never_old(session, sandbox, elements):
    """Where the gateway gives no date, the age is not guessed."""

    def timeless(answer):
        for record in answer["data"]:
            record.pop("created_at")
        return answer

    sandbox.script("list", *[Fault.rewrite(timeless)] * 4)
    assert await session.prune(older_than=0, dry_run=False) == ()


@pytest.mark.slow
async def test_elements_over_many_pages(session, sandbox):
    """All pages are looked at, also while the deletes change them."""
    await all_outcomes(session, [a_spec("old", description=f"Number {number}") for number in range(230)])
    assert len(await session.prune(name="old", dry_run=False)) == 230
    assert len(sandbox.account("ezmodel").deleted) == 230


async def test_some_that_cannot_be_deleted(session, sandbox, elements):
    """A group of their errors, after all were tried."""
    sandbox.script("delete", Fault.code(1103), Fault.code(1301))
    with pytest.raises(ExceptionGroup, match="2 of 6") as caught:
        await session.prune(older_than=0, dry_run=False)
    assert {type(error) for error in caught.value.exceptions} == {PermissionDeniedError, ContentPolicyError}
    assert len(sandbox.account("ezmodel").deleted) == 4
