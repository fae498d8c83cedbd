"""How `create_many` reads its specs: lazily, within its bounds, and until it is left."""

import asyncio
from pathlib import Path

import pytest
from tables import mostly_slow

from kling_elements_async import (
    Created,
    ElementFailedError,
    ElementsSession,
    Images,
    InvalidElementError,
    NotCreated,
    SessionUnusableError,
    WaitTimeoutError,
    bulk,
)
from kling_elements_async.gateways import EzModel
from kling_elements_async.sandbox import Fault, Sandbox

from .hall import Hall, without_a_wire
from .materials import (
    NO_FAULT,
    Counting,
    Hand,
    a_spec,
    all_outcomes,
    base64_of,
    endless,
    eventually,
    exhausted,
    made,
    named,
    ours,
    png,
    streamed,
    until_error,
)


def data_uri(picture):
    return f"data:image/png;base64,{base64_of(picture)}"


@pytest.fixture
def three_open(monkeypatch):
    monkeypatch.setattr(bulk, "MOST_OPEN", 3)


KINDS = {
    "a list": list,
    "a tuple": tuple,
    "an iterator": iter,
    "a generator": (lambda specs: (s for s in specs)),
    "an async one": streamed,
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_any_iterable_and_any_async_iterable(session, sandbox, kind):
    """Each spec leads to one outcome that says its index, spec, task, element and how it came about."""
    specs = named(12)
    outcomes = await all_outcomes(session, kind(specs))
    assert sorted(outcome.index for outcome in outcomes) == list(range(12))
    for outcome in outcomes:
        assert isinstance(outcome, Created)
        assert outcome.spec is specs[outcome.index]
        assert outcome.element == outcome.task.element
        assert outcome.element.name == f"item-{outcome.index}"
        assert outcome.resolution == "direct"
        assert sandbox.account("ezmodel").tasks[outcome.task.task_id].element_id == outcome.element.element_id
    assert set(made(sandbox).values()) == {1}


async def test_no_specs_at_all(session, sandbox):
    """Nothing in, nothing out, nothing sent."""
    assert await all_outcomes(session, []) == []
    assert sandbox.account("ezmodel").counts.total() == 0


async def test_outcomes_come_in_the_order_of_completion(open_session):
    """The item whose task ends first comes first, whatever its index."""
    hand, seconds, order = Hand(), iter([12.0, 6.0, 1.0]), []
    async with Sandbox(durations=lambda _: next(seconds), clock=hand) as sandbox:
        session = open_session(sandbox.gateway("ezmodel"), max_connections=1)
        async with session.create_many(named(3)) as outcomes:
            await eventually(lambda: sandbox.account("ezmodel").creates == 3)
            for hand.time in (1.0, 6.0, 12.0):
                order.append((await anext(outcomes)).index)
    assert order == [2, 1, 0]


async def test_thirty_failures_among_many_successes(session, sandbox):
    """Each failure is an outcome of its own, and no success is lost for it."""
    bad = [a_spec("n" * 21) for _ in range(10)]
    specs = named(270) + bad + named(20, start=270)
    faults = [Fault.task_fails(), Fault.code(1301), *[NO_FAULT] * 26] * 10
    sandbox.script("create", *faults)
    outcomes = await all_outcomes(session, specs)
    failed = [outcome for outcome in outcomes if isinstance(outcome, NotCreated)]
    assert sorted(outcome.index for outcome in outcomes) == list(range(300))
    assert len(failed) == 30
    kinds = [type(outcome.error).__name__ for outcome in failed]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "InvalidElementError": 10,
        "ContentPolicyError": 10,
        "ElementFailedError": 10,
    }
    for outcome in failed:
        assert (outcome.task is not None) is isinstance(outcome.error, ElementFailedError)
        assert outcome.spec is specs[outcome.index]
    assert made(sandbox).total() == 280


# ---------------------------------------------------------------- bounds


@pytest.mark.usefixtures("three_open")
async def test_an_endless_iterable_is_read_no_further_than_the_bound(session, sandbox):
    """With three open at most, an outcome taken lets one more spec in."""
    specs = Counting(endless())
    async with session.create_many(specs) as outcomes:
        for read in range(12):
            await anext(outcomes)
            # One more may stand at the door: what it weighs is not known before it is read.
            assert specs.taken <= read + 1 + 3 + 1
    assert sandbox.account("ezmodel").most_running <= 3


@pytest.mark.usefixtures("three_open")
async def test_a_slow_consumer_holds_the_reading_back(session, sandbox):
    """Outcomes that nobody takes keep their places, so that nothing more is sent."""
    specs = Counting(endless())
    async with session.create_many(specs) as outcomes:
        await eventually(lambda: sandbox.account("ezmodel").creates == 3)
        await asyncio.sleep(0.2)
        assert sandbox.account("ezmodel").creates == 3
        assert specs.taken <= 4
        await anext(outcomes)
        await eventually(lambda: sandbox.account("ezmodel").creates == 4)
        await asyncio.sleep(0.1)
        assert sandbox.account("ezmodel").creates == 4


