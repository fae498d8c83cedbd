"""What is refused at once, and what fails later."""

import hashlib

import pytest
from tables import mostly_slow

from kling_elements_async.sandbox.body import LONG, Sieve

from .caller import CUSTOM, images, png, raw, video

LINK = "https://example.com/a.png"


@pytest.mark.parametrize(
    "changes",
    [
        {"element_name": None},
        {"element_name": ""},
        {"element_name": "x" * 21},
        {"element_name": "x" * (LONG + 1)},
        {"element_name": 7},
        {"element_description": "x" * 101},
        {"element_description": None},
        {"reference_type": "picture"},
        {"reference_type": None},
        {"element_image_list": None},
        {"element_image_list": [LINK]},
        {"element_image_list": {"frontal_image": LINK}},
        {"element_image_list": images(None, LINK)},
        {"element_image_list": images(LINK)},
        {"element_image_list": images(LINK, *[LINK] * 4)},
        {"element_image_list": {"frontal_image": LINK, "refer_images": [LINK]}},
        {"element_image_list": images("data:image/png;base64," + raw(png()), LINK)},
        {"element_image_list": images("data:image/png;base64," + raw(png(size=LONG)), LINK)},
        {"element_image_list": images("front.png", LINK)},
        {"element_image_list": images("abc", LINK)},
        {"element_image_list": images(LINK, raw(png())[:-5] + "*" + raw(png())[-4:])},
        {"element_image_list": images(LINK, raw(png(size=LONG))[:-5] + "*" + raw(png())[-4:])},
        {"element_image_list": images(raw(b"x") + raw(png()), LINK)},
        video(),
        video("https://example.com/a.mp4", "https://example.com/b.mp4"),
        video("AAAA"),
        {"tag_list": [{"tag_id": "o_109"}]},
        {"tag_list": [{"tag_id": ["o_102"]}]},
        {"tag_list": [{"id": "o_102"}]},
        {"tag_list": "o_102"},
        {"external_task_id": "a/b"},
        {"external_task_id": "a b"},
        {"external_task_id": "ü"},
        {"external_task_id": 7},
    ],
)
async def test_a_create_that_breaks_a_rule_makes_nothing(caller, sandbox, changes):
    """1201 under 400, at once."""
    assert (await caller.create(**changes)).refusal == (400, 1201)
    assert sandbox.account("ezmodel").creates == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"element_name": "a', b"[" * 100_000, b"\xff", b"null"])
async def test_a_body_that_is_no_object_is_refused(caller, body):
    """1200, and the server lives on."""
    assert (await caller.ask("POST", CUSTOM, data=body)).refusal == (400, 1200)


async def test_limits_are_reached_and_not_broken(caller):
    """20 and 100 characters (not bytes), three pictures, several tags."""
    await caller.created(
        element_name="人" * 20,
        element_description="物" * 100,
        element_image_list=images(LINK, LINK, LINK, LINK),
        tag_list=[{"tag_id": "o_101"}, {"tag_id": "o_108"}],
    )


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (png(299, 300), "Image pixel is invalid"),
        (png(300, 299, LONG), "Image pixel is invalid"),
        (b"no picture", "Image pixel is invalid"),
        (png(300, 751), "The resolution or aspect ratio of the input image is invalid"),
    ],
)
async def test_a_picture_of_wrong_sides_fails_as_a_task(caller, clock, picture, reason):
    """The create is accepted."""
    task_id = await caller.created(element_image_list=images(LINK, raw(picture)))
    clock.now += 10
    assert (await caller.get(task_id)).data["task_status_msg"] == reason


async def test_a_photo_whose_sides_stand_far_behind_is_let_through(caller, clock):
    """Its head is not kept as far as that, and a guess would be wrong."""
    photo = b"\xff\xd8" + (b"\xff\xe2\xff\xff" + bytes(65533)) * 3
    task_id = await caller.created(element_image_list=images(LINK, raw(photo)))
    clock.now += 10
    assert (await caller.get(task_id)).data["task_status"] == "succeed"


@pytest.mark.parametrize("size", [0, 1, LONG, 3 * 1024 * 1024])
async def test_a_picture_arrives_whole_and_only_its_measures_are_kept(caller, sandbox, clock, size):
    """Size, sides, digest; and a link to it, made up."""
    picture = png(640, 480, size)
    task_id = await caller.created(element_image_list=images(raw(picture), LINK))
    kept = sandbox.account("ezmodel").tasks[task_id].order.frontal
    assert (kept.size, kept.width, kept.height) == (len(picture), 640, 480)
    assert kept.sha256 == hashlib.sha256(picture).hexdigest()
    clock.now += 10
    assert (await caller.element(task_id))["element_image_list"]["frontal_image"] == kept.url
    assert ".example.com/" in kept.url


async def test_a_picture_over_10_mb_is_refused(caller):
    """10 MB of bytes, not of Base64."""
    picture = raw(png(size=10 * 1024 * 1024))
    assert (await caller.create(element_image_list=images(picture, LINK))).refusal == (400, 1201)


async def test_a_body_over_64_mib_is_cut_off_by_the_front_server(caller, sandbox):
    """Its page says 413, and no JSON does."""

    async def endless():
        for _ in range(65):
            yield b" " * 1024 * 1024

    said = await caller.ask("POST", CUSTOM, data=endless())
    assert said.status == 413
    assert said.body.startswith(b"<!DOCTYPE html>")
    assert sandbox.account("ezmodel").creates == 0


@pytest.mark.parametrize("step", mostly_slow([1, 2, 3, 7, 1000], 3, 1000))
def test_a_body_may_be_cut_anywhere_on_its_way(step):
    """Quotes, escapes and Base64 with escaped slashes come through."""
    picture = png(size=LONG) + b"\xff" * 999
    text = raw(picture).replace("/", "\\/")
    body = b'{"a\\"\\\\": "x\\u00e9\\n\\\\", "picture": "%s", "z": ["", "\\""]}' % text.encode()
    sieve = Sieve()
    for at in range(0, len(body), step):
        sieve.feed(body[at : at + step])
    value = sieve.body().value
    (mark,) = sieve.body().meters
    assert value == {'a"\\': "xé\n\\", "picture": mark, "z": ["", '"']}
    assert sieve.body().meters[mark].picture().sha256 == hashlib.sha256(picture).hexdigest()
    assert len(mark) > 100
