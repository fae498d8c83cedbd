"""The script that starts the command: Ctrl-C while it loads is a line too, and no traceback."""

import signal
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import kling_elements_async
from kling_elements_async.command import main

SCRIPT = Path(kling_elements_async.__file__).with_name("script.py")
RUN = """
import runpy, signal, sys
signal.signal(signal.SIGINT, getattr(signal, sys.argv[2]))
sys.exit(runpy.run_path(sys.argv[1])["main"]())
"""
SLOW_TO_LOAD = "print('loading', flush=True); input(); from .command import main"


@pytest.fixture
def loading(tmp_path):
    """The script in a process of its own, in the middle of loading a command that prints what it got."""
    (tmp_path / "kling_elements_async").mkdir()
    (tmp_path / "kling_elements_async" / "__init__.py").write_text(SLOW_TO_LOAD)
    (tmp_path / "kling_elements_async" / "command.py").write_text("def main():\n    print('ran')\n    return 7\n")
    processes = []

    def started(handler):
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", RUN, SCRIPT, handler],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout.readline() == "loading\n"
        return process

    yield started
    for process in processes:
        process.kill()
        process.communicate()


def test_ctrl_c_while_the_command_loads(loading):
    """Exit code 130 and one line."""
    process = loading("default_int_handler")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "kling-elements: stopped; nothing was done\n")


def test_a_background_job_of_a_shell_goes_on(loading):
    """The shell lets it ignore the Ctrl-C that is meant for another; so does the script."""
    process = loading("SIG_IGN")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate("\n", timeout=20)
    assert (process.returncode, out, err) == (7, "ran\n", "")


def test_ctrl_c_before_a_subcommand_has_begun(monkeypatch, capsys):
    """The same line."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("kling_elements_async.command.Parser.parse", interrupted)
    assert main(["list"]) == 130
    assert capsys.readouterr().err == "kling-elements: stopped; nothing was done\n"


def test_what_is_installed_is_this_script():
    """Beside the package: in it, its first line would come after the loading."""
    (entry,) = entry_points(group="console_scripts", name="kling-elements")
    assert Path(entry.load().__code__.co_filename).read_text() == SCRIPT.read_text()
    assert entry.module == "kling_elements_script"
