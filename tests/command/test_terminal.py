"""What a person sees in a real terminal."""

import asyncio
import re

import pytest

from kling_elements_async import ElementsSession
from kling_elements_async.sandbox import Fault, Sandbox

from .process import Terminal, environment

pytest.importorskip("pty", reason="pseudo-terminals are a thing of Unix")


@pytest.fixture
async def slow_sandbox():
    async with Sandbox(durations=(60, 60)) as sandbox:
        yield sandbox


@pytest.mark.slow
async def test_waiting_shows_one_line_that_is_gone_at_the_end(sandbox, env, order):
    """The line is written over by \\r and leaves no trace."""
    async with Terminal(*order, "--wait", env=env) as terminal:
        await terminal.see(r"\r +\d+ s  \w+: task \d+")
        ran = await terminal.end()
    (task,) = sandbox.account("ezmodel").tasks.values()
    assert ran.code == 0
    assert ran.out.split("\n") == [
        f"created: task {task.task_id}",
        "the element is ready; its id:",
        task.element_id,
        "",
    ]
    assert "\x1b" not in terminal.text


@pytest.mark.slow
async def test_ctrl_c_ends_a_wait_and_says_how_to_go_on(slow_sandbox, order):
    """Exit code 130, a command to copy, and nothing about destroyed tasks."""
    env = environment(slow_sandbox)
    async with Terminal(*order, "--wait", env=env, columns=40) as terminal:
        await terminal.see(r"submitted|processing")
        (task_id,) = slow_sandbox.account("ezmodel").tasks
        terminal.press_ctrl_c()
        ran = await terminal.end()
    assert ran.code == 130
    last = ran.out.rstrip().split("\n")[-1]
    assert last.endswith(f"stopped; the task goes on at the gateway. Go on with: kling-elements wait {task_id}")
    assert "Traceback" not in ran.out
    assert "destroyed" not in ran.out
    live = [part for line in terminal.text.split("\n") for part in line.split("\r") if " s  " in part]
    assert max(map(len, live)) <= 40


@pytest.mark.slow
async def test_a_look_that_fails_is_shown_in_the_line(sandbox, env):
    """Until one succeeds; nothing of it is left at the end."""
    sandbox.script("get", Fault.code(1201), Fault.html(502))
    async with Terminal("wait", "mine-1", "--timeout", "3", env=env) as terminal:
        await terminal.see(r"\r +\d+ s  still trying: ezmodel, asked to look, sent HTTP 502 with an \S.*…")
        ran = await terminal.end()
    assert ran.code == 1
    assert len(ran.out.strip().split("\n")) == 1


async def test_ctrl_c_during_a_create_says_where_to_look(sandbox, env, order):
    """Whether the element was made is not known then."""
    sandbox.script("create", Fault.never())
    async with Terminal(*order, env=env) as terminal:
        await terminal.see("creating fox")
        terminal.press_ctrl_c()
        ran = await terminal.end()
    assert ran.code == 130
    assert "may or may not be created. Look with: kling-elements list" in ran.out


@pytest.mark.slow
async def test_rows_are_cut_to_a_narrow_terminal(env):
    """The id is whole, the rest ends in an ellipsis."""
    async with Terminal("presets", env=env, columns=40) as terminal:
        ran = await terminal.end()
    rows = ran.out.strip().split("\n")
    assert max(map(len, rows)) <= 40
    assert rows[0].split()[0].isdigit()


async def test_the_sandbox_serves_until_ctrl_c(monkeypatch):
    """The line that it prints for a gateway is all that a second terminal needs."""
    async with Terminal("sandbox", "--seconds", "0.1", "0.2", env=environment(), columns=200) as terminal:
        line = await terminal.see(r"export (KLING_GATEWAY=kling .*)\n")
        for pair in line[1].split():
            monkeypatch.setenv(*pair.split("=", 1))
        async with ElementsSession.from_env() as session:
            assert (await session.list_preset_elements()).elements
        terminal.press_ctrl_c()
        ran = await terminal.end()
    assert ran.code == 130
    assert ran.out.count("export ") == 5
    assert "Traceback" not in ran.out


@pytest.mark.slow
async def test_a_sandbox_with_chaos_says_so():
    """Whoever meets its faults should know where they come from."""
    arguments = ("sandbox", "--chaos", "0.25", "--seed", "7")
    async with Terminal(*arguments, env=environment(), columns=200) as terminal:
        await terminal.see("It spoils 25% of the requests")
        terminal.press_ctrl_c()
        assert (await terminal.end(within=3)).code == 130


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "call", "line"),
    [
        (["get", "1"], "get", "stopped; nothing was changed"),
        (["list"], "list", "stopped; nothing was changed"),
        (["presets", "--all"], "presets", "stopped; nothing was changed"),
        (["gallery"], "list", "stopped; no page was written"),
        (["doctor"], "list", "stopped; nothing was changed"),
        (
            ["delete", "1"],
            "delete",
            "stopped; what was deleted stands above, and one more may be: see kling-elements list",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
async def test_ctrl_c_ends_each_command_in_one_line(sandbox, env, arguments, call, line, tmp_path, monkeypatch):
    """It says what became of the work; twice in a row does no harm."""
    monkeypatch.chdir(tmp_path)
    sandbox.script(call, Fault.never(), times=9)
    async with Terminal(*arguments, env=env, columns=200) as terminal:
        await terminal.see(r"\d s  (asking|looking)")
        async with asyncio.timeout(10):
            while not sandbox.account("ezmodel").counts[call]:  # noqa: ASYNC110 - it is another process that asks
                await asyncio.sleep(0.02)
        terminal.press_ctrl_c()
        terminal.press_ctrl_c()
        ran = await terminal.end(within=3)
    assert ran.code == 130
    assert ran.out.replace("^C", "").rstrip().split("\n")[-1] == f"kling-elements: {line}"
    assert "Traceback" not in ran.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
async def test_ctrl_c_ends_the_demo_and_leaves_nothing(tmp_path):
    """Neither its folder nor a traceback."""
    async with Terminal("demo", env=environment(TMPDIR=str(tmp_path))) as terminal:
        await terminal.see("created 20 elements")
        terminal.press_ctrl_c()
        ran = await terminal.end(within=5)
    assert ran.code == 130
    assert ran.out.rstrip().endswith("kling-elements: stopped; nothing is left of it")
    assert "Traceback" not in ran.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("variable", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
async def test_nothing_of_ours_is_coloured_where_nobody_wants_it(sandbox, env, order, variable, tmp_path):
    """The one thing in colour is the bar of a batch; a dumb terminal gets plain lines."""
    pytest.importorskip("rich")
    front, side = order[6], order[8]
    (tmp_path / "cast.csv").write_text(f"name,description,frontal,others\nfox,a fox,{front},{side}\n")
    async with Terminal("batch", tmp_path / "cast.csv", env=env | variable) as terminal:
        ran = await terminal.end()
    assert ran.code == 0
    coloured = re.search(r"\x1b\[[\d;]*[39]\d[;m]", terminal.text)
    assert bool(coloured) == (not variable)
    assert ("\x1b" in terminal.text) == (variable != {"TERM": "dumb"})
