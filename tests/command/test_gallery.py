"""The gallery as a command: which elements it takes, and how it writes its file."""

import json
from pathlib import Path

import pytest

from kling_elements_async.command import whole_file
from kling_elements_async.command.failure import UsageError
from kling_elements_async.command.whole_file import write_whole

from .process import environment
from .test_results import filled


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Somewhere to write to, and to be."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def test_the_page_holds_the_own_elements_and_never_the_key(sandbox, env, run_here, here):
    """Its path is the result, for a script; a person is told what to do with it."""
    fox, _ = await filled(sandbox, "fox", "<script>")
    sandbox.account("ezmodel").delete(fox)
    ran = await run_here("gallery", env=env)
    assert (ran.code, ran.out) == (0, "kling-elements.html\n")
    assert ran.err.splitlines() == [
        "1 deleted: show them with --deleted",
        "1 element; open this file in a browser:",
    ]
    html = (here / "kling-elements.html").read_text("utf-8")
    assert "&lt;script&gt;" in html
    assert fox not in html
    assert "Corgi" not in html
    assert sandbox.key not in html
    assert [file.name for file in here.iterdir()] == ["kling-elements.html"]


async def test_presets_and_deleted_ones_come_when_they_are_asked_for(sandbox, env, run_here, here):
    """With --json the counts are one document, and stderr is silent."""
    (fox,) = await filled(sandbox, "fox")
    sandbox.account("ezmodel").delete(fox)
    ran = await run_here("gallery", "-o", here / "cast.html", "--presets", "--deleted", "--json", env=env)
    assert json.loads(ran.out) == {"file": str(here / "cast.html"), "elements": 8, "presets": 7, "deleted": 1}
    assert ran.err == ""
    html = (here / "cast.html").read_text("utf-8")
    assert fox in html
    assert "Corgi" in html


async def test_a_library_of_many_pages_is_read_whole(sandbox, env, run_here, here, monkeypatch):
    """Seven presets, three on a page."""
    monkeypatch.setattr("kling_elements_async.paging._SIZE", 3)
    ran = await run_here("gallery", "--presets", "--json", env=env)
    assert json.loads(ran.out)["elements"] == 7


@pytest.mark.parametrize(
    ("place", "words"),
    [("nowhere/page.html", "there is no folder nowhere"), (".", "is no file: name one for --output")],
)
async def test_a_place_where_no_file_can_stand_is_said_before_anything_is_asked(
    sandbox, env, run_here, here, place, words
):
    """Exit code 2, one line."""
    ran = await run_here("gallery", "-o", place, env=env)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.line
    assert not sandbox.account("ezmodel").requests


async def test_a_gateway_without_lists_is_said(sandbox, run_here, here):
    """Nothing is written."""
    ran = await run_here("gallery", env=environment(sandbox, "anyfast"))
    assert (ran.code, ran.out) == (2, "")
    assert "anyfast offers no call to list elements" in ran.line
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(here, monkeypatch, step):
    """A full disk, or a folder that was closed meanwhile."""
    (here / "page.html").write_text("the old one")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*(whole_file.os, "fsync") if step == "fsync" else (Path, "replace"), fail)
    with pytest.raises(UsageError, match=r"page\.html can't be written: No space left on device"):
        write_whole(Path("page.html"), "the new one")
    assert [file.name for file in here.iterdir()] == ["page.html"]
    assert (here / "page.html").read_text() == "the old one"


def test_a_symbolic_link_goes_on_leading_to_the_page(here):
    """What is written is the file behind it."""
    (here / "real.html").write_text("old")
    (here / "link.html").symlink_to("real.html")
    write_whole(here / "link.html", "new")
    assert (here / "link.html").is_symlink()
    assert (here / "real.html").read_text() == "new"
