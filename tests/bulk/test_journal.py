"""The journal of `create_many`: what is on disk when, what a rerun makes of it, and what may not be in it."""

import asyncio
import os
import sqlite3
import stat
import threading
import time

import aiohttp
import pytest
from tables import mostly_slow

from kling_elements_async import (
    ConfigurationError,
    Created,
    CreateUncertainError,
    DuplicateTaskError,
    ElementFailedError,
    Images,
    NotCreated,
    WaitTimeoutError,
    transport,
)
from kling_elements_async.gateways import EzModel, Kling
from kling_elements_async.journal import Entry
from kling_elements_async.journals import file as journal_module
from kling_elements_async.journals.sqlite import SqliteJournal
from kling_elements_async.sandbox import Fault, Sandbox

from .materials import (
    BLIND,
    Hand,
    a_spec,
    all_outcomes,
    base64_of,
    calls,
    copied,
    cut_off,
    eventually,
    made,
    named,
    ours,
    peeked,
    png,
    rows,
    spec_for,
    until_error,
)
from .programs import started

LANDS_UNANSWERED = Fault(takes_effect=True, ending="never")


def posts(sandbox: Sandbox, gateway: str = "ezmodel") -> int:
    return sandbox.account(gateway).counts["create"]


# ---------------------------------------------------------------- what is on disk when


@pytest.mark.parametrize(
    "gateway", mostly_slow(["ezmodel", "kling", "kkiai", "anyfast", "evolink"], "ezmodel", "anyfast")
)
async def test_the_intent_is_on_disk_before_the_post_and_the_task_id_after_it(
    open_session, sandbox, journal, tmp_path, gateway
):
    """The gateway, asked to create, sees an intent with the id it is sent; asked for the task, its task id."""
    at_post, at_look = [], []

    def see(into, name):
        def change(answer):
            into.extend(peeked(journal, tmp_path / name))
            return answer

        return Fault.rewrite(change)

    sandbox.script("create", see(at_post, "at post"))
    sandbox.script("get", see(at_look, "at look"))
    (outcome,) = await all_outcomes(open_session(gateway), [spec_for(gateway)], journal=journal)
    (task,) = sandbox.account(gateway).tasks.values()
    (intent,), (begun,), (finished,) = at_post, at_look, rows(journal)
    assert (intent["task_id"], intent["task"]) == (None, None)
    assert (intent["external_task_id"] or "") == task.external_task_id
    assert abs(intent["sent_at"] - time.time()) < 5
    assert (begun["task_id"], begun["task"]) == (task.task_id, None)
    assert outcome.element.element_id in finished["task"]


async def test_it_is_written_with_full_synchronisation(session, journal, monkeypatch):
    """WAL and FULL: a commit that was reported survives the loss of power."""
    seen = {}
    connected = journal_module._connected

    def looked_at(*args):
        connection = connected(*args)
        for name in ("journal_mode", "synchronous", "locking_mode"):
            (seen[name],) = connection.execute(f"PRAGMA {name}").fetchone()
        return connection

    monkeypatch.setattr(journal_module, "_connected", looked_at)
    await all_outcomes(session, named(1), journal=journal)
    assert seen == {"journal_mode": "wal", "synchronous": 2, "locking_mode": "exclusive"}


async def test_its_thread_ends_with_the_block(session, journal):
    """Also where the leaving itself is cancelled, else the process could not end."""
    async with session.create_many(named(50), journal=journal) as outcomes:
        await anext(outcomes)
    assert not [thread for thread in threading.enumerate() if "journal" in thread.name]


async def test_leaving_that_is_cancelled_again(session, sandbox, journal):
    """A second Ctrl-C finds the block on its way out: the journal is closed all the same."""
    sandbox.script("create", *[Fault.never()] * 5)

    async def job():
        async with session.create_many(named(5), journal=journal) as outcomes:
            await anext(outcomes)

    running = asyncio.ensure_future(job())
    await eventually(lambda: posts(sandbox) == 5)
    running.cancel()
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    def left():
        return [thread for thread in threading.enumerate() if "journal" in thread.name]

    try:
        await eventually(lambda: not left(), within=5.0)
    finally:
        for thread in left():  # else this very test run could not end
            thread._target.__self__._orders.put(None) if hasattr(thread, "_target") else None
    await eventually(lambda: not ours())


