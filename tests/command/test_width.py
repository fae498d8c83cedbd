"""Columns of a terminal."""

import pytest

from kling_elements_async.command.width import columns, cut, padded


@pytest.mark.parametrize(("text", "wide"), [("fox", 3), ("狐", 2), ("🦊", 2), ("a\u0301", 1), ("", 0)])
def test_a_text_takes_the_columns_that_a_terminal_gives_it(text, wide):
    """East Asian characters and emoji two, an accent of its own none."""
    assert columns(text) == wide


def test_a_long_text_is_cut_where_a_wide_character_no_longer_fits():
    """It may then be one column short, and is padded."""
    assert cut("狐狐狐", 4) == "狐…"
    assert cut("狐狐狐", 6) == "狐狐狐"
    assert padded("狐狐狐", 4) == "狐… "


def test_a_row_is_cut_between_two_columns_without_a_word():
    """An ellipsis behind a name that is whole would say that it is not."""
    assert cut("1  fox     image", 9) == "1  fox"
    assert cut("1  fox  image", 10) == "1  fox  i…"
    assert cut("a fox in a box", 6) == "a fox…"
