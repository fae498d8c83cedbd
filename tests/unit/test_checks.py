"""Everything that is wrong with a spec, at once, each with its place."""

import pytest
from attrs import evolve

from kling_elements_async import ElementSpec, ElementsSession, Images, SessionUnusableError, Tag, Video
from kling_elements_async.checks import needs_reading, problems_of
from kling_elements_async.gateways import AnyFast, EvoLink, EzModel, Kkiai

from .pictures import png

LINK = "https://example.com/f.png"
SPEC = ElementSpec("Mira", "A singer", Images(LINK, [LINK]))
EZMODEL, KKIAI, ANYFAST, EVOLINK = (kind(api_key="no-real-key") for kind in (EzModel, Kkiai, AnyFast, EvoLink))


def places(spec, gateway=EZMODEL):
    return [problem.partition(":")[0] for problem in problems_of(spec, gateway)]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"name": "x" * 20, "description": "x" * 100}, []),
        ({"name": "😀" * 20, "description": "é"}, []),
        ({"name": ""}, ["name"]),
        ({"name": "x" * 21}, ["name"]),
        ({"description": ""}, ["description"]),
        ({"description": "x" * 101}, ["description"]),
        ({"name": "\ud800", "description": "a\udfff"}, ["name", "description"]),
        ({"external_task_id": "a" * 64}, []),
        ({"external_task_id": ""}, ["external_task_id"]),
        ({"external_task_id": ".."}, ["external_task_id"]),
        ({"callback_url": "https://example.com/called"}, []),
        ({"callback_url": "example.com"}, ["callback_url"]),
        ({"callback_url": ""}, ["callback_url"]),
        ({"reference": Images(LINK, [])}, ["reference.others"]),
        ({"reference": Images(LINK, [LINK] * 3)}, []),
        ({"reference": Images(LINK, [LINK] * 4)}, ["reference.others"]),
        (
            {"reference": Images("x.png", [LINK, b"", "y"])},
            ["reference.frontal", "reference.others[1]", "reference.others[2]"],
        ),
        ({"reference": Images(png(), [png(10, 1000)])}, ["reference.others[0]"] * 2),
        ({"reference": Video("https://example.com/w.mp4")}, []),
        ({"reference": Video("w.mp4")}, ["reference.url"]),
        ({"tags": list(Tag), "voice_id": "v"}, []),
        (
            {
                "name": "",
                "description": "x" * 101,
                "reference": Images("x", []),
                "external_task_id": "/",
                "callback_url": "x",
            },
            ["name", "description", "external_task_id", "reference.others", "reference.frontal", "callback_url"],
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_limits(changes, found):
    """Each broken limit is named by its place, all of them at once."""
    assert places(evolve(SPEC, **changes)) == found


@pytest.mark.parametrize(
    ("gateway", "changes", "found"),
    [
        (KKIAI, {"voice_id": "v"}, ["voice_id"]),
        (KKIAI, {"voice_id": "v", "reference": Video(LINK)}, []),
        (ANYFAST, {}, ["tags"]),
        (ANYFAST, {"tags": [Tag.PROP]}, []),
        (
            ANYFAST,
            {"reference": Video(LINK), "voice_id": "v", "callback_url": LINK, "external_task_id": "a"},
            ["reference", "tags", "voice_id", "callback_url", "external_task_id"],
        ),
        (EVOLINK, {}, []),
        (EVOLINK, {"reference": Images(LINK, [])}, []),
        (EVOLINK, {"reference": Images(LINK, [LINK] * 9)}, []),
        (EVOLINK, {"reference": Images(png(), [LINK, png()])}, ["reference.frontal", "reference.others[1]"]),
        (
            EVOLINK,
            {"tags": [Tag.PROP], "voice_id": "v", "external_task_id": "a"},
            ["tags", "voice_id", "external_task_id"],
        ),
    ],
    ids=str,
)
def test_what_a_gateway_cannot_carry(gateway, changes, found):
    """It is a problem that names the gateway: nothing is dropped silently."""
    spec = evolve(SPEC, **changes)
    assert places(spec, gateway) == found
    assert all(gateway.name in problem for problem in problems_of(spec, gateway))


def test_the_texts_of_problems():
    """They say what is wrong, with the number that is allowed."""
    spec = evolve(SPEC, name="x" * 21, reference=Images(LINK, [LINK] * 4))
    assert problems_of(spec, EZMODEL) == [
        "name: has 21 characters; at most 20 are allowed",
        "reference.others: has 4 images; 1 to 3 are allowed",
    ]


def test_what_has_to_be_read(tmp_path):
    """Files, bytes and Base64 are checked off the event loop; links and videos need no thread."""
    assert not needs_reading(SPEC)
    assert not needs_reading(evolve(SPEC, reference=Video(LINK)))
    for source in (tmp_path / "x.png", b"x", "eA=="):
        assert needs_reading(evolve(SPEC, reference=Images(LINK, [source])))


async def test_a_spec_checked_after_the_close():
    """Though nothing would be sent, the session says that it is closed, as at every call."""
    session = ElementsSession(EZMODEL)
    await session.close()
    with pytest.raises(SessionUnusableError, match="closed"):
        await session.check_element(SPEC)
