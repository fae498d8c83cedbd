"""Each command in a real terminal, as a person sees it: ``transcripts`` holds what was typed and what came.

A transcript's commands are run one after the other in a new sandbox and a new folder. Times are shown as ``#``.
``REWRITE_TRANSCRIPTS=1 pytest -m slow tests/command/test_transcripts.py`` writes them anew, to be read before
they are kept.
"""

import os
import re
import shlex
from pathlib import Path

import pytest

from kling_elements_async.command import SUBCOMMANDS
from kling_elements_async.command.drawing import draw

from .process import Terminal, environment
from .screen import screen

pytest.importorskip("pty", reason="pseudo-terminals are a thing of Unix")

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
VARYING = (
    (r"\b\d+(\.\d+)? (ms|s)\b", r"# \2"),
    (r"^ *(# s  )", r"\1"),
    (r"(# s)  +\b", r"\1  "),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:#"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "####-##-## ##:##:## UTC"),
    (r"(Python|aiohttp|kling-elements-async) \d+\.\d+\.\d+\w*", r"\1 #"),
    (r" \[[a-z,]+\]", " [#]"),
    (r"request id [\w-]+", "request id #"),
    (r"^ +\d{18}  (\w+) +after # s$", r"         <id>  \1  after # s"),
    (r"\d+(\.\d)?/s  # s left", "#/s  # s left"),
)
ANIMALS = re.compile(r"(^ +<id>  \w+  after # s\n)+", re.MULTILINE)


def steady(shown):
    """What was shown, without what is different each time."""
    for pattern, instead in VARYING:
        shown = re.sub(pattern, instead, shown, flags=re.MULTILINE)
    return ANIMALS.sub(lambda found: "".join(sorted(found[0].splitlines(keepends=True))), shown)


@pytest.mark.slow
@pytest.mark.parametrize("file", TRANSCRIPTS, ids=lambda file: file.stem)
async def test_each_command_says_in_a_terminal_what_its_transcript_says(sandbox, file, tmp_path, monkeypatch):
    """Every line, and the exit code where it is not 0."""
    monkeypatch.chdir(tmp_path)
    for picture, name in zip(draw(tmp_path, 1, 20), ("front.png", "side.png"), strict=True):
        picture.rename(name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "cast.csv").write_text("name,description,frontal,others\nfox,a fox,front.png,side.png\n")
    (tmp_path / "bad.csv").write_text("name,description,frontal,others,tags\n,a fox,none.png,side.png,anmal\n")
    kept = file.read_text("utf-8")
    replayed = ""
    for line in re.findall(r"^\$ (.*)", kept, re.MULTILINE):
        replayed += f"$ {line}\n{await _replayed(line, environment(sandbox))}"
    if os.environ.get("REWRITE_TRANSCRIPTS"):
        file.write_text(replayed, "utf-8")
    assert replayed == kept


async def _replayed(line, env):
    words = shlex.split(line)
    while "=" in words[0]:
        name, value = words.pop(0).split("=", 1)
        env[name] = value
    assert words.pop(0) == "kling-elements"
    async with Terminal(*words, env=env, columns=72) as terminal:
        ran = await terminal.end()
    code = f"[exit code {ran.code}]\n" if ran.code else ""
    return steady(screen(terminal.text)).rstrip() + "\n" + code


def test_each_command_has_a_transcript():
    """But for the sandbox, which ends by Ctrl-C: that is in test_terminal."""
    typed = {
        word
        for file in TRANSCRIPTS
        for word in re.findall(r"^\$.*?kling-elements (\w+)", file.read_text(), re.MULTILINE)
    }
    assert typed >= {each.name for each in SUBCOMMANDS} - {"sandbox"}
    assert {file.stem for file in TRANSCRIPTS} >= typed - {"galery"}