# ---------------------------------------------------------------- a rerun


async def test_a_rerun_yields_what_was_finished_and_asks_nothing(open_session, sandbox, journal):
    """Equal tasks and elements, "resumed", and not one request."""
    specs = [
        *named(6),
        a_spec("all of it", voice_id="829", tags=["prop", "other"], external_task_id="mine-7"),
        a_spec("picture", reference=Images(png(), [png(grey=1)])),
    ]
    first = await all_outcomes(open_session(), specs, journal=journal)
    asked = sandbox.account("ezmodel").counts.total()
    second = await all_outcomes(open_session(), iter(specs), journal=journal)
    assert sandbox.account("ezmodel").counts.total() == asked
    assert {outcome.resolution for outcome in second} == {"resumed"}
    by_index = {outcome.index: outcome for outcome in first}
    for outcome in second:
        assert outcome.spec == by_index[outcome.index].spec
        assert outcome.task == by_index[outcome.index].task
        assert outcome.element == by_index[outcome.index].element
        assert outcome.element == outcome.task.element


@pytest.mark.parametrize("gateway", BLIND)
async def test_a_rerun_where_no_external_ids_are(open_session, sandbox, journal, gateway):
    """What was finished there is resumed as well."""
    specs = [spec_for(gateway, name) for name in "ab"]
    first = await all_outcomes(open_session(gateway), specs, journal=journal)
    asked = sandbox.account(gateway).counts.total()
    second = await all_outcomes(open_session(gateway), specs, journal=journal)
    assert {outcome.index: outcome.task for outcome in first} == {o.index: o.task for o in second}
    assert sandbox.account(gateway).counts.total() == asked


async def test_a_rerun_with_more_specs(open_session, sandbox, journal):
    """New ones are made, wherever they stand."""
    await all_outcomes(open_session(), named(4), journal=journal)
    specs = [*named(2, start=10), *named(4)[::-1]]
    outcomes = await all_outcomes(open_session(), specs, journal=journal)
    assert {outcome.index for outcome in outcomes if outcome.resolution == "direct"} == {0, 1}
    assert set(made(sandbox).values()) == {1}


async def test_an_outcome_that_nobody_read(open_session, sandbox, journal):
    """A job left with finished outcomes in its queue yields them in the rerun."""
    async with open_session().create_many(named(8), journal=journal) as outcomes:
        await anext(outcomes)
        await eventually(lambda: outcomes._done.qsize() == 8)
    again = await all_outcomes(open_session(), named(8), journal=journal)
    assert [outcome.resolution for outcome in again] == ["resumed"] * 8
    assert posts(sandbox) == 8


@pytest.mark.parametrize("landed", [True, False], ids=["landed", "never landed"])
@pytest.mark.parametrize("age", [0, 3600], ids=["just now", "an hour ago"])
@pytest.mark.parametrize("own_id", [None, pytest.param("mine-1", marks=pytest.mark.slow)])
async def test_an_open_intent_is_looked_up_first(open_session, sandbox, journal, landed, age, own_id):
    """Found, it is adopted; missed, it is sent with the same external id."""
    specs = [a_spec(external_task_id=own_id)]
    sandbox.script("create", LANDS_UNANSWERED if landed else Fault.never())
    await cut_off(open_session(), specs, journal, lambda: posts(sandbox) == 1)
    (intent,) = rows(journal)
    assert intent["external_task_id"] == own_id or own_id is None
    with sqlite3.connect(journal) as connection:
        connection.execute("UPDATE items SET sent_at = sent_at - ?", (age,))
    connection.close()
    before = len(calls(sandbox))
    (outcome,) = await all_outcomes(open_session(), specs, journal=journal)
    assert isinstance(outcome, Created)
    assert outcome.resolution == "resumed"
    (task,) = sandbox.account("ezmodel").tasks.values()
    assert task.external_task_id == intent["external_task_id"]
    after = calls(sandbox)[before:]
    assert after[0] == "get"
    assert after.count("create") == (0 if landed else 1)
    looks = 1 if landed or age else 3
    assert after[: looks + (not landed)] == ["get"] * looks + ["create"] * (not landed)


