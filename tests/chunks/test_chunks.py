"""A chunk, delivered once, twice, or by two at once; and a manifest, cut into chunks."""

import asyncio
import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from pathlib import Path

import pytest
from bulk.materials import NO_FAULT, a_spec, eventually, made, named, png, spec_for

from kling_elements_async import AuthenticationError, ConfigurationError, ElementSpec, Images
from kling_elements_async.chunks import chunks, key_of, run_chunk, take_in
from kling_elements_async.journal import Progress
from kling_elements_async.journals import SqliteJournal
from kling_elements_async.sandbox import Fault

FIELDS = {"index", "line", "id", "status", "element_id", "task_id", "resolution", "error_type", "error"}


def a_row(name, **changes):
    links = {"frontal": "https://example.com/front.png", "others": ["https://example.com/side.png"]}
    return {"name": name, "description": "One of many", **links, **changes}


def rows(many, start=0):
    return [a_row(f"item-{number}") for number in range(start, start + many)]


def posts(sandbox, gateway="ezmodel"):
    return sandbox.account(gateway).counts["create"]


# ---------------------------------------------------------------- outcomes


async def test_the_outcomes_are_plain_data(session, sandbox):
    """One for each row, in the order of the rows, and JSON brings them back as they are."""
    given = [*rows(3), *named(2, start=3), a_row("mine", id="mine-1", tags=["prop"])]
    outcomes = await run_chunk(given, session)
    assert json.loads(json.dumps(outcomes)) == outcomes
    assert [set(outcome) for outcome in outcomes] == [FIELDS] * 6
    assert [outcome["index"] for outcome in outcomes] == list(range(6))
    assert {outcome["status"] for outcome in outcomes} == {"created"}
    assert outcomes[5]["id"] == "mine-1"
    elements = {task.order.name: task.element_id for task in sandbox.account("ezmodel").tasks.values()}
    assert [outcome["element_id"] for outcome in outcomes] == [
        elements[name] for name in ("item-0", "item-1", "item-2", "item-3", "item-4", "mine")
    ]


async def test_a_row_that_is_wrong(session, journal):
    """It fails, in the words of the manifest, the others do not, and the journal counts it."""
    given = [a_row("a"), a_row("b", colour="red"), {"name": "c"}, a_row("d", frontal="missing.png")]
    outcomes = await run_chunk(given, session, journal)
    assert [outcome["status"] for outcome in outcomes] == ["created", "failed", "failed", "failed"]
    assert {outcome["error_type"] for outcome in outcomes[1:]} == {"InvalidElementError"}
    assert "colour" in outcomes[1]["error"]
    assert outcomes[3]["error"].startswith("frontal: missing.png can't be read")
    assert await journal.progress() == Progress(4, 1, 0, 3)


async def test_a_spec_that_is_wrong(session):
    """Its problems are in the words of a spec."""
    (outcome,) = await run_chunk(
        [ElementSpec("a", "b", Images("https://example.com/a.png", [Path("missing.png")]))], session
    )
    assert outcome["error"].startswith("reference.others[0]: missing.png can't be read")


async def test_a_task_that_fails(session, sandbox, journal):
    """Its outcome names the task; delivered again, it is tried again."""
    sandbox.script("create", Fault.task_fails())
    (outcome,) = await run_chunk(rows(1), session, journal)
    assert (outcome["status"], outcome["error_type"]) == ("failed", "ElementFailedError")
    assert outcome["task_id"]


async def test_an_account_that_refuses_everything(open_session, sandbox, journal):
    """It is raised, for an engine to deliver the chunk again, and then nothing is missing."""
    sandbox.script("create", NO_FAULT, *[Fault.code(1002, status=401)] * 50)
    with pytest.raises(AuthenticationError):
        await run_chunk(rows(8), open_session(), journal)
    sandbox._script.lines = ()
    outcomes = await run_chunk(rows(8), open_session(), journal)
    assert {outcome["status"] for outcome in outcomes} == {"created"}
    assert set(made(sandbox).values()) == {1}


async def test_what_is_no_row(session, sandbox):
    """A TypeError, and nothing is sent."""
    with pytest.raises(TypeError):
        await run_chunk(["item-0"], session)
    assert posts(sandbox) == 0


