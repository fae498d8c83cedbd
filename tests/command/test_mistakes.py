"""Mistakes end in one line on stderr that says what to do, an exit code, and nothing on stdout.

Those that never get to a gateway are tried in this process, the others in one of their own.
"""

import errno
import os
import re
import shlex
import socket

import pytest

from kling_elements_async.command import SUBCOMMANDS, main
from kling_elements_async.command.parser import Parser
from kling_elements_async.sandbox import Fault

from .process import environment, run


@pytest.fixture
def complaint(monkeypatch, capsys):
    """Run the command here, with these variables only, and return its exit code and what it complained of."""

    def of(*arguments, **variables):
        for name in ("GATEWAY", "API_KEY", "ACCESS_KEY", "SECRET_KEY", "BASE_URL"):
            monkeypatch.delenv(f"KLING_{name}", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(f"KLING_{name}", value)
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("kling-elements: ")
        return code, err.removeprefix("kling-elements: ").splitlines()

    return of


def test_without_a_key_the_variable_is_named_and_the_demo_offered(complaint):
    """The very first mistake of a new user."""
    code, (line,) = complaint("list")
    assert code == 2
    assert "set KLING_API_KEY" in line
    assert line.endswith("kling-elements demo")


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "--name", "f", "--description", "d", "--video", "https://example.com/v.mp4"],
        ["batch", "none.jsonl"],
        ["get", "1"],
        ["wait", "1"],
        ["list"],
        ["presets"],
        ["gallery"],
        ["delete", "1"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_command_that_needs_a_key_says_so_in_the_same_way(complaint, arguments, tmp_path, monkeypatch):
    """Before anything is read, asked or written."""
    monkeypatch.chdir(tmp_path)
    code, (line,) = complaint(*arguments)
    assert code == 2
    assert line.startswith("no key: set KLING_API_KEY (or KLING_ACCESS_KEY and KLING_SECRET_KEY); to try it")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_gateway_is_answered_with_those_that_there_are(complaint):
    """So that a slip of the hand is mended at once."""
    code, (line,) = complaint("list", GATEWAY="klin", API_KEY="k")
    there_are = "there is no gateway 'klin'; there are kling, ezmodel, kkiai, anyfast, evolink"
    assert (code, line) == (2, f"{there_are}; did you mean kling?")


def test_a_base_url_in_the_open_names_the_variable(complaint):
    """The library says base_url; here it is KLING_BASE_URL."""
    code, (line,) = complaint("list", BASE_URL="http://example.com", API_KEY="k")
    assert code == 2
    assert line.startswith("KLING_BASE_URL for example.com must be https")


def test_a_call_that_the_gateway_lacks_is_asked_wrongly(complaint):
    """Nothing is sent for it."""
    code, (line,) = complaint("list", GATEWAY="anyfast", API_KEY="k")
    assert (code, line.split(";")[0]) == (2, "anyfast offers no call to list elements")


@pytest.mark.parametrize("task_id", ["../x", "", "a b", "x" * 129])
def test_an_impossible_id_is_asked_wrongly(complaint, task_id):
    """It never gets into a path."""
    code, (line,) = complaint("get", task_id, API_KEY="k")
    assert code == 2
    assert "is no task id" in line


def test_a_missing_file_is_named_with_its_option(complaint, order):
    """One problem stands in the line itself."""
    code, (line,) = complaint(*order[:-1], "nope.png", API_KEY="k")
    assert (code, line) == (
        2,
        "nothing was sent: --other: picture 1: nope.png can't be read: No such file or directory",
    )


def test_several_problems_are_listed_at_once(complaint, order, tmp_path):
    """Each under the name of its option."""
    code, (first, *more) = complaint(
        "create",
        "--name",
        "x" * 21,
        "--description",
        "d",
        "--frontal",
        tmp_path,
        "--other",
        order[-1],
        API_KEY="k",
    )
    assert code == 2
    assert first == "nothing was sent; 2 things to mend:"
    assert [line.split(":")[0] for line in more] == ["  --name", "  --frontal"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["creat"], "there is no subcommand 'creat'; did you mean create?"),
        (["galery", "-o", "x"], "there is no subcommand 'galery'; did you mean gallery?"),
        (["xyz"], "there is no subcommand 'xyz'; see"),
        (["--json", "list"], "--json stands behind the subcommand"),
        (["--verson"], "has no option --verson; did you mean --version?"),
        (["create", "--name", "fox"], "required: --description"),
        (["create", "--name", "f", "--description", "d"], "--frontal --video is required"),
        (["create", "--name", "f", "--description", "d", "--video", "u", "--other", "o"], "goes with --frontal"),
        (["create", "--name", "f", "--description", "d", "--video", "u", "--tag", "cat"], "'cat'"),
        (
            ["create", "--name", "f", "--description", "d", "--video", "u", "--tag", "anmal"],
            "did you mean animal?",
        ),
        (["list", "--page", "0"], "from 1 to 1000"),
        (["list", "--page", "2", "--all"], "not allowed with"),
        (["wait", "1", "--timeout", "nan"], "no positive number of seconds"),
        (["get", "1", "--key", "k"], "get has no option --key; see"),
        (["get", "1", "2"], "unrecognized arguments: 2"),
        (["create", "--nam", "fox"], "create has no option --nam; did you mean --name?"),
        (["create", "--desc=x"], "create has no option --desc; did you mean --description?"),
        (["batch", "x.jsonl", "--dryrun"], "batch has no option --dryrun; did you mean --dry-run?"),
        (["sandbox", "--seconds", "3", "1"], "shorter time first"),
        (["sandbox", "--port", "70000"], "from 1 to 65535"),
        (["sandbox", "--chaos", "1.5"], "no share from 0 to 1"),
        (["sandbox", "--chaos", "nan"], "no share from 0 to 1"),
        (["sandbox", "--chaos", "much"], "no share from 0 to 1"),
    ],
)
def test_wrong_options_are_one_line(complaint, arguments, words):
    """With exit code 2, as argparse has it, but without the usage block."""
    code, (line,) = complaint(*arguments)
    assert code == 2
    assert words in line