async def test_a_create_sent_again_is_a_new_intent(open_session, sandbox, journal, tmp_path):
    """A rerun that sends anew writes down when, else the next would take it for long settled."""
    sandbox.script("create", Fault.never(), Fault.never())
    await cut_off(open_session(), named(1), journal, lambda: posts(sandbox) == 1)
    with sqlite3.connect(journal) as connection:
        connection.execute("UPDATE items SET sent_at = sent_at - 3600")
    connection.close()
    await cut_off(open_session(), named(1), journal, lambda: posts(sandbox) == 2)
    (intent,) = rows(journal)
    assert abs(intent["sent_at"] - time.time()) < 60


@pytest.mark.parametrize("gateway", BLIND)
async def test_an_open_intent_where_no_external_ids_are(open_session, sandbox, journal, gateway):
    """It is not created as far as is known, each time anew, and never sent again."""
    specs = [spec_for(gateway)]
    sandbox.script("create", LANDS_UNANSWERED)
    await cut_off(open_session(gateway), specs, journal, lambda: posts(sandbox, gateway) == 1)
    for _ in range(2):
        (outcome,) = await all_outcomes(open_session(gateway), specs, journal=journal)
        assert isinstance(outcome, NotCreated)
        assert isinstance(outcome.error, CreateUncertainError)
        assert outcome.error.sent_at is not None
        assert outcome.error.sent_at.tzinfo is not None
    assert posts(sandbox, gateway) == 1


@pytest.mark.slow
@pytest.mark.parametrize("gateway", BLIND)
@pytest.mark.parametrize("held_by", ["max_connections", "a full account"])
async def test_leaving_before_the_first_byte_closes_the_intent(open_session, journal, gateway, held_by):
    """What had not left yet, or was refused, when the block was left does not exist, and a rerun makes it."""
    specs = [spec_for(gateway, f"item-{number}") for number in range(4)]
    slots = 1 if held_by == "a full account" else None
    hand = Hand()
    async with Sandbox(slots=slots, durations=lambda _: 15.0 - hand.time, clock=hand) as sandbox:
        account = sandbox.account(gateway)
        if held_by == "max_connections":
            sandbox.script("create", LANDS_UNANSWERED)
        session = open_session(
            sandbox.gateway(gateway), max_connections=1 if held_by == "max_connections" else 100
        )
        async with session.create_many(specs, journal=journal) as outcomes:
            await eventually(lambda: account.counts["create"] >= (4 if held_by == "a full account" else 1))
            await eventually(lambda: len(outcomes.under_way) <= 1)  # until the refusals are read
        account.slots = None
        hand.time = 15.0
        sandbox._script.lines = ()
        again = await all_outcomes(open_session(sandbox.gateway(gateway)), specs, journal=journal)
        uncertain = [outcome.index for outcome in again if isinstance(outcome, NotCreated)]
        assert len(uncertain) <= (1 if held_by == "max_connections" else 0), f"of what never was: {uncertain}"
        assert made(sandbox, gateway) == {f"item-{number}": 1 for number in range(4)}


@pytest.mark.parametrize("change", [{"name": "other"}, {"description": "Another"}, {"tags": ["prop"]}])
async def test_the_same_external_id_with_another_content(open_session, sandbox, journal, change):
    """A duplicate, by the journal alone: nothing is sent, nothing adopted, and the first stays what it is."""
    spec = a_spec(external_task_id="mine-1")
    await all_outcomes(open_session(), [spec], journal=journal)
    asked = sandbox.account("ezmodel").counts.total()
    changed = a_spec(**({"name": "my-character", "external_task_id": "mine-1"} | change))
    for _ in range(2):
        (outcome,) = await all_outcomes(open_session(), [changed], journal=journal)
        assert isinstance(outcome, NotCreated)
        assert isinstance(outcome.error, DuplicateTaskError)
    assert sandbox.account("ezmodel").counts.total() == asked
    (outcome,) = await all_outcomes(open_session(), [spec], journal=journal)
    assert outcome.resolution == "resumed"


