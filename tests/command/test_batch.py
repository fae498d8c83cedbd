"""An element for each row of a manifest: sent once, labelled, and gone on with after a stop."""

import asyncio
import io
import json
import re
import signal
import sys
import uuid
from itertools import chain, repeat

import pytest

from kling_elements_async.command.display import Display, PlainDisplay
from kling_elements_async.command.results import ranges
from kling_elements_async.command.tally import Tally, duration
from kling_elements_async.sandbox import Fault, Sandbox

from . import process
from .process import COMMAND, Terminal, environment, run

pytestmark = pytest.mark.usefixtures("quick_looks")  # in what runs in this process
LINK = "https://example.com/a.png"
FIELDS = ["index", "line", "id", "status", "element_id", "task_id", "resolution", "error_type", "error"]
WITHOUT_RICH = (
    "import sys; sys.modules['rich'] = None; from kling_elements_async.command import main; sys.exit(main())"
)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def row(number, **changes):
    return {"name": f"shot {number}", "description": "a shot", "frontal": LINK, "others": [LINK]} | changes


@pytest.fixture
async def uneven_sandbox():
    """Some tasks are done at the first look, and others at the second."""
    async with Sandbox(durations=lambda random: random.choice((0.1, 0.1, 3.0))) as sandbox:
        yield sandbox


@pytest.fixture
def written(tmp_path):
    """Write a manifest, and return it."""

    def of(*rows, name="shots.jsonl"):
        file = tmp_path / name
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return file

    return of


@pytest.fixture
async def narrow_sandbox():
    """Three tasks at a time, each of half a second."""
    async with Sandbox(durations=(0.5, 0.5), slots=3) as sandbox:
        yield sandbox


def results(text):
    return [json.loads(line) for line in text.splitlines()]


# -------------------------------------------------------------------- what comes out


async def test_each_row_becomes_an_element_and_a_line(sandbox, env, order, tmp_path, run_here, written):
    """Local pictures beside the manifest, links, tags; the ids of the manifest label the results."""
    files = {"frontal": order[6].name, "others": [order[8].name]}
    manifest = written(row(0, **files), row(1, id="mine-1", tags=["animal"]), row(2, voice="v1"))
    ran = await run_here("batch", manifest, env=env)
    found = {result["index"]: result for result in results(ran.out)}
    account = sandbox.account("ezmodel")
    assert ran.code == 0, ran.err
    assert all(list(result) == FIELDS for result in found.values())
    assert [(found[n]["line"], found[n]["id"]) for n in range(3)] == [(1, None), (2, "mine-1"), (3, None)]
    assert {result["element_id"] for result in found.values()} == set(account.elements)
    assert account.elements[found[1]["element_id"]].order.external_task_id == "mine-1"
    assert account.tasks[found[0]["task_id"]].order.name == "shot 0"
    assert ran.err.splitlines()[-1].startswith("3 created, 0 failed, of 3, in ")


async def test_results_come_in_the_order_of_completion(env, run_here, written, sandbox):
    """A row whose create takes longer comes later, and says so by its index."""
    sandbox.script("create", Fault.delay(0.25))
    ran = await run_here("batch", written(*map(row, range(4))), env=env)
    order = [result["index"] for result in results(ran.out)]
    assert sorted(order) == [0, 1, 2, 3] != order


async def test_some_that_failed_end_with_1_and_their_reasons(sandbox, env, run_here, written):
    """The others are made."""
    sandbox.script("create", Fault.task_fails("Image pixel is invalid"))
    ran = await run_here("batch", written(row(0), row(1), row(2)), env=env)
    (failed,) = [result for result in results(ran.out) if result["status"] == "failed"]
    assert ran.code == 1
    assert failed["error_type"] == "ElementFailedError"
    assert "Image pixel is invalid" in failed["error"]
    assert failed["task_id"] in sandbox.account("ezmodel").tasks
    assert (failed["element_id"], failed["resolution"]) == (None, None)
    assert "2 created, 1 failed, of 3" in ran.err


async def test_results_go_to_a_file_and_are_not_overwritten(sandbox, env, run_here, written, tmp_path):
    """It may hold the only copy of what was paid for; with a journal all of it comes again."""
    file, journal = tmp_path / "out.jsonl", tmp_path / "j"
    manifest = written(row(0))
    assert (await run_here("batch", manifest, "--output", file, env=env)).out == ""
    again = await run_here("batch", manifest, "--output", file, env=env)
    assert again.code == 2
    assert "out.jsonl holds something already" in again.line
    assert (await run_here("batch", manifest, "--output", file, "--journal", journal, env=env)).code == 0
    assert len(results(file.read_text())) == 1
    for other in (manifest, journal):
        same = await run_here("batch", manifest, "--output", other, "--journal", journal, env=env)
        assert same.code == 2
        assert "is the manifest or the journal itself" in same.line


