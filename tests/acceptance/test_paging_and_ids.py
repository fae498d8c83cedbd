"""Pages to their end, problems before anything is sent, and ids that cannot be ids."""

import math

import pytest
from tables import crossed

from kling_elements_async import Images, InvalidElementError, InvalidIdError, Video

from .account import BIG, envelope
from .errors import caught
from .materials import FRONT, SIDE, a_spec, links, png
from .server import RESET, says


def rows(first, count):
    """List rows with consecutive element ids."""
    return [
        {
            "task_id": str(number),
            "task_status": "succeed",
            "task_result": {"elements": [{"element_id": BIG + number}]},
        }
        for number in range(first, first + count)
    ]


async def ids(iterator):
    return [int(element.element_id) - BIG async for element in iterator]


@pytest.mark.parametrize("count", [0, 1, 29, 30, 31, 1203])
async def test_all_pages(server, open_session, count):
    """Every element once, whatever the size of a page."""
    for _ in range(count):
        server.accounts["ezmodel"].add()
    assert await ids(open_session().iter_elements()) == list(range(count))


async def test_all_pages_of_presets(server, open_session):
    """Presets are paged through, too."""
    presets = [{"element_id": BIG + number, "owned_by": "kling", "status": "succeed"} for number in range(700)]
    server.accounts["ezmodel"].presets = presets
    assert await ids(open_session().iter_preset_elements()) == list(range(700))


async def test_deleted_elements_are_left_out(server, open_session):
    """Unless they are asked for."""
    for number in range(4):
        server.accounts["ezmodel"].add(status="deleted" if number % 2 else "succeed")
    session = open_session()
    assert await ids(session.iter_elements()) == [0, 2]
    assert await ids(session.iter_elements(include_deleted=True)) == [0, 1, 2, 3]


async def test_an_element_that_moves_to_the_next_page(server, open_session):
    """Something new came in between two pages: what is listed twice is given once."""

    def shifting(seen):
        number, size = int(seen.query["pageNum"]), int(seen.query["pageSize"])
        return envelope(rows(0, size) if number == 1 else rows(size - 2, 5) if number == 2 else [])

    server.always("list", says(shifting))
    found = await ids(open_session().iter_elements())
    assert found == list(range(len(found)))
    assert len(found) == int(server.seen[0].query["pageSize"]) + 3


@pytest.mark.parametrize("size", ["as asked", "always 30", "always 1000"])
async def test_the_same_page_for_ever(server, open_session, size):
    """A gateway that ignores the page number is not asked for ever."""
    server.always(
        "list",
        says(
            lambda seen: envelope(
                rows(0, int(seen.query["pageSize"]) if size == "as asked" else int(size.split()[1]))
            )
        ),
    )
    found = await ids(open_session().iter_elements())
    assert found == list(range(len(found)))
    assert 1 <= len(server.seen) <= 3


async def test_a_page_that_fails_once(server, open_session):
    """A reset between two pages loses nothing and gives nothing twice."""
    for _ in range(1203):
        server.accounts["ezmodel"].add()
    server.script("list", says(lambda seen: server.accounts["ezmodel"].list_own(seen.query)[1]), RESET)
    assert await ids(open_session().iter_elements()) == list(range(1203))


async def test_leaving_a_loop_early(server, open_session):
    """A break sends no more requests."""
    for _ in range(1203):
        server.accounts["ezmodel"].add()
    async for element in open_session().iter_elements():
        assert element.element_id == str(BIG)
        break
    assert len(server.seen) == 1


async def test_all_problems_at_once(server, open_session):
    """A check lists what a create would raise, and neither sends anything."""
    images = Images(frontal=png(10, 10), others=[SIDE, b"GIF89a"])
    spec = a_spec(
        name="x" * 21,
        description="y" * 101,
        reference=images,
        external_task_id="..",
        callback_url="ftp://example.com",
    )
    session = open_session()
    problems = await session.check_element(spec)
    with caught(InvalidElementError) as info:
        await session.create_element(spec)
    assert list(info.value.problems) == list(problems)
    assert len(problems) == 6
    assert server.accepted == 0


BROKEN = {
    "no name": {"name": ""},
    "a long name": {"name": "x" * 21},
    "no description": {"description": ""},
    "a long description": {"description": "x" * 101},
    "no other image": {"reference": links(0)},
    "four other images": {"reference": links(4)},
    "a link to a file": {"reference": Images(frontal="file:///etc/passwd", others=[SIDE])},
    "a video from a file": {"reference": Video("file:///etc/passwd"), "tags": ()},
    "an external id with a slash": {"external_task_id": "a/b"},
    "an external id of dots": {"external_task_id": ".."},
    "an empty external id": {"external_task_id": ""},
    "a long external id": {"external_task_id": "x" * 65},
    "an external id with a space": {"external_task_id": "a b"},
    "an external id with an end of line": {"external_task_id": "ab\n"},
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_spec_that_breaks_a_limit(server, open_session, what):
    """One problem, found before anything is sent."""
    session = open_session()
    spec = a_spec(**BROKEN[what])
    assert len(await session.check_element(spec)) == 1
    with caught(InvalidElementError):
        await session.create_element(spec)
    assert server.accepted == 0


async def test_a_spec_at_its_limits(server, open_session):
    """The longest of everything is welcome, and letters count, not bytes."""
    spec = a_spec(name="ü" * 20, description="龍" * 100, reference=links(3), external_task_id="a._:~-" + "x" * 58)
    assert list(await open_session().check_element(spec)) == []
    await open_session().create_element(spec)
    assert server.seen[0].body["element_description"] == "龍" * 100


async def test_one_character(server, open_session):
    """The shortest of everything, too."""
    await open_session().create_element(a_spec(name="x", description="y", external_task_id="z"))
    assert server.seen[0].body["element_image_list"]["frontal_image"] == FRONT


BAD_IDS = [
    "",
    ".",
    "..",
    "../delete-elements",
    "a/b",
    "a?x",
    "a#f",
    "%2e%2e",
    "a\r\nX: y",
    "a\x00b",
    "a b",
    "a\\b",
]
CALLS_WITH_AN_ID = ["get_element", "wait_for_element", "delete_element"]
IDLESS = [856528387816046601.0, math.nan, True, None, b"1", ["1"]]


@pytest.mark.parametrize(("bad", "call"), crossed(BAD_IDS, CALLS_WITH_AN_ID))
async def test_an_id_that_cannot_be_one(server, open_session, call, bad):
    """It would lead to another endpoint: refused, and nothing is sent."""
    with caught(InvalidIdError):
        await getattr(open_session(), call)(bad)
    assert server.accepted == 0


@pytest.mark.parametrize(("bad", "call"), crossed(IDLESS, CALLS_WITH_AN_ID), ids=str)
async def test_an_id_of_another_type(server, open_session, call, bad):
    """A float has lost digits, None is nothing: refused, and nothing is sent."""
    with caught(InvalidIdError):
        await getattr(open_session(), call)(bad)
    assert server.accepted == 0


async def test_an_int_is_an_id(server, open_session):
    """Python's integers keep all digits, so one is taken as its text."""
    known = server.accounts["ezmodel"].add()
    task = await open_session().get_element(int(known.task_id))
    assert task.task_id == known.task_id