async def test_a_failed_task_is_made_anew_in_a_rerun(open_session, sandbox, journal):
    """Nothing exists of it, so the journal does not hold on to it."""
    sandbox.script("create", Fault.task_fails())
    (failed,) = await all_outcomes(open_session(), named(1), journal=journal)
    assert isinstance(failed.error, ElementFailedError)
    (outcome,) = await all_outcomes(open_session(), named(1), journal=journal)
    assert isinstance(outcome, Created)


async def test_a_task_that_outlasted_its_timeout_is_taken_up(open_session, journal, clock):
    """The rerun waits for the same task."""
    hand = Hand()
    async with Sandbox(durations=(20.0, 20.0), clock=hand) as sandbox:
        session = open_session(sandbox.gateway("ezmodel"), clock=clock)
        clock.watch(session)
        (late,) = await all_outcomes(session, named(1), journal=journal, timeout=50.0)
        assert isinstance(late.error, WaitTimeoutError)
        hand.time = 20.0
        (outcome,) = await all_outcomes(open_session(sandbox.gateway("ezmodel")), named(1), journal=journal)
        assert (outcome.resolution, outcome.task.task_id) == ("resumed", late.task.task_id)
        assert posts(sandbox) == 1


async def test_a_clients_session_that_closes_under_a_create(quick, sandbox, journal):
    """The request was on the wire: the intent stays open, and a rerun makes nothing twice."""
    from kling_elements_async import ElementsSession

    sandbox.script("create", LANDS_UNANSWERED)
    http = aiohttp.ClientSession()
    async with (
        ElementsSession(sandbox.gateway("ezmodel"), http=http, clock=quick) as session,
        session.create_many(named(1), journal=journal) as outcomes,
    ):
        reading = asyncio.ensure_future(anext(outcomes, None))
        await eventually(lambda: sandbox.account("ezmodel").creates == 1)
        await http.close()
        outcome = await reading
    assert isinstance(outcome, NotCreated)
    async with ElementsSession(sandbox.gateway("ezmodel"), clock=quick) as session:
        (outcome,) = await all_outcomes(session, named(1), journal=journal)
    assert isinstance(outcome, Created)
    assert made(sandbox) == {"item-0": 1}


# ---------------------------------------------------------------- a file that is not ours


@pytest.mark.slow
async def test_another_process_uses_it(open_session, sandbox, journal, tmp_path):
    """The second says so and sends nothing; killed, the first no longer holds it."""
    sandbox.script("create", Fault.never(), Fault.never())
    process = await started(sandbox, 2, tmp_path / "out", journal=journal)
    await eventually(lambda: posts(sandbox) == 2)
    with pytest.raises(ConfigurationError, match="another process"):
        await all_outcomes(open_session(), named(2), journal=journal)
    assert posts(sandbox) == 2
    process.kill()
    await process.communicate()
    outcomes = await all_outcomes(open_session(), named(2), journal=journal)
    assert [type(outcome) for outcome in outcomes] == [Created] * 2
    assert set(made(sandbox).values()) == {1}


async def test_another_job_of_this_process_uses_it(session, sandbox, journal):
    """As of another process: a ConfigurationError, and the first job goes on."""
    async with session.create_many(named(3), journal=journal) as outcomes:
        with pytest.raises(ConfigurationError):
            await all_outcomes(session, named(3), journal=journal)
        assert len([outcome async for outcome in outcomes]) == 3
    assert set(made(sandbox).values()) == {1}