async def test_a_gateway_without_external_ids_takes_them_as_labels(sandbox, run_here, written):
    """And says so."""
    ran = await run_here("batch", written(row(0, id="a", tags=["animal"])), env=environment(sandbox, "anyfast"))
    assert ran.code == 0, ran.err
    assert results(ran.out)[0]["id"] == "a"
    assert "only label the results" in ran.err


# -------------------------------------------------------------------- the check


async def test_a_faulty_manifest_is_refused_whole_with_every_line_and_field(
    sandbox, env, order, run_here, written
):
    """Nothing is sent, not even the rows that are right."""
    small = {"frontal": order[6].name, "others": ["nope.png"]}
    manifest = written(
        row(0, id="a"), row(1, name="x" * 21, id="a"), row(2, **small), row(3, others=[], tags=["cat"])
    )
    ran = await run_here("batch", manifest, env=env)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        "kling-elements: nothing was sent; 4 things to mend:",
        f"  {manifest}:2: name: has 21 characters; at most 20 are allowed",
        f"  {manifest}:2: id: is that of line 1 too",
        f"  {manifest}:3: others[0]: {manifest.parent}/nope.png can't be read: No such file or directory",
        f"  {manifest}:4: tags[0]: is no tag; there are trending, character, animal, prop, clothing, scene, effect, other",
    ]
    assert not sandbox.account("ezmodel").counts


async def test_of_many_problems_the_first_hundred_are_shown(env, run_here, written):
    """And how many more there are; one alone stands in the line itself."""
    many = await run_here("batch", written(*[row(0, name="")] * 130), env=env)
    one = await run_here("batch", written(row(0, id="a b")), env=env)
    assert many.code == one.code == 2
    first, *listed, last = many.err.splitlines()
    assert (first, len(listed), last) == (
        "kling-elements: nothing was sent; 130 things to mend:",
        100,
        "  and 30 more",
    )
    assert re.fullmatch(r"kling-elements: nothing was sent: \S+/shots.jsonl:1: id: 1 to 64 letters, .*", one.line)


async def test_nothing_secret_is_said_of_a_faulty_row(sandbox, env, run_here, written):
    """No picture, no signature of a link, no key."""
    picture, link = "iVBORw0KGgo" + "Zm94" * 500, "https://user:pass word@example.com/a?signature=s3cret"
    ran = await run_here(
        "batch", written(row(0, frontal=picture, others=[picture, link]), row(1, frontal=link)), env=env
    )
    assert ran.code == 2
    for secret in ("Zm94", "s3cret", "pass", sandbox.key):
        assert secret not in ran.err


async def test_a_dry_run_checks_the_first_rows_and_sends_nothing(sandbox, env, run_here, written, tmp_path):
    """Nor does it touch the journal; what lies behind the limit is not looked at."""
    manifest = written(row(0), row(1), row(2, name=""))
    right = await run_here("batch", manifest, "--dry-run", "--limit", 2, "--journal", tmp_path / "j", env=env)
    wrong = await run_here("batch", manifest, "--dry-run", env=env)
    assert (right.code, right.out, right.line) == (0, "", "2 rows are right; nothing was sent")
    assert (wrong.code, wrong.line) == (2, f"kling-elements: nothing was sent: {manifest}:3: name: is empty")
    assert not sandbox.account("ezmodel").counts
    assert not (tmp_path / "j").exists()


async def test_wrong_files_and_options_end_with_2(sandbox, env, run_here, written, tmp_path):
    """Before any row is looked at, where that is possible."""
    manifest = written(row(0))
    for arguments, words in (
        ((tmp_path / "no.csv",), "no.csv can't be read: No such file"),
        ((tmp_path / "shots.txt",), "must end in one of .jsonl"),
        ((manifest, "--output", tmp_path), "can't be written: Is a directory"),
        ((manifest, "--journal", manifest), "can't be used: file is not a database"),
        ((manifest, "--limit", "0"), "no whole number from 1"),
    ):
        ran = await run_here("batch", *arguments, env=env)
        assert (ran.code, ran.out) == (2, "")
        assert words in ran.line
    ran = await run_here("batch", manifest, "--ensure", env=environment(sandbox, "evolink"))
    assert ran.code == 2
    assert "evolink offers no call" in ran.line


