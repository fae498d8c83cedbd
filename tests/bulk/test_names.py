"""What an item is called, where that is hard: ids used twice, pictures that can't be read, journals that were edited."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kling_elements_async import (
    ConfigurationError,
    Created,
    DuplicateTaskError,
    ElementSpec,
    Images,
    InvalidElementError,
    NotCreated,
    naming,
)
from kling_elements_async.sandbox import Fault

from .materials import all_outcomes

IMAGES = Images("https://example.com/a.png", ["https://example.com/b.png"])


def spec(name, external_id=None, images=IMAGES):
    return ElementSpec(name, "A prop", images, external_task_id=external_id)


async def test_an_id_that_is_used_twice(open_session, sandbox):
    """The second spec is refused, unsent: it does not get the first one's element."""
    outcomes = await all_outcomes(open_session(), [spec("first", "x1"), spec("second", "x1")])
    first, second = sorted(outcomes, key=lambda outcome: outcome.index)
    assert (first.element.name, type(second.error)) == ("first", DuplicateTaskError)
    assert sandbox.account("ezmodel").creates == 1


@pytest.mark.parametrize("options", [{"journal": True}, {"ensure": True}], ids=str)
async def test_a_picture_that_can_not_be_named(open_session, sandbox, tmp_path, monkeypatch, options):
    """Without its name an item could be made twice, so it is not sent."""

    def digest_of(spec):
        raise OSError(24, "Too many open files")

    if options.pop("journal", False):
        options["journal"] = tmp_path / "a.journal"
    with monkeypatch.context() as patched:
        patched.setattr(naming, "digest_of", digest_of)
        (outcome,) = await all_outcomes(open_session(), [spec("a")], **options)
    assert isinstance(outcome.error, InvalidElementError)
    assert "Too many open files" in str(outcome.error)
    assert sandbox.account("ezmodel").creates == 0
    (outcome,) = await all_outcomes(open_session(), [spec("a")], **options)
    assert isinstance(outcome, Created)


async def test_a_picture_without_an_end(open_session, sandbox, tmp_path):
    """It is refused at once, as it is without a journal."""
    endless = spec("a", images=Images(Path("/dev/zero"), ["https://example.com/b.png"]))
    (outcome,) = await all_outcomes(open_session(), [endless], journal=tmp_path / "a.journal")
    assert isinstance(outcome.error, InvalidElementError)


async def test_one_content_with_and_without_an_id(open_session, sandbox, tmp_path):
    """In another order they are the same two."""
    with_id, without = spec("same", "mine"), spec("same")
    await all_outcomes(open_session(), [with_id, without], journal=tmp_path / "a.journal")
    again = await all_outcomes(open_session(), [without, with_id], journal=tmp_path / "a.journal")
    assert [outcome.resolution for outcome in again] == ["resumed"] * 2
    assert sandbox.account("ezmodel").creates == 2


@pytest.mark.parametrize("task", ["garbage", "null", "{}", '{"task_id": "1", "status": "SUCCEEDED"}'])
async def test_a_journal_that_was_edited(open_session, sandbox, tmp_path, task):
    """The damaged item says so; the others are made."""
    journal = tmp_path / "a.journal"
    await all_outcomes(open_session(), [spec("a")], journal=journal)
    with closing(sqlite3.connect(journal)) as file, file:
        (table,) = [
            name
            for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if any(column[1] == "task" for column in file.execute(f"PRAGMA table_info({name})"))
        ]
        file.execute(f"UPDATE {table} SET task = ?", [task])
    outcomes = {
        each.spec.name: each
        for each in await all_outcomes(open_session(), [spec("a"), spec("b")], journal=journal)
    }
    assert isinstance(outcomes["a"], NotCreated)
    assert isinstance(outcomes["a"].error, ConfigurationError)
    assert isinstance(outcomes["b"], Created)


@pytest.mark.parametrize("task_id", ["../delete-elements", "x y", "1" * 5000])
async def test_a_task_id_that_can_not_be_one(open_session, sandbox, task_id):
    """It never becomes part of a path: the task is found by its external id."""

    def changed(answer):
        answer["data"]["task_id"] = task_id
        return answer

    sandbox.script("create", Fault.rewrite(changed))
    (outcome,) = await all_outcomes(open_session(), [spec("a")])
    assert (outcome.resolution, sandbox.account("ezmodel").creates) == ("adopted", 1)