async def test_the_journal_of_another_gateway(open_session, sandbox, journal):
    """Task ids of one gateway mean nothing at another."""
    await all_outcomes(open_session("ezmodel"), named(1), journal=journal)
    before = rows(journal)
    with pytest.raises(ConfigurationError, match="ezmodel"):
        await all_outcomes(open_session("kkiai"), named(1), journal=journal)
    assert sandbox.account("kkiai").counts.total() == 0
    assert rows(journal) == before


@pytest.mark.parametrize("content", [b"name,description\n", b"\x00" * 5000, os.urandom(5000)], ids=len)
async def test_what_is_no_journal(session, sandbox, journal, content):
    """A file of another kind is refused and left as it is."""
    journal.write_bytes(content)
    with pytest.raises(ConfigurationError):
        await all_outcomes(session, named(1), journal=journal)
    assert journal.read_bytes() == content
    assert sandbox.account("ezmodel").counts.total() == 0


@pytest.mark.parametrize("schema", ["CREATE TABLE users (id INTEGER)", "CREATE TABLE items (id INTEGER)"])
async def test_a_database_of_another_program(session, sandbox, journal, schema):
    """It is refused, and no table of ours is put into it."""
    connection = sqlite3.connect(journal)
    connection.execute(schema)
    connection.commit()
    connection.close()
    with pytest.raises(ConfigurationError):
        await all_outcomes(session, named(1), journal=journal)
    connection = sqlite3.connect(journal)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
    connection.close()
    assert len(names) == 1
    assert sandbox.account("ezmodel").counts.total() == 0


async def test_a_path_that_can_be_no_file(session, sandbox, journal):
    """A directory, and a place in no directory."""
    for path in (journal.parent, journal / "deeper"):
        with pytest.raises(ConfigurationError):
            await all_outcomes(session, named(1), journal=path)
    assert sandbox.account("ezmodel").counts.total() == 0