async def test_a_manifest_without_rows_is_no_mistake(env, run_here, written):
    """A pipeline may have nothing to do."""
    ran = await run_here("batch", written(), env=env)
    assert (ran.code, ran.out) == (0, "")
    assert ran.line.startswith("0 created")


async def test_a_manifest_that_changes_after_the_check_is_not_sent_on(
    sandbox, env, run_here, written, monkeypatch
):
    """What was sent before comes out; the rest is named and exit code 2."""
    manifest = written(row(0), row(1))

    def change(*, is_quiet):
        written(row(0), row(1, name=5))
        return Display()

    monkeypatch.setattr("kling_elements_async.command.batch.chosen", change)
    ran = await run_here("batch", manifest, env=env)
    assert ran.code == 2
    assert f"{manifest}:2: name: must be text" in ran.line
    assert [result["index"] for result in results(ran.out)] == [0]
    assert sandbox.account("ezmodel").creates == 1


# -------------------------------------------------------------------- once


@pytest.fixture(params=["a file", pytest.param("a database", marks=pytest.mark.services)])
def journal(request, tmp_path):
    """The options of a journal."""
    if request.param == "a file":
        return "--journal", tmp_path / "j"
    return "--journal", request.getfixturevalue("database"), "--job", uuid.uuid4().hex


@pytest.mark.parametrize("ids", [True, pytest.param(False, marks=pytest.mark.slow)])
async def test_a_rerun_with_the_journal_makes_nothing_twice(sandbox, env, run_here, written, journal, ids):
    """The results of the earlier run come again, as resumed; two equal rows are two elements."""
    rows = [row(0, **({"id": f"i{n}"} if ids else {})) for n in range(5)]
    manifest = written(*rows)
    first = await run_here("batch", manifest, *journal, "--limit", 3, env=env)
    second = await run_here("batch", manifest, *journal, env=env)
    found = {result["index"]: result for result in results(second.out)}
    assert (first.code, second.code) == (0, 0)
    assert sandbox.account("ezmodel").creates == 5
    assert [found[n]["resolution"] for n in range(5)] == ["resumed"] * 3 + ["direct"] * 2
    assert {r["element_id"] for r in results(first.out)} == {found[n]["element_id"] for n in range(3)}
    assert "5 created (3 of them begun earlier)" in second.err


@pytest.mark.services
async def test_two_machines_at_once(sandbox, env, written, database):
    """With a journal in a database each row is made once, and both name every element; no password is shown."""
    manifest = written(*map(row, range(30)), name=f"{uuid.uuid4().hex}.jsonl")
    command = "batch", manifest, "--journal", database
    first, second = await asyncio.gather(run(*command, env=env), run(*command, env=env))
    assert (first.code, second.code) == (0, 0), first.err + second.err
    made = [{result["index"]: result["element_id"] for result in results(ran.out)} for ran in (first, second)]
    assert made[0] == made[1]
    assert sandbox.account("ezmodel").creates == len(made[0]) == 30
    assert "no-real-password" not in first.err + second.err


async def test_a_database_that_is_not_there(env, run_here, written):
    """Exit code 2, in a line that shows no password."""
    pytest.importorskip("asyncpg", reason="asyncpg is not installed: the extra postgres")
    ran = await run_here("batch", written(row(0)), "--journal", "postgresql://me:hush@127.0.0.1:1/none", env=env)
    assert ran.code == 2
    assert "can't be reached" in ran.line
    assert "hush" not in ran.line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--journal", "mysql://me:hush@host/none"], "postgresql://user@host/database"),
        (["postgresql://me:hush@host/none"], "unrecognized arguments: postgresql://me:***@host/none"),
        (["--journal", "j", "--job", "shots"], "--job names a job in a database"),
        (["--journal", "postgresql:/me:hush@host/none"], "can't be used"),
    ],
)
async def test_a_journal_that_is_none(env, run_here, written, arguments, words):
    """It is named without its password."""
    ran = await run_here("batch", written(row(0)), *arguments, env=env)
    assert ran.code == 2
    assert words in ran.line
    assert "hush" not in ran.line


