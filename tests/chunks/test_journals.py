"""What every journal does, whatever keeps it; the same tests for a file and for a database."""

import asyncio

import pytest
from bulk.materials import (
    BLIND,
    a_spec,
    all_outcomes,
    base64_of,
    cut_off,
    eventually,
    made,
    named,
    png,
    spec_for,
)

from kling_elements_async import ConfigurationError, Created, ElementFailedError, Images, NotCreated
from kling_elements_async.journal import Entry, Progress, Result
from kling_elements_async.sandbox import Fault

INTENT = Entry("key", "digest", "mine-1", 1.7e9)


async def begun(journal, key="key", task_id=None):
    """An item whose create was sent, and perhaps answered."""
    await journal.claim(key)
    await journal.intend(Entry(key, "digest", "mine-1", 1.7e9))
    if task_id:
        await journal.created(Entry(key, "digest", "mine-1", None, task_id))


# ---------------------------------------------------------------- one item


async def test_nothing_is_known_of_a_new_item(journal):
    """None, and the item is ours."""
    await journal.bind("ezmodel")
    assert await journal.claim("key") is None


async def test_what_is_known_of_an_item(journal):
    """Each step is there when it is claimed again: the intent, the task id, the task, and nothing once dropped."""
    await journal.bind("ezmodel")
    await begun(journal)
    journal.release("key")
    assert await journal.claim("key") == INTENT
    await journal.created(Entry("key", "digest", "mine-1", None, "task-1"))
    journal.release("key")
    assert await journal.claim("key") == Entry("key", "digest", "mine-1", None, "task-1")
    await journal.finished("key", "{}")
    journal.release("key")
    assert (await journal.claim("key")).task == "{}"
    await journal.dropped("key")
    journal.release("key")
    assert await journal.claim("key") is None


async def test_an_item_is_worked_on_by_one_at_a_time(journal):
    """The second claim waits until the first lets go, and another key does not wait."""
    await journal.claim("key")
    second = asyncio.ensure_future(journal.claim("key"))
    await journal.claim("other")
    await asyncio.sleep(0.05)
    assert not second.done()
    await journal.intend(INTENT)
    journal.release("key")
    assert await second == INTENT


async def test_a_claim_that_is_given_up_while_it_waits(journal):
    """It is not left behind: the next one gets the item."""
    await journal.claim("key")
    waiting = [asyncio.ensure_future(journal.claim("key")) for _ in range(3)]
    await asyncio.sleep(0.05)
    waiting[0].cancel()
    waiting[1].cancel()
    await asyncio.wait(waiting[:2])
    journal.release("key")
    await waiting[2]
    journal.release("key")
    await journal.claim("key")


async def test_many_claims_at_once(journal):
    """A thousand items are claimed together, and let go."""
    keys = [f"key-{number}" for number in range(1000)]
    assert set(await asyncio.gather(*map(journal.claim, keys))) == {None}
    for key in keys:
        journal.release(key)
    await asyncio.gather(*map(journal.claim, keys))


async def test_whose_journal_it_is(journal):
    """The first gateway has it, again and again; another is refused."""
    await journal.bind("ezmodel")
    await journal.bind("ezmodel")
    with pytest.raises(ConfigurationError, match="ezmodel"):
        await journal.bind("kkiai")


async def test_a_journal_that_was_closed(open_journal):
    """It says so, at once."""
    journal = await open_journal()
    await journal.__aexit__(None, None, None)
    async with asyncio.timeout(5):
        with pytest.raises(ConfigurationError, match="not open"):
            await journal.progress()
    await journal.__aenter__()  # for the fixture to close


# ---------------------------------------------------------------- progress and results


async def test_progress_and_results(journal):
    """Counts of each kind, and the outcomes in the order of their keys."""
    await journal.take_in(f"key-{number}" for number in range(6))
    assert await journal.progress() == Progress(6, 0, 0, 0)
    await begun(journal, "key-0", "task-0")
    await journal.finished("key-0", '{"task_id": "task-0"}'.replace("}", TASK_REST))
    await begun(journal, "key-1", "task-1")
    await begun(journal, "key-2", "task-2")
    await journal.failed(Result("key-2", None, "task-2", "WaitTimeoutError", "late"))
    await journal.failed(Result("key-3", None, None, "NotSentError", "no slot"))
    progress = await journal.progress()
    assert progress == Progress(6, 1, 1, 2)
    assert progress.waiting == 2
    assert [result async for result in journal.results()] == [
        Result("key-0", "element-0", "task-0"),
        Result("key-2", None, "task-2", "WaitTimeoutError", "late"),
        Result("key-3", None, None, "NotSentError", "no slot"),
    ]


TASK_REST = (
    ', "status": "succeeded", "status_word": "succeed", "message": null, "external_task_id": null, "elements": '
    '[{"element_id": "element-0", "name": "a", "description": null, "reference_type": null, "frontal_image": null, '
    '"other_images": [], "videos": [], "voice": null, "tags": [], "owner": null, "status": null}], '
    '"created_at": null, "updated_at": null, "cost": null, "request_id": null}'
)


async def test_a_failure_that_is_overcome(journal):
    """The next try takes it out of the results; an element stays, whatever fails afterwards."""
    await journal.failed(Result("key", None, None, "NotSentError", "no slot"))
    await begun(journal, task_id="task-1")
    assert await journal.progress() == Progress(1, 0, 1, 0)
    await journal.finished("key", '{"task_id": "task-1"}'.replace("}", TASK_REST))
    await journal.failed(Result("key", None, None, "DuplicateTaskError", "another content"))
    assert await journal.progress() == Progress(1, 1, 0, 0)
    assert [result.element_id async for result in journal.results()] == ["element-0"]