@pytest.mark.parametrize("form", mostly_slow([bytes, base64_of, data_uri], bytes))
async def test_pictures_in_flight_are_bounded_in_bytes(session, sandbox, monkeypatch, form):
    """Where two specs' pictures fill the bound, two are under way and no third."""
    picture = form(png(20_000))
    monkeypatch.setattr(bulk, "MOST_BYTES", 2 * 2 * len(picture) + 10)
    specs = named(10, reference=Images(picture, [picture]))
    outcomes = await all_outcomes(session, specs)
    assert [type(outcome) for outcome in outcomes] == [Created] * 10
    assert sandbox.account("ezmodel").most_running <= 2
    sandbox.script("create", *[Fault.never()] * 10)
    async with session.create_many(specs):
        await eventually(lambda: sandbox.account("ezmodel").counts["create"] == 12)
        await asyncio.sleep(0.1)
        assert sandbox.account("ezmodel").counts["create"] == 12


async def test_a_spec_heavier_than_the_bound_passes_alone(session, sandbox, monkeypatch):
    """It is neither refused nor waited for forever."""
    monkeypatch.setattr(bulk, "MOST_BYTES", 1000)
    heavy = Images(png(5000), [png()])
    specs = [spec for pair in zip(named(4), named(4, start=4, reference=heavy), strict=True) for spec in pair]
    outcomes = await all_outcomes(session, specs)
    assert [type(outcome) for outcome in outcomes] == [Created] * 8


async def test_links_and_paths_weigh_nothing(session, sandbox, monkeypatch, tmp_path):
    """A file is read as it is sent, so that it takes up no room before."""
    monkeypatch.setattr(bulk, "MOST_BYTES", 1)
    (tmp_path / "front.png").write_bytes(png())
    sandbox.script("create", *[Fault.never()] * 6)
    reference = Images(tmp_path / "front.png", ["https://example.com/side.png"])
    async with session.create_many(named(6, reference=reference)):
        await eventually(lambda: sandbox.account("ezmodel").counts["create"] == 6)


# ---------------------------------------------------------------- time


@pytest.mark.parametrize("limited_by", ["max_running_tasks", "the account"])
async def test_the_timeout_of_an_item_counts_from_its_slot(clock, monkeypatch, limited_by):
    """Eight tasks one after the other take twice as long as the timeout of one, and none runs into it."""
    without_a_wire(monkeypatch)
    slots = 1 if limited_by == "the account" else None
    hall = Hall(clock, slots, lambda: 3.0, host="one")
    async with ElementsSession(hall, clock=clock, max_running_tasks=None if slots else 1) as session:
        outcomes = await all_outcomes(session, named(8), timeout=12.0)
    assert [outcome.error for outcome in outcomes if isinstance(outcome, NotCreated)] == []
    assert hall.account.most_running == 1


async def test_a_task_that_outlasts_its_timeout(clock, monkeypatch):
    """That item comes out with its last state; the others are not held up by it."""
    without_a_wire(monkeypatch)
    seconds = iter([1000.0, 1.0, 1.0])
    hall = Hall(clock, None, lambda: next(seconds), host="one")
    async with ElementsSession(hall, clock=clock) as session:
        *others, last = await all_outcomes(session, named(3), timeout=15.0)
    assert [type(outcome) for outcome in others] == [Created] * 2
    assert isinstance(last.error, WaitTimeoutError)
    assert last.task == last.error.task
    assert last.task.task_id in hall.account.tasks


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_that_is_none(timeout):
    """A timeout that no create could keep is a ValueError before anything else."""
    session = ElementsSession(EzModel(api_key="k"))
    with pytest.raises(ValueError, match="timeout"):
        session.create_many([], timeout=timeout)


# ---------------------------------------------------------------- leaving early


@pytest.mark.usefixtures("three_open")
@pytest.mark.parametrize("way", mostly_slow(["break", "exception", "cancelled"], "cancelled"))
async def test_leaving_the_block_early_cancels_what_runs(session, monkeypatch, way):
    """However it is left: nothing of ours runs on in the session, and nothing more is sent."""
    before, sent, send = ours(), [], session._transport.send
    monkeypatch.setattr(session._transport, "send", lambda *a, **k: sent.append(a) or send(*a, **k))

    async def leave():
        async with session.create_many(endless()) as outcomes:
            async for _ in outcomes:
                if way == "break":
                    break
                if way == "exception":
                    raise LookupError
                asyncio.current_task().cancel()

    await asyncio.gather(asyncio.ensure_future(leave()), return_exceptions=True)
    await eventually(lambda: ours() <= before)
    left = len(sent)
    await asyncio.sleep(0.15)
    assert len(sent) == left > 0


async def test_leaving_at_once(session, sandbox):
    """A block that reads nothing ends as well."""
    async with session.create_many(endless()):
        pass
    await eventually(lambda: not ours())


