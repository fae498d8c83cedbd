"""Ids before they enter a path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from kling_elements_async import InvalidIdError
from kling_elements_async.ids import checked_id, external_id_problem

BAD = [
    "",
    ".",
    "..",
    "../delete-elements",
    "a/b",
    "a?x",
    "a#f",
    "a b",
    " 1",
    "1\n",
    "%2e%2e",
    "a\r\nb",
    "\0",
    "é",
    "1" * 129,
    "٣",
]


@pytest.mark.parametrize("value", ["1", "task-unified-1-x", "a.b", "...", "a_b:c~d", "1" * 128])
def test_an_id_that_is_one(value):
    """It comes back as it is; a whole number comes back as its digits."""
    assert checked_id(value, "task id") == value
    assert checked_id(856528387816046601, "element id") == "856528387816046601"
    assert checked_id(0, "element id") == "0"


@pytest.mark.parametrize("value", [*BAD, None, True, -1, 1.0, 8.6e17, b"1", ["1"], {"id": 1}], ids=repr)
def test_an_id_that_cannot_be_one(value):
    """It is refused, in a short text on one line that says what kind of id it was to be."""
    with pytest.raises(InvalidIdError, match="no task id") as info:
        checked_id(value, "task id")
    assert str(info.value).isprintable()
    assert len(str(info.value)) < 200


@given(st.text(st.sampled_from("aZ19._:~-/\\%?#@ \n\0é٣"), max_size=20))
def test_any_text_as_an_id(text):
    """What is let through is one step of a path, and no URL library reads it as anything else."""
    try:
        checked = checked_id(text, "task id")
    except InvalidIdError:
        return
    url = URL("https://example.com/v1/list") / checked
    assert (url.path, url.query_string, url.fragment) == (f"/v1/list/{text}", "", "")


@pytest.mark.parametrize("value", ["a", "A-z_0.9:~", "a" * 64, "..."])
def test_an_external_id_that_is_one(value):
    """1 to 64 of the documented characters."""
    assert external_id_problem(value) is None


@pytest.mark.parametrize("value", [*BAD, "a" * 65])
def test_an_external_id_that_cannot_be_one(value):
    """The problem names its place and the characters that are allowed."""
    assert external_id_problem(value).startswith("external_task_id: 1 to 64 letters, digits")
