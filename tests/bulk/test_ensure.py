"""`ensure=True`: the same input is the same element, wherever and whenever it is asked for."""

import asyncio

import pytest

from kling_elements_async import Created, Images, NotOfferedError, Video

from .materials import a_spec, all_outcomes, base64_of, made, named, png
from .programs import run_to_its_end


async def test_the_same_input_twice_in_one_job(session, sandbox):
    """Both outcomes show the one element."""
    outcomes = await all_outcomes(session, [a_spec(), a_spec()], ensure=True)
    assert [type(outcome) for outcome in outcomes] == [Created] * 2
    assert len({outcome.element.element_id for outcome in outcomes}) == 1
    assert made(sandbox).total() == 1


async def test_the_same_input_in_two_sessions(open_session, sandbox):
    """At once and one after the other: one element, found by the id that its content gives."""
    specs = named(5)
    both = await asyncio.gather(*(all_outcomes(open_session(), specs, ensure=True) for _ in range(2)))
    both.append(await all_outcomes(open_session(), specs, ensure=True))
    ids = [{outcome.index: outcome.element.element_id for outcome in outcomes} for outcomes in both]
    assert ids[0] == ids[1] == ids[2]
    assert {outcome.resolution for outcome in both[2]} == {"adopted"}
    assert made(sandbox) == {f"item-{number}": 1 for number in range(5)}


@pytest.mark.slow
async def test_the_same_input_in_two_processes(sandbox, tmp_path):
    """At once: one element for each input."""
    runs = [run_to_its_end(sandbox, 6, tmp_path / f"{each}.jsonl", ensure=True) for each in "ab"]
    first, second = await asyncio.gather(*runs)
    assert first == second
    assert len(first) == 6
    assert set(made(sandbox).values()) == {1}


async def test_with_a_journal(open_session, sandbox, journal):
    """Both together: a rerun asks nothing, and a job without the journal adopts."""
    specs = [a_spec(), a_spec()]
    first = await all_outcomes(open_session(), specs, ensure=True, journal=journal)
    asked = sandbox.account("ezmodel").counts.total()
    second = await all_outcomes(open_session(), specs, ensure=True, journal=journal)
    assert sandbox.account("ezmodel").counts.total() == asked
    third = await all_outcomes(open_session(), specs, ensure=True)
    assert len({outcome.element.element_id for outcome in (*first, *second, *third)}) == 1
    assert made(sandbox).total() == 1


async def test_a_picture_counts_by_its_content(open_session, sandbox, tmp_path):
    """A file, its bytes, its Base64 and its data: URI are one input; another picture is another."""
    picture = png()
    (tmp_path / "front.png").write_bytes(picture)
    forms = [tmp_path / "front.png", picture, base64_of(picture), f"data:image/png;base64,{base64_of(picture)}"]
    specs = [a_spec(reference=Images(form, ["https://example.com/side.png"])) for form in forms]
    other = a_spec(reference=Images(png(grey=0x20), ["https://example.com/side.png"]))
    outcomes = await all_outcomes(open_session(), [*specs, other], ensure=True)
    ids = {outcome.index: outcome.element.element_id for outcome in outcomes}
    assert len({ids[index] for index in range(4)}) == 1
    assert ids[4] != ids[0]
    assert made(sandbox).total() == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"description": "Another"},
        {"tags": ["prop"]},
        {"voice_id": "829"},
        {"reference": Video("https://example.com/a.mp4")},
        {"reference": Images("https://example.com/side.png", ["https://example.com/front.png"])},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_another_content_is_another_element(session, sandbox, changes):
    """Whatever makes the element makes the difference."""
    outcomes = await all_outcomes(session, [a_spec(), a_spec(**({"name": "my-character"} | changes))], ensure=True)
    assert len({outcome.element.element_id for outcome in outcomes}) == 2


async def test_an_external_id_of_the_callers_own_wins(session, sandbox):
    """Where the spec has an id, it is not replaced."""
    await all_outcomes(session, [a_spec(external_task_id="mine-1")], ensure=True)
    (task,) = sandbox.account("ezmodel").tasks.values()
    assert task.external_task_id == "mine-1"


@pytest.mark.parametrize("gateway", ["anyfast", "evolink"])
async def test_where_no_external_ids_are(open_session, sandbox, gateway):
    """It is not offered, and says so before anything is read or sent."""
    with pytest.raises(NotOfferedError):
        async with open_session(gateway).create_many([], ensure=True):
            pass
    assert sandbox.account(gateway).counts.total() == 0


@pytest.mark.parametrize("with_journal", [False, True])
async def test_duplicates_without_ensure_are_two_elements(open_session, sandbox, journal, with_journal):
    """The same spec twice was asked for twice; a rerun with the journal keeps the two apart."""
    options = {"journal": journal} if with_journal else {}
    specs = [a_spec(), a_spec(), a_spec()]
    first = await all_outcomes(open_session(), specs, **options)
    assert len({outcome.element.element_id for outcome in first}) == 3
    if with_journal:
        second = await all_outcomes(open_session(), specs, **options)
        assert {outcome.index: outcome.element for outcome in first} == {
            outcome.index: outcome.element for outcome in second
        }
    assert made(sandbox).total() == 3