# ---------------------------------------------------------------- delivered again


@pytest.mark.parametrize("remembers", ["the journal", "another journal", "no journal"])
async def test_a_chunk_that_is_delivered_again_after_its_end(
    open_session, open_journal, sandbox, tmp_path, remembers
):
    """Not one create is sent, whoever gets it, and the outcomes are the same."""
    given = [*rows(10), *named(5, start=10)]
    journal = None if remembers == "no journal" else await open_journal()
    first = await run_chunk(given, open_session(), journal)
    assert posts(sandbox) == 15
    if remembers == "another journal":
        async with SqliteJournal(tmp_path / "another") as another:
            second = await run_chunk(given, open_session(), another)
    else:
        second = await run_chunk(given, open_session(), journal)
    assert posts(sandbox) == 15
    assert [outcome["element_id"] for outcome in second] == [outcome["element_id"] for outcome in first]
    expected = "resumed" if remembers == "the journal" else "adopted"
    assert {outcome["resolution"] for outcome in second} == {expected}


async def test_a_chunk_that_two_workers_get_at_once(open_session, sandbox):
    """Without a common journal: one element for each row, and both name it."""
    first, second = await asyncio.gather(*(run_chunk(rows(10), open_session()) for _ in range(2)))
    assert [outcome["element_id"] for outcome in first] == [outcome["element_id"] for outcome in second]
    assert set(made(sandbox).values()) == {1}


async def test_a_chunk_that_is_cut_off(open_session, sandbox):
    """What was begun by a worker that went is found by the next, without its journal."""
    sandbox.script("create", *[Fault(takes_effect=True, ending="never")] * 3)
    running = asyncio.ensure_future(run_chunk(rows(6), open_session()))
    await eventually(lambda: posts(sandbox) == 6)
    running.cancel()
    await asyncio.wait([running])
    outcomes = await run_chunk(rows(6), open_session())
    assert {outcome["status"] for outcome in outcomes} == {"created"}
    assert set(made(sandbox).values()) == {1}


async def test_where_no_external_ids_are(open_session, sandbox, journal):
    """A journal is needed, and enough."""
    given = [a_row("a", tags=["prop"]), a_row("b", id="mine-1", tags=["prop"]), spec_for("anyfast", "c")]
    with pytest.raises(ConfigurationError, match="journal"):
        await run_chunk(given, open_session("anyfast"))
    first = await run_chunk(given, open_session("anyfast"), journal)
    second = await run_chunk(given, open_session("anyfast"), journal)
    assert [outcome["element_id"] for outcome in first] == [outcome["element_id"] for outcome in second]
    assert posts(sandbox, "anyfast") == 3


async def test_a_look_that_is_unclear(open_session, sandbox):
    """The create insists on its look-up, and finds what is there."""
    await run_chunk(rows(1), open_session())
    sandbox.script("get", *[Fault.lost_answer()] * 6)
    (outcome,) = await run_chunk(rows(1), open_session())
    assert outcome["status"] == "created"
    assert posts(sandbox) == 1


# ---------------------------------------------------------------- equal rows


async def test_equal_rows_are_elements_of_their_own(open_session, sandbox):
    """In one chunk or in several, and each time the same ones."""
    given = [a_row("twin"), a_row("other"), a_row("twin"), a_row("twin")]
    cut = list(chunks(given, 2))
    first = [outcome for chunk in cut for outcome in await run_chunk(chunk, open_session())]
    again = [outcome for chunk in reversed(cut) for outcome in reversed(await run_chunk(chunk, open_session()))]
    ids = [outcome["element_id"] for outcome in first]
    assert len(set(ids)) == 4
    assert [outcome["element_id"] for outcome in reversed(again)] == ids
    assert made(sandbox) == {"twin": 3, "other": 1}
    whole = await run_chunk(given, open_session())
    assert [outcome["element_id"] for outcome in whole] == ids


async def test_the_same_as_ensure(open_session, sandbox):
    """A row is the element that create_many makes of it with ensure."""
    (outcome,) = await run_chunk([a_row("item", tags=["character"])], open_session())
    spec = a_spec("item", description="One of many")
    async with open_session().create_many([spec], ensure=True) as outcomes:
        (found,) = [each async for each in outcomes]
    assert found.element.element_id == outcome["element_id"]