@pytest.mark.usefixtures("three_open")
@pytest.mark.parametrize("state", ["between two specs", "in its own await"])
async def test_leaving_early_closes_an_async_generator(session, state):
    """A source with a connection of its own has it closed by the end of the block."""
    closed = []

    async def source():
        try:
            for spec in named(1 if state == "in its own await" else 100):
                yield spec
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async with session.create_many(source()) as outcomes:
        await anext(outcomes)
    assert closed == [True]


@pytest.mark.usefixtures("three_open")
async def test_reading_on_after_the_block_was_left(session):
    """It ends, one way or another, and does not wait for what will never come."""
    async with session.create_many(endless()) as outcomes:
        await anext(outcomes)
    async with asyncio.timeout(10):
        with pytest.raises((StopAsyncIteration, RuntimeError)):
            await exhausted(outcomes)


async def test_used_without_entering(session, sandbox):
    """It says how to use it, and sends nothing."""
    with pytest.raises(RuntimeError, match="async with"):
        async for _ in session.create_many(named(2)):
            pass
    assert sandbox.account("ezmodel").counts.total() == 0


async def test_entered_at_a_closed_session(session, journal):
    """A closed session says so, and makes no journal."""
    await session.close()
    with pytest.raises(SessionUnusableError):
        await session.create_many(named(2), journal=journal).__aenter__()
    assert not journal.exists()


async def test_a_session_that_closes_while_the_job_runs(open_session, sandbox, journal):
    """The iteration comes to its end, nothing is left running, and a rerun makes the rest and nothing twice."""
    specs = named(20)
    sandbox.script(
        "create", *[NO_FAULT] * 6, *[Fault(takes_effect=True, ending="never")] * 6, *[Fault.never()] * 8
    )
    session = open_session()
    async with session.create_many(specs, journal=journal) as outcomes:
        await anext(outcomes)
        await eventually(lambda: sandbox.account("ezmodel").counts["create"] == 20)
        closing = asyncio.ensure_future(session.close())
        async with asyncio.timeout(20):
            with pytest.raises((StopAsyncIteration, SessionUnusableError)):
                await exhausted(outcomes)
        await closing
    await eventually(lambda: not ours())
    outcomes = await all_outcomes(open_session(), specs, journal=journal)
    assert [type(outcome) for outcome in outcomes] == [Created] * 20
    assert set(made(sandbox).values()) == {1}


# ---------------------------------------------------------------- an iterable that raises


async def broken(specs, error):
    for spec in specs:
        yield spec
    raise error


def broken_in_step(specs, error):
    yield from specs
    raise error


@pytest.mark.parametrize("source", [broken, broken_in_step])
async def test_an_iterable_that_raises(session, sandbox, source):
    """Its error comes out as it is, after the outcomes of what was sent before."""
    outcomes, error = await until_error(session, source(named(8), LookupError("row 9")))
    assert isinstance(error, LookupError)
    assert str(error) == "row 9"
    assert made(sandbox).total() == len(outcomes)
    assert len(outcomes) == 8


async def test_an_iterable_that_raises_at_once(session, sandbox):
    """With nothing sent there is only the error."""
    outcomes, error = await until_error(session, broken([], LookupError("no file")))
    assert (outcomes, type(error)) == ([], LookupError)
    assert sandbox.account("ezmodel").counts.total() == 0


@pytest.mark.parametrize("source", [broken, broken_in_step])
async def test_an_iterable_that_was_cancelled(session, sandbox, source):
    """What it waited for itself was cancelled, and not the reader: that ends the iteration as any error does."""
    async with session.create_many(source(named(3), asyncio.CancelledError())) as outcomes:
        async with asyncio.timeout(20):
            assert [type(await anext(outcomes)) for _ in range(3)] == [Created] * 3
            with pytest.raises(asyncio.CancelledError):
                await anext(outcomes)
    assert made(sandbox).total() == 3


async def test_what_is_no_iterable(session):
    """The TypeError of Python itself."""
    outcomes, error = await until_error(session, a_spec())
    assert (outcomes, type(error)) == ([], TypeError)


async def test_what_is_no_spec(session, sandbox):
    """A TypeError as of create_element; what was sent before it still comes out."""
    outcomes, error = await until_error(session, [*named(3), "item-3"])
    assert isinstance(error, TypeError)
    assert made(sandbox).total() == len(outcomes)


@pytest.mark.parametrize("option", ["plain", "ensure", "journal"])
async def test_a_picture_that_cannot_be_read(session, sandbox, journal, option):
    """A missing file, a directory and a path that no file has are each one item's failure."""
    options = {"plain": {}, "ensure": {"ensure": True}, "journal": {"journal": journal}}[option]
    paths = [Path("/no/such/picture.png"), journal.parent, Path("front\0.png")]
    bad = [a_spec(reference=Images(path, LINK)) for path in paths]
    outcomes, error = await until_error(session, [*bad, *named(3)], **options)
    assert error is None
    failed = [outcome for outcome in outcomes if isinstance(outcome, NotCreated)]
    assert sorted(outcome.index for outcome in failed) == [0, 1, 2]
    assert {type(outcome.error) for outcome in failed} == {InvalidElementError}
    assert made(sandbox).total() == 3


LINK = ["https://example.com/side.png"]
