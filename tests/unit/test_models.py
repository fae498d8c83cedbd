"""The values: types are checked, sequences become tuples, nothing changes, and no picture shows."""

import pickle
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import asdict, evolve
from attrs.exceptions import FrozenInstanceError

from kling_elements_async import (
    Element,
    ElementSpec,
    ElementTask,
    Images,
    Page,
    Polling,
    Retries,
    Tag,
    TaskStatus,
    Video,
    Voice,
)

LINK = "https://example.com/f.png"
IMAGES = Images(LINK, [LINK])
SPEC = ElementSpec("Mira", "A singer", IMAGES, tags=[Tag.CHARACTER])
ELEMENT = Element("856528387816046601", "Mira", owner="kling", tags=(Tag.PROP,), raw={"a": [1]})
TASK = ElementTask(
    "7", TaskStatus.SUCCEEDED, "succeed", elements=(ELEMENT,), created_at=datetime.now(UTC), raw={"b": 1}
)
PAGE = Page((ELEMENT,), (TASK,), 1, 2, raw=[{"b": 1}, {}])
VALUES = [IMAGES, Video(LINK), SPEC, Voice("v"), ELEMENT, TASK, PAGE, Retries(), Polling()]


def ids(value):
    return type(value).__name__


@pytest.mark.parametrize("value", VALUES, ids=ids)
def test_a_value_is_frozen_and_can_be_a_key(value):
    """No field can be set, equal values have equal hashes, and pickle keeps them equal."""
    with pytest.raises(FrozenInstanceError):
        value.name = "other"
    again = evolve(value)
    assert (again, hash(again)) == (value, hash(value))
    assert pickle.loads(pickle.dumps(value)) == value


@pytest.mark.parametrize("value", [ELEMENT, TASK, PAGE], ids=ids)
def test_raw_is_beside_the_value(value):
    """`raw` takes no part in equality, hash or repr, and is kept by pickle."""
    other = evolve(value, raw=type(value.raw)())
    assert (other == value, hash(other) == hash(value), "raw" in repr(value)) == (True, True, False)
    assert pickle.loads(pickle.dumps(value)).raw == value.raw


def test_sequences_become_tuples():
    """Lists, sets and generators of the caller are taken once, and are no longer the caller's."""
    others = [LINK, b"x", Path("a.png")]
    images = Images(LINK, others)
    others.clear()
    assert images.others == (LINK, b"x", Path("a.png"))
    assert Images(LINK, (link for link in [LINK])).others == (LINK,)
    assert ElementSpec("a", "b", IMAGES, tags=["character", Tag.OTHER]).tags == (Tag.CHARACTER, Tag.OTHER)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Images(LINK, LINK),
        lambda: Images(LINK, b"x"),
        lambda: Images(LINK, Path("a.png")),
        lambda: Images(LINK, None),
        lambda: Images(LINK, [LINK, None]),
        lambda: Images(LINK, [5]),
        lambda: Images(None, [LINK]),
        lambda: Images(bytearray(b"x"), [LINK]),
        lambda: Images([LINK], [LINK]),
        lambda: Video(None),
        lambda: Video(b"x"),
        lambda: Video(Path("a.mp4")),
        lambda: ElementSpec(None, "b", IMAGES),
        lambda: ElementSpec("a", 5, IMAGES),
        lambda: ElementSpec("a", "b", LINK),
        lambda: ElementSpec("a", "b", None),
        lambda: ElementSpec("a", "b", IMAGES, tags="character"),
        lambda: ElementSpec("a", "b", IMAGES, tags=Tag.CHARACTER),
        lambda: ElementSpec("a", "b", IMAGES, tags=None),
        lambda: ElementSpec("a", "b", IMAGES, voice_id=5),
        lambda: ElementSpec("a", "b", IMAGES, callback_url=5),
        lambda: ElementSpec("a", "b", IMAGES, external_task_id=5),
        lambda: ElementSpec("a", "b", IMAGES, "voice by position"),
    ],
)
def test_a_value_of_the_wrong_type(build):
    """It is a TypeError where the value is built, and not later."""
    with pytest.raises(TypeError):
        build()


def test_a_tag_that_there_is_not():
    """An unknown tag is a ValueError that names it."""
    with pytest.raises(ValueError, match="dragon"):
        ElementSpec("a", "b", IMAGES, tags=["dragon"])


def test_building_a_spec_reads_no_file():
    """A path that is not there, and text that is no picture, are found when they are checked."""
    spec = ElementSpec("x" * 99, "", Images(Path("not/there.png"), ["no link"]), external_task_id="a b")
    assert spec.reference_type == "image"
    assert ElementSpec("a", "b", Video("no link")).reference_type == "video"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (b"secret picture" * 10, "<140 bytes>"),
        ("data:image/png;base64,c2VjcmV0", "30 characters"),
        ("c2VjcmV0IHBpY3R1cmU=", "20 characters"),
        ("https://example.com/f.png?sig=secret", "'https://example.com/f.png'"),
        (Path("front.png"), "front.png"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_repr_shows_the_size_of_a_picture(source, shown):
    """Where it lies or how large it is: never its bytes, nor a query, which may be signed."""
    for value in (Images(source, [source]), ElementSpec("a", "b", Images(source, [source]))):
        assert repr(value).count(shown) == 2
        assert "secret" not in repr(value)
        assert "c2VjcmV0" not in repr(value)


def test_what_a_task_says_of_itself():
    """Its end, its element and that element's id; None while there is none."""
    ends = {TaskStatus.SUCCEEDED, TaskStatus.FAILED}
    for status in TaskStatus:
        task = ElementTask("7", status)
        assert (task.is_terminal, task.element, task.element_id) == (status in ends, None, None)
    assert (TASK.element, TASK.element_id) == (ELEMENT, "856528387816046601")


def test_what_an_element_and_a_page_say_of_themselves():
    """A preset is Kling's own, a deleted element says so, and a short page is the last."""
    assert (ELEMENT.is_preset, evolve(ELEMENT, owner="12").is_preset, Element("1").is_preset) == (
        True,
        False,
        False,
    )
    assert (evolve(ELEMENT, status="deleted").is_deleted, ELEMENT.is_deleted) == (True, False)
    assert (PAGE.is_last, evolve(PAGE, size=3).is_last, Page((), (TASK,), 1, 1).is_last) == (False, True, False)
    assert asdict(Voice("v")) == {"voice_id": "v", "name": None, "trial_url": None, "owner": None}


@pytest.mark.parametrize(
    "build",
    [
        lambda: Retries(attempts=0),
        lambda: Retries(attempts=1.5),
        lambda: Retries(within=-1),
        lambda: Retries(within=float("nan")),
        lambda: Polling(first=0),
        lambda: Polling(first=-1),
        lambda: Polling(first=float("nan")),
        lambda: Polling(factor=0.5),
        lambda: Polling(first=6),
        lambda: Polling(longest=float("nan")),
    ],
)
def test_a_policy_that_makes_no_sense(build):
    """A retry or a pace without bounds is refused where it is built."""
    with pytest.raises((ValueError, TypeError)):
        build()


def test_the_words_of_enums():
    """Tags and statuses are texts of ours."""
    assert [str(tag) for tag in Tag] == [
        "trending",
        "character",
        "animal",
        "prop",
        "clothing",
        "scene",
        "effect",
        "other",
    ]
    assert [str(status) for status in TaskStatus] == ["submitted", "processing", "succeeded", "failed", "unknown"]