def test_a_port_in_use_is_said(complaint):
    """The sandbox offers to take any free one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert complaint("sandbox", "--port", port) == (
            1,
            [f"port {port} can't be opened; leave --port out for any free one"],
        )


def test_pictures_are_checked_without_a_key(capsys, order, tmp_path):
    """Good and bad ones, each in its line; control characters in a file's name do no harm."""
    text = tmp_path / "no\x1b[2Jtes.png"
    text.write_text("no picture")
    assert main(["check", str(order[-1]), str(text), "https://example.com/a.png"]) == 1
    good, bad, link = capsys.readouterr().out.splitlines()
    assert good == f"ok   {order[-1]}"
    assert bad == f"bad  {tmp_path}/no [2Jtes.png is neither JPEG nor PNG"
    assert link.endswith("is a link: only files are checked")
    assert main(["check", str(order[-1])]) == 0


def test_no_subcommand_is_answered_with_the_help(capsys):
    """It lists every subcommand, every gateway and every variable."""
    assert main([]) == 2
    text = capsys.readouterr().out
    words = "demo sandbox doctor create get wait list presets gallery delete check anyfast evolink KLING_API_KEY KLING_BASE_URL"
    for word in words.split():
        assert word in text


@pytest.mark.parametrize("subcommand", SUBCOMMANDS, ids=lambda each: each.name)
def test_each_help_has_an_example_and_fits_a_terminal(capsys, subcommand):
    """One to copy, and every example is one that the command itself can read."""
    assert main([subcommand.name, "--help"]) == 0
    text = capsys.readouterr().out
    assert re.search(rf"examples?:\n  kling-elements {subcommand.name}", text)
    assert max(map(len, text.splitlines())) <= 80
    for example in (subcommand.example, *subcommand.more_examples):
        words = shlex.split(example.partition(" > ")[0].replace("\\\n", ""))
        assert Parser([subcommand]).parse(words).subcommand is subcommand


async def test_a_wrong_key_is_refused_and_not_shown(sandbox, env, run_here):
    """One line, exit code 1, and the key is nowhere."""
    ran = await run_here("list", env=env | {"KLING_API_KEY": "not-the-key-of-anybody"})
    assert (ran.code, ran.out) == (1, "")
    assert ran.line.startswith("kling-elements: ezmodel refused to list elements: ")
    assert "Check the key" in ran.line
    assert "not-the-key" not in ran.err


@pytest.mark.parametrize("arguments", [["list"], ["wait", "1"]], ids=lambda arguments: arguments[0])
async def test_a_wrong_path_of_the_base_url_is_said(sandbox, env, run_here, arguments):
    """An HTML page came instead of an answer: one look at the variable helps, and no wait."""
    ran = await run_here(*arguments, env=env | {"KLING_BASE_URL": sandbox.url("ezmodel") + "/wrong"})
    assert (ran.code, ran.out) == (1, "")
    assert ran.line.endswith("is not the JSON that a gateway sends; check KLING_BASE_URL")


async def test_what_a_proxy_says_in_plain_words_is_shown(sandbox, env, run_here):
    """A page of HTML is left out, a sentence is not."""
    sandbox.script("get", Fault.answer(404, "no such upstream"))
    ran = await run_here("get", "1", env=env)
    assert ran.line.endswith("check KLING_BASE_URL: no such upstream")


def test_a_full_disk_is_said_in_words(monkeypatch, capsys):
    """Not by its number."""

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("kling_elements_async.command.output.Output.result", full)
    assert main(["check", "https://example.com/a.png"]) == 1
    assert capsys.readouterr().err == "kling-elements: No space left on device\n"


@pytest.mark.slow
@pytest.mark.parametrize("url", [None, "https://nowhere.invalid"])
@pytest.mark.parametrize("arguments", [["list"], ["wait", "1"]], ids=lambda arguments: arguments[0])
async def test_no_network_or_a_wrong_host_is_said_after_the_last_attempt(url, arguments):
    """Nobody listens at the port, or nobody has the name; a wait does not try on for its ten minutes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = url or f"http://127.0.0.1:{server.getsockname()[1]}"
    ran = await run(*arguments, env=environment(KLING_API_KEY="k", KLING_BASE_URL=url))
    assert (ran.code, ran.out) == (1, "")
    assert ran.line.endswith("Nothing was sent; check the network and KLING_BASE_URL")
    assert "ClientConnector" not in ran.line


@pytest.mark.slow
async def test_an_uncertain_create_says_where_to_look(sandbox, order):
    """A gateway without external ids: the account itself has to be looked at."""
    sandbox.script("create", Fault.lost_answer())
    links = ["--frontal", "https://example.com/a.png", "--other", "https://example.com/b.png"]
    ran = await run(*order[:5], *links, "--tag", "animal", env=environment(sandbox, "anyfast"))
    assert ran.code == 1
    assert "anyfast may or may not have created the element" in ran.line
    assert "each create may be billed" in ran.line


def test_a_closed_output_is_said_before_anything_is_done(monkeypatch, capsys):
    """What nobody could read would be lost, so it is not made."""
    monkeypatch.setattr("sys.stdout", None)
    assert main(["list"]) == 2
    assert capsys.readouterr().err == "kling-elements: the standard output is closed, so nothing was done\n"