async def test_more_results_than_a_page(journal):
    """Each comes once."""
    given = sorted(f"key-{number}" for number in range(1203))
    await asyncio.gather(*(journal.failed(Result(key, None, None, "NotSentError", "no slot")) for key in given))
    assert [result.key async for result in journal.results()] == given


async def test_taken_in_twice(journal):
    """The same numbers again change nothing; later ones come behind."""
    assert await journal.take_in(["a", "b"]) == 2
    assert await journal.take_in(["a", "b"]) == 2
    assert await journal.take_in(["c"], first=2) == 1
    assert (await journal.progress()).total == 3


async def test_progress_while_a_job_runs(open_session, sandbox, journal):
    """It is read beside the job, and at its end everything is created."""
    seen = []
    async with open_session().create_many(named(20), journal=journal) as outcomes:
        async for _ in outcomes:
            seen.append(await journal.progress())  # noqa: PERF401 - one after each outcome
    assert seen[-1] == Progress(20, 20, 0, 0)
    assert all(progress.created + progress.begun <= 20 for progress in seen)
    results = [result async for result in journal.results()]
    elements = {task.element_id for task in sandbox.account("ezmodel").tasks.values()}
    assert {result.element_id for result in results} == elements


# ---------------------------------------------------------------- jobs


async def test_a_rerun_yields_what_was_finished(open_session, sandbox, journal):
    """Equal tasks and elements, and not one request."""
    specs = [*named(4), a_spec("picture", reference=Images(png(), [png(grey=1)]))]
    first = await all_outcomes(open_session(), specs, journal=journal)
    asked = sandbox.account("ezmodel").counts.total()
    second = await all_outcomes(open_session(), specs, journal=journal)
    assert sandbox.account("ezmodel").counts.total() == asked
    assert {outcome.resolution for outcome in second} == {"resumed"}
    assert {o.index: o.task for o in first} == {o.index: o.task for o in second}


@pytest.mark.parametrize("landed", [True, False], ids=["landed", "never landed"])
async def test_an_open_intent_is_looked_up_first(open_session, sandbox, journal, landed):
    """Found, it is adopted; missed, it is sent with the same external id."""
    sandbox.script("create", Fault(takes_effect=landed, ending="never"))
    creates = sandbox.account("ezmodel").counts
    await cut_off(open_session(), named(1), journal, lambda: creates["create"] == 1)
    (outcome,) = await all_outcomes(open_session(), named(1), journal=journal)
    assert outcome.resolution == "resumed"
    assert made(sandbox) == {"item-0": 1}


@pytest.mark.parametrize("gateway", BLIND)
async def test_an_open_intent_where_no_external_ids_are(open_session, sandbox, journal, gateway):
    """It is never sent again."""
    sandbox.script("create", Fault(takes_effect=True, ending="never"))
    counts = sandbox.account(gateway).counts
    await cut_off(open_session(gateway), [spec_for(gateway)], journal, lambda: counts["create"] == 1)
    (outcome,) = await all_outcomes(open_session(gateway), [spec_for(gateway)], journal=journal)
    assert isinstance(outcome, NotCreated)
    assert counts["create"] == 1


async def test_a_failed_task_is_made_anew_in_a_rerun(open_session, sandbox, journal):
    """It is among the results until then."""
    sandbox.script("create", Fault.task_fails())
    (failed,) = await all_outcomes(open_session(), named(1), journal=journal)
    assert isinstance(failed.error, ElementFailedError)
    assert [result.error_type async for result in journal.results()] == ["ElementFailedError"]
    (outcome,) = await all_outcomes(open_session(), named(1), journal=journal)
    assert isinstance(outcome, Created)
    assert await journal.progress() == Progress(1, 1, 0, 0)


async def test_two_jobs_of_one_process(open_session, sandbox, journal):
    """Over the same specs at once: each item is made once, and both see it."""
    runs = [all_outcomes(open_session(), named(30), journal=journal) for _ in range(2)]
    first, second = await asyncio.gather(*runs)
    assert {o.index: o.element for o in first} == {o.index: o.element for o in second}
    assert set(made(sandbox).values()) == {1}
    assert sandbox.account("ezmodel").counts["create"] == 30


async def test_leaving_in_the_middle_lets_go(open_session, sandbox, journal):
    """What was claimed by a job that was left is free for the next one."""
    sandbox.script("create", *[Fault.never()] * 5)
    creates = sandbox.account("ezmodel").counts
    await cut_off(open_session(), named(5), journal, lambda: creates["create"] == 5)
    again = await all_outcomes(open_session(), named(5), journal=journal)
    assert [type(outcome) for outcome in again] == [Created] * 5
    await eventually(lambda: set(made(sandbox).values()) == {1})


async def test_it_holds_no_picture(open_session, journal, kind, tmp_path, request):
    """Neither as bytes nor as text."""
    picture = png(padding=3000)
    spec = a_spec(
        reference=Images(picture, [base64_of(png(grey=3))]), callback_url="https://example.com/?secret-4711"
    )
    await all_outcomes(open_session(), [spec], journal=journal)
    if kind == "sqlite":
        content = b"".join(path.read_bytes() for path in tmp_path.glob("job.journal*"))
    else:
        tables = ("jobs", "plan", "items", "failures", "workers", "claims")
        content = str(
            [await journal._pool.fetch(f"SELECT * FROM kling_elements_{name}") for name in tables]
        ).encode()
    assert b"my-character" in content
    for text in (base64_of(picture)[60:84], "secret-4711"):
        assert text.encode() not in content
    assert picture[:24] not in content