async def test_another_picture_behind_the_same_path(open_session, sandbox, tmp_path):
    """Another element without a journal; with one, the row is known, and says so."""
    (tmp_path / "front.png").write_bytes(png())
    (tmp_path / "rows.jsonl").write_text(json.dumps(a_row("item", frontal="front.png")))
    (chunk,) = chunks(tmp_path / "rows.jsonl")
    async with SqliteJournal(tmp_path / "job.journal") as journal:
        await run_chunk(chunk, open_session(), journal)
        (tmp_path / "front.png").write_bytes(png(grey=1))
        (known,) = await run_chunk(chunk, open_session(), journal)
    assert known["error_type"] == "DuplicateTaskError"
    (outcome,) = await run_chunk(chunk, open_session())
    assert outcome["resolution"] == "direct"
    assert made(sandbox) == {"item": 2}


# ---------------------------------------------------------------- cutting


def test_a_manifest_is_cut(tmp_path):
    """By size, each row with its line, its occurrence, and paths that begin at the manifest's folder."""
    lines = [a_row("a", frontal="a.png", others=["b.png", "https://example.com/b.png"]), a_row("b"), a_row("b")]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join([*map(json.dumps, lines), "{no json"]))
    first, second = chunks(path, 2)
    assert first[0]["frontal"] == str(tmp_path / "a.png")
    assert first[0]["others"] == [str(tmp_path / "b.png"), "https://example.com/b.png"]
    assert [row["line"] for row in first + second] == [1, 2, 3, 4]
    assert [row["occurrence"] for row in first + second] == [0, 0, 1, 0]
    assert len({key_of(row) for row in first + second}) == 4
    assert "no JSON" in second[1]["problem"]


async def test_a_line_that_cannot_be_read(session, tmp_path):
    """It has an outcome of its own."""
    path = tmp_path / "rows.jsonl"
    path.write_text("{no json\n" + json.dumps(a_row("a")))
    (chunk,) = chunks(path)
    failed, created = await run_chunk(chunk, session)
    assert (failed["line"], failed["status"], created["status"]) == (1, "failed", "created")
    assert "no JSON" in failed["error"]


def test_a_csv_is_cut_too(tmp_path):
    """The same rows."""
    (tmp_path / "rows.csv").write_text("name,description,frontal,others\na,b,front.png,x.png;y.png\n")
    ((row,),) = chunks(tmp_path / "rows.csv")
    assert row["others"] == [str(tmp_path / "x.png"), str(tmp_path / "y.png")]


@pytest.mark.parametrize(("path", "size"), [("rows.txt", 5), ("rows.jsonl", 0)])
def test_what_cannot_be_cut(tmp_path, path, size):
    """A ValueError, at once."""
    with pytest.raises(ValueError, match=r"rows\.txt|size"):
        chunks(tmp_path / path, size)


def test_cutting_is_lazy():
    """The first chunk of an endless manifest, and little memory for many."""
    endless = chunks((a_row(f"item-{number}") for number in count()), 100)
    assert len(next(endless)) == 100
    tracemalloc.start()
    for _ in islice(endless, 12):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000


async def test_a_manifest_is_cut_by_many_threads():
    """Each chunk by another one: a journal takes them in on whatever thread is free."""
    cut = chunks(rows(40), 10)
    found = []
    for _ in range(4):
        with ThreadPoolExecutor(1) as thread:
            found += await asyncio.get_running_loop().run_in_executor(thread, next, cut)
    assert [row["name"] for row in found] == [row["name"] for row in rows(40)]


async def test_a_manifest_is_taken_in(session, journal):
    """The journal counts what waits, and the chunks bring it to an end."""
    given = [*rows(5), a_row("mine", id="mine-1"), a_row("item-0")]
    assert await take_in(given, journal) == 7
    assert await take_in(given, journal) == 7
    assert await journal.progress() == Progress(7, 0, 0, 0)
    first, second = chunks(given, 4)
    await run_chunk(first, session, journal)
    assert await journal.progress() == Progress(7, 4, 0, 0)
    await run_chunk(second, session, journal)
    assert await journal.progress() == Progress(7, 7, 0, 0)
    assert {result.key async for result in journal.results()} == {key_of(row) for row in [*first, *second]}