async def test_ensure_makes_the_same_row_the_same_element(sandbox, env, run_here, written):
    """Without a journal, in any process."""
    manifest = written(row(0), row(1))
    runs = [await run_here("batch", manifest, "--ensure", env=env) for _ in range(2)]
    first, second = [{r["index"]: r["element_id"] for r in results(ran.out)} for ran in runs]
    assert first == second
    assert sandbox.account("ezmodel").creates == 2


async def test_an_account_that_may_not_create_ends_it_in_one_line(sandbox, env, run_here, written):
    """It names the first line that was not sent."""
    sandbox.account("ezmodel").exhausted = True
    ran = await run_here("batch", written(*map(row, range(50))), env=env)
    assert (ran.code, ran.out) == (1, "")
    assert "code 1102" in ran.line
    assert ran.line.endswith("; the first line not sent is 1")
    assert sandbox.account("ezmodel").creates == 0


# -------------------------------------------------------------------- stopped


async def started(*arguments, env, count, account):
    """Start it as a process, and return it once so many creates have taken effect and results came."""
    child = await asyncio.create_subprocess_exec(
        *COMMAND,
        "batch",
        *map(str, arguments),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    first = await child.stdout.readline()
    async with asyncio.timeout(40):
        while account.creates < count:  # noqa: ASYNC110 - the account is a plain record
            await asyncio.sleep(0.01)
    return child, first.decode()


async def stopped(child, first):
    child.send_signal(signal.SIGINT)
    async with asyncio.timeout(40):
        out, err = await child.communicate()
    return results(first + out.decode()), err.decode()


@pytest.mark.slow
async def test_ctrl_c_with_a_journal_goes_on_with_the_same_command(uneven_sandbox, run_here, written, tmp_path):
    """Exit code 130, and the rerun makes the rest: each row is one element in the end."""
    env, account = environment(uneven_sandbox), uneven_sandbox.account("ezmodel")
    command = written(*map(row, range(8))), "--journal", tmp_path / "j"
    child, first = await started(*command, env=env, count=8, account=account)
    found, err = await stopped(child, first)
    assert child.returncode == 130
    assert "Go on with the same command: it makes nothing twice" in err
    assert "Traceback" not in err
    assert 0 < len(found) < 8
    again = await run_here("batch", *command, env=env)
    assert again.code == 0, again.err
    assert account.creates == len(account.elements) == len(results(again.out)) == 8


@pytest.mark.slow
async def test_ctrl_c_without_a_journal_lists_what_was_sent(written):
    """Every task that runs on is in the results or in the list."""
    seconds = chain([0.5] * 3, repeat(60.0))
    async with Sandbox(durations=lambda _: next(seconds), slots=3) as sandbox:
        env, account = environment(sandbox), sandbox.account("ezmodel")
        child, first = await started(written(*map(row, range(20))), env=env, count=6, account=account)
        looks = account.counts["get"]
        async with asyncio.timeout(40):
            while account.counts["get"] == looks:  # noqa: ASYNC110 - the account is a plain record
                await asyncio.sleep(0.01)
        found, err = await stopped(child, first)
    assert child.returncode == 130
    assert re.search(r"line \d+: kling-elements wait \d+", err)
    assert "with --journal FILE it goes on" in err
    told = set(re.findall(r"kling-elements wait (\d+)", err)) | {result["task_id"] for result in found}
    unclear = set(account.tasks) - told
    assert told <= set(account.tasks)
    assert len(unclear) <= 3  # an answer on its way
    assert not unclear or "perhaps sent" in err


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.0, 0.3, 0.6, 1.0, 1.6])
async def test_stopped_again_and_again_it_still_makes_each_row_once(
    narrow_sandbox, run_here, written, tmp_path, after
):
    """Killed too, without a chance to tidy up."""
    env, account = environment(narrow_sandbox), narrow_sandbox.account("ezmodel")
    command = written(*map(row, range(20))), "--journal", tmp_path / "j"
    for number in (signal.SIGINT, signal.SIGKILL):
        child, _ = await started(*command, env=env, count=1, account=account)
        await asyncio.sleep(after)
        child.send_signal(number)
        await child.communicate()
    again = await run_here("batch", *command, env=env)
    assert again.code == 0, again.err
    assert account.creates == len(results(again.out)) == 20