async def test_a_url(session):
    """It is no file; the error says what is meant, and no password."""
    with pytest.raises(ConfigurationError, match="PostgresJournal") as info:
        session.create_many(named(1), journal="postgresql://me:hush@host/none")
    assert "hush" not in str(info.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes where it may not")
async def test_a_file_that_may_not_be_written(session, journal):
    """Refused at the entry."""
    await all_outcomes(session, named(1), journal=journal)
    journal.chmod(0o400)
    with pytest.raises(ConfigurationError):
        await all_outcomes(session, named(1), journal=journal)


# ---------------------------------------------------------------- a disk that takes no more


async def test_an_intent_that_cannot_be_written_sends_nothing(open_session, sandbox, journal, monkeypatch):
    """A read-only file under a running job: no POST leaves, and each item or the job says why."""
    connected = journal_module._connected

    def read_only(*args):
        connection = connected(*args)
        connection.execute("PRAGMA query_only=ON")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(journal_module, "_connected", read_only)
        outcomes, error = await until_error(open_session(), named(5), journal=journal)
    assert posts(sandbox) == 0
    assert {type(each) for each in [error, *(outcome.error for outcome in outcomes)] if each} == {
        ConfigurationError
    }
    assert len(await all_outcomes(open_session(), named(5), journal=journal)) == 5


async def test_a_disk_that_fills_up_midway(open_session, sandbox, journal, monkeypatch, tmp_path):
    """What has no intent on disk is not sent; what was sent is found again with room on the disk."""
    connected = journal_module._connected

    def small(*args):
        connection = connected(*args)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")
        return connection

    seen = []
    sandbox.script("create", *[Fault.rewrite(lambda answer: (seen.append(1), answer)[1])] * 200)
    with monkeypatch.context() as patch:
        patch.setattr(journal_module, "_connected", small)
        outcomes, error = await until_error(open_session(), named(80), journal=journal)
    failed = [outcome.error for outcome in outcomes if isinstance(outcome, NotCreated)]
    assert error or failed, "80 items fitted: make the disk smaller"
    assert {type(each) for each in [error, *failed] if each} == {ConfigurationError}
    known = {row["external_task_id"] for row in rows(journal)}
    assert {task.external_task_id for task in sandbox.account("ezmodel").tasks.values()} <= known
    again = await all_outcomes(open_session(), named(80), journal=journal)
    assert [type(outcome) for outcome in again] == [Created] * 80
    assert set(made(sandbox).values()) == {1}


async def test_a_torn_last_write(open_session, sandbox, journal, tmp_path):
    """Cut anywhere in its last entry, the log rolls back to the entry before, and nothing is made twice."""
    states = []

    def keep(answer):
        copied(journal, tmp_path / f"state {len(states)}")
        states.append(len(states))
        return answer

    sandbox.script("create", Fault.rewrite(keep))
    sandbox.script("get", Fault.rewrite(keep))
    await all_outcomes(open_session(), named(1), journal=journal)
    intent, begun = (tmp_path / f"state {state}" / journal.name for state in states)
    small, large = (path.with_name(f"{journal.name}-wal").stat().st_size for path in (intent, begun))
    assert small < large
    (expected,) = rows(copied(intent, tmp_path / "whole"))
    for number, size in enumerate([*range(small, large, 97), large - 1]):
        torn = copied(begun, tmp_path / f"torn {number}")
        with torn.with_name(f"{journal.name}-wal").open("r+b") as log:
            log.truncate(size)
        assert rows(copied(torn, tmp_path / f"look {number}")) == [expected]
        if number % 20 == 0:
            (outcome,) = await all_outcomes(open_session(), named(1), journal=torn)
            assert outcome.resolution == "resumed"
    assert made(sandbox) == {"item-0": 1}


# ---------------------------------------------------------------- who may read it, and what is in it


async def test_only_its_owner_may_read_it(open_session, sandbox, journal):
    """0600 from the first byte, its log too, whatever the umask says."""
    modes = set()

    def look(answer):
        modes.update(stat.S_IMODE(path.stat().st_mode) for path in journal.parent.glob(f"{journal.name}*"))
        return answer

    sandbox.script("create", Fault.rewrite(look))
    given = os.umask(0)
    try:
        await all_outcomes(open_session(), named(1), journal=journal)
    finally:
        os.umask(given)
    assert modes == {0o600}
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600


async def test_it_holds_no_key_no_picture_and_no_callback_secret(open_session, sandbox, journal, tmp_path):
    """Neither while the job runs nor afterwards, in the file or its log."""
    picture = png(padding=3000)
    reference = Images(picture, [base64_of(png(grey=3)), tmp_path / "side.png"])
    (tmp_path / "side.png").write_bytes(png(grey=5))
    spec = a_spec(reference=reference, callback_url="https://example.com/hook?token=callback-secret-4711")
    kept = []

    def keep(answer):
        kept.append(copied(journal, tmp_path / f"state {len(kept)}"))
        return answer

    sandbox.script("get", Fault.rewrite(keep))
    for gateway in ("ezmodel", "kling"):
        there = sandbox.gateway(gateway)
        if gateway == "kling":
            keys = {"access_key": sandbox.access_key, "secret_key": sandbox.secret_key}
            there = Kling(**keys, base_url=sandbox.url("kling"))
        path = journal.with_name(f"{gateway}.journal")
        sandbox.script(
            "create", Fault.rewrite(lambda answer, path=path: (copied(path, tmp_path / path.stem), answer)[1])
        )
        await all_outcomes(open_session(there), [spec], journal=path)
    files = [path for path in tmp_path.rglob("*.journal*") if path.is_file()]
    assert len(files) >= 4
    pictures = [picture, png(grey=3), png(grey=5)]
    forbidden = [sandbox.key, sandbox.access_key, sandbox.secret_key, "callback-secret", "example.com/hook"]
    forbidden += [base64_of(each)[start : start + 24] for each in pictures for start in (0, 60)]
    for path in files:
        content = path.read_bytes()
        for text in forbidden:
            assert text.encode() not in content
        for each in pictures:
            assert each[:24] not in content
            assert each[-40:-12] not in content


async def test_a_key_that_the_gateway_repeats(open_session, sandbox, journal):
    """A gateway that writes the key into its answer does not bring it into the journal."""
    key = "a-key-that-is-repeated"
    async with Sandbox(key=key, durations=(0.01, 0.02)) as mirror:
        mirror.script("get", *[Fault.rewrite(lambda answer: repeated(answer, key))] * 20)
        mirror.script("list", *[Fault.rewrite(lambda answer: repeated(answer, key))] * 20)
        session = open_session(EzModel(api_key=key, base_url=mirror.url("ezmodel")))
        await all_outcomes(session, named(2), journal=journal)
    assert key.encode() not in journal.read_bytes()


def repeated(answer, key):
    data = answer["data"]
    for record in data if isinstance(data, list) else [data]:
        record["task_status_msg"] = f"done for Bearer {key}"
    return answer


@pytest.mark.parametrize("way", ["while it is looked up", "before it is looked up"])
async def test_a_rerun_that_is_left_keeps_an_open_intent(open_session, sandbox, journal, way):
    """What an earlier run may have made is not forgotten because the next one was left before it was found."""
    sandbox.script("create", LANDS_UNANSWERED)
    await cut_off(open_session(), named(1), journal, lambda: posts(sandbox) == 1)
    (intent,) = rows(journal)
    if way == "while it is looked up":
        sandbox.script("get", Fault.never())
        await cut_off(open_session(), named(1), journal, lambda: sandbox.account("ezmodel").counts["get"] == 1)
    else:
        sandbox.script("list", Fault.never())
        session = open_session(max_connections=1)
        blocking = asyncio.ensure_future(session.list_elements())
        await eventually(lambda: sandbox.account("ezmodel").counts["list"] == 1)
        async with session.create_many(named(1), journal=journal):
            await asyncio.sleep(0.05)
        blocking.cancel()
        await asyncio.gather(blocking, return_exceptions=True)
    assert [row["external_task_id"] for row in rows(journal)] == [intent["external_task_id"]]
    (outcome,) = await all_outcomes(open_session(), named(1), journal=journal)
    assert outcome.resolution == "resumed"
    assert made(sandbox) == {"item-0": 1}


@pytest.mark.parametrize("how", ["its picture is gone", "the account refuses"])
async def test_a_rerun_that_fails_before_its_look_keeps_an_open_intent(
    open_session, sandbox, journal, tmp_path, monkeypatch, how
):
    """A rerun that cannot even look says nothing of what an earlier run may have made."""
    monkeypatch.setattr(transport, "REPLY_TIMEOUT", 0.3)
    picture = tmp_path / "front.png"
    picture.write_bytes(png())
    spec = a_spec("item-0", reference=Images(picture, ["https://example.com/side.png"]))
    sandbox.script("create", LANDS_UNANSWERED)
    await cut_off(open_session(), [spec], journal, lambda: posts(sandbox) == 1)
    (intent,) = rows(journal)
    if how == "its picture is gone":
        picture.unlink()
        await until_error(open_session(), [spec], journal=journal)
        picture.write_bytes(png())
    else:
        sandbox.script("get", Fault.never())
        sandbox.script("create", Fault.code(1102))
        await until_error(open_session(), [spec, *named(1, start=1)], journal=journal)
        sandbox._script.lines = ()
    assert intent["external_task_id"] in [row["external_task_id"] for row in rows(journal)]
    (outcome,) = await all_outcomes(open_session(), [spec], journal=journal)
    assert outcome.resolution == "resumed"
    assert made(sandbox)["item-0"] == 1


async def test_what_no_file_can_hold(tmp_path):
    """Half a character is refused to whoever orders it to be written, and the journal goes on."""
    async with SqliteJournal(tmp_path / "journal") as journal:
        with pytest.raises(ConfigurationError, match="can't be written"):
            await journal.intend(Entry("\ud800", "digest", None, 1.0))
        await journal.intend(Entry("key", "digest", None, 1.0))
        assert await journal.claim("key") == Entry("key", "digest", None, 1.0)