@pytest.mark.slow
async def test_a_reader_that_goes_away_is_told_what_it_missed(sandbox, env, written):
    """A result that could not be written stands on stderr."""
    sandbox.script("create", Fault.delay(1.5), times=2)
    line = f"{' '.join(COMMAND)} batch {written(*map(row, range(6)))} | head -n 1; echo ${{PIPESTATUS[0]}}"
    child = await asyncio.create_subprocess_exec(
        "bash", "-c", line, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = (stream.decode() for stream in await child.communicate())
    assert "Traceback" not in err
    assert set(sandbox.account("ezmodel").tasks) <= set(re.findall(r"\b86\d{16}\b", out + err))


@pytest.mark.slow
async def test_json_keeps_stderr_silent(env, written):
    """As with every subcommand."""
    ran = await run("batch", written(row(0)), "--json", env=env)
    assert (ran.code, ran.err, len(results(ran.out))) == (0, "", 1)


# -------------------------------------------------------------------- the display


@pytest.mark.parametrize("columns", [80, pytest.param(40, marks=pytest.mark.slow)])
async def test_rich_shows_a_bar_that_is_gone_at_the_end(env, written, columns):
    """The results stay whole, and the cursor is there again."""
    pytest.importorskip("rich")
    async with Terminal("batch", written(*map(row, range(4))), env=env, columns=columns) as terminal:
        await terminal.see(r"━.*\n.*0 of 4 done  \d running  0 failed")
        ran = await terminal.end()
    lines = ESCAPES.sub("", terminal.text).replace("\r", "\n").split("\n")
    assert ran.code == 0
    assert len([line for line in lines if line.startswith("{") and json.loads(line)]) == 4
    assert lines[-2].startswith("4 created")
    assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l")
    assert max(len(line) for line in lines if "━" in line or "running" in line) < columns


@pytest.mark.slow
async def test_without_rich_a_terminal_gets_plain_lines(narrow_sandbox, written, monkeypatch):
    """Whoever has no rich misses nothing but the bar."""
    monkeypatch.setattr(process, "COMMAND", (sys.executable, "-W", "error", "-c", WITHOUT_RICH))
    async with Terminal("batch", written(*map(row, range(4))), env=environment(narrow_sandbox)) as terminal:
        ran = await terminal.end()
    assert ran.code == 0
    assert re.search(r"^\d of 4 done, \d running, 0 failed", ran.out, re.MULTILINE)
    assert "\x1b" not in terminal.text


@pytest.mark.slow
async def test_ctrl_c_in_a_terminal_leaves_a_clean_screen(narrow_sandbox, written, tmp_path):
    """Behind the bar there is only how to go on."""
    pytest.importorskip("rich")
    command = "batch", written(*map(row, range(30))), "--journal", tmp_path / "j"
    async with Terminal(*command, env=environment(narrow_sandbox)) as terminal:
        await terminal.see(r"3 of 30 done")
        terminal.press_ctrl_c()
        ran = await terminal.end()
    assert ran.code == 130
    assert "Go on with the same command" in ran.out
    assert "Traceback" not in ran.out
    assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l")


def test_plain_lines_are_few():
    """A line for each tenth, or each five seconds; in a long job far fewer."""
    stream = io.StringIO()
    display, tally = PlainDisplay(stream), Tally(total=1000, began=0.0)
    for second in range(100):
        tally.created = second * 10
        tally.sample(second)
        display.show(tally, second)
    assert 10 <= len(stream.getvalue().splitlines()) <= 30
    stalled = io.StringIO()
    display, tally = PlainDisplay(stalled), Tally(total=1000, began=0.0)
    for second in range(0, 86_400, 2):
        display.show(tally, second)
    assert len(stalled.getvalue().splitlines()) < 200


def test_the_rate_is_that_of_the_last_minute_and_of_this_run():
    """What an earlier run had made says nothing about the time that is left."""
    tally = Tally(total=1000, began=0.0, created=500, resumed=500)
    for second in range(1, 301):
        tally.created += 2 if second <= 200 else 1
        tally.sample(float(second))
    assert tally.rate == pytest.approx(1.0)
    assert tally.parts() == ["1,000 of 1,000 done", "0 running", "0 failed", "1.0/s", "0.0 s left"]
    assert Tally(total=3, began=0.0).parts() == ["0 of 3 done", "0 running", "0 failed"]


def test_words_for_times_and_lines():
    """Short, and never a hundred of a unit that has a larger one."""
    assert [duration(s) for s in (0.25, 42, 130, 7000)] == ["0.2 s", "42 s", "2 min", "2 h"]
    assert ranges([3]) == "line 3"
    assert ranges([1, 2, 3, 7, 9, 10]) == "lines 1-3, 7, 9-10"
