"""Pictures on the wire: raw Base64 of exactly the caller's bytes; what breaks a limit is not sent."""

import asyncio
import base64

import pytest
from tables import crossed, mostly_slow

from kling_elements_async import Images, InvalidElementError

from .errors import caught
from .materials import FRONT, SIDE, a_spec, jpeg, png
from .server import RESET, late

PICTURE = png()


def as_path(tmp_path):
    path = tmp_path / "front.png"
    path.write_bytes(PICTURE)
    return path


FORMS = {
    "a path": as_path,
    "bytes": lambda _: PICTURE,
    "a data URI": lambda _: "data:image/png;base64," + base64.b64encode(PICTURE).decode(),
    "Base64 text": lambda _: base64.b64encode(PICTURE).decode(),
}


@pytest.mark.parametrize(("gateway", "form"), crossed(["kling", "ezmodel", "kkiai", "anyfast"], FORMS))
async def test_a_picture_goes_as_raw_base64(server, open_session, tmp_path, gateway, form):
    """Whatever form the picture has, the wire has its Base64 without a prefix, in a body of known length."""
    picture = FORMS[form](tmp_path)
    spec = a_spec(gateway, reference=Images(frontal=picture, others=[SIDE, picture]))
    await open_session(gateway, clock=None).create_element(spec)
    (seen,) = server.calls("create")
    images = seen.body["element_image_list"]
    sent = [images["frontal_image"], images["refer_images"][1]["image_url"]]
    assert [base64.b64decode(text, validate=True) for text in sent] == [PICTURE, PICTURE]
    assert images["refer_images"][0]["image_url"] == SIDE
    assert int(seen.headers["content-length"]) == seen.size
    assert "transfer-encoding" not in seen.headers


@pytest.mark.parametrize("remainder", mostly_slow([0, 1, 2], 1))
async def test_a_heavy_picture_arrives_whole(server, open_session, tmp_path, remainder):
    """Pieces join without padding in the middle, whatever the length; 9 MiB is below the limit."""
    picture = png(padding=9 * 2**20)
    picture = png(padding=9 * 2**20 + (remainder - len(picture)) % 3)
    path = tmp_path / "heavy.png"
    path.write_bytes(picture)
    await open_session(clock=None).create_element(a_spec(reference=Images(frontal=path, others=[SIDE])))
    (seen,) = server.calls("create")
    assert base64.b64decode(seen.body["element_image_list"]["frontal_image"], validate=True) == picture


async def test_a_retry_reads_the_file_anew(server, open_session, clock, tmp_path):
    """A second POST carries the same bytes as the first."""
    server.script("create", RESET)
    spec = a_spec(reference=Images(frontal=as_path(tmp_path), others=[PICTURE]))
    task = await open_session().create_element(spec)
    first, second = server.calls("create")
    assert first.body == second.body
    assert list(server.accounts["ezmodel"].tasks) == [task.task_id]


async def test_a_jpeg_is_welcome(server, open_session):
    """The format is known by its first bytes."""
    await open_session(clock=None).create_element(
        a_spec(reference=Images(frontal=jpeg(), others=[jpeg(640, 320)]))
    )
    assert len(server.accounts["ezmodel"].tasks) == 1


BAD = {
    "too small": png(299, 320),
    "too narrow": png(300, 800),
    "too wide": png(800, 300),
    "too heavy": png(padding=10 * 2**20 + 1),
    "another format": b"GIF89a" + b"\x40\x01\x40\x01" + b"\x00" * 64,
    "no picture": b"hello",
    "nothing": b"",
    "a data URI that is not Base64": "data:image/png;base64,!!!!",
    "a small picture in a data URI": "data:image/png;base64," + base64.b64encode(png(10, 10)).decode(),
}


@pytest.mark.parametrize("what", BAD)
async def test_a_picture_that_breaks_a_limit(server, open_session, what):
    """It is refused before anything is sent, frontal or not."""
    session = open_session(clock=None)
    for images in (Images(frontal=BAD[what], others=[SIDE]), Images(frontal=FRONT, others=[SIDE, BAD[what]])):
        with caught(InvalidElementError) as info:
            await session.create_element(a_spec(reference=images))
        assert len(info.value.problems) == 1
    assert server.accepted == 0


async def test_a_file_that_is_not_there(server, open_session, tmp_path):
    """A missing file and a folder are problems of the spec, found at the create and not at the building of it."""
    spec = a_spec(reference=Images(frontal=tmp_path / "missing.png", others=[tmp_path]))
    with caught(InvalidElementError) as info:
        await open_session(clock=None).create_element(spec)
    assert len(info.value.problems) == 2
    assert server.accepted == 0


async def test_a_string_is_never_a_file(server, open_session, tmp_path):
    """The text of a path is not read; it is no link and no Base64, so it is a problem."""
    with caught(InvalidElementError):
        spec = a_spec(reference=Images(frontal=str(as_path(tmp_path)), others=[SIDE]))
        await open_session(clock=None).create_element(spec)
    assert server.accepted == 0


def test_others_as_one_string():
    """A bare string in place of a list is a mistake of types, not a list of letters."""
    with pytest.raises(TypeError):
        Images(frontal=FRONT, others=SIDE)


def test_a_picture_does_not_show_in_a_repr():
    """A repr has the size of a picture and not its bytes."""
    text = repr(a_spec(reference=Images(frontal=PICTURE, others=[base64.b64encode(PICTURE).decode()])))
    assert "IHDR" not in text
    assert base64.b64encode(PICTURE).decode()[:40] not in text
    assert len(text) < 1000


async def test_many_creates_with_files_at_once(server, open_session, tmp_path):
    """Each body is whole, although they are read and sent side by side."""
    paths = [tmp_path / f"{number}.png" for number in range(10)]
    for number, path in enumerate(paths):
        path.write_bytes(png(300 + number, 300, padding=300_000))
    session = open_session(clock=None)
    server.script("create", late(RESET))
    specs = [a_spec(name=path.stem, reference=Images(frontal=path, others=[SIDE])) for path in paths]
    await asyncio.gather(*(session.create_element(spec) for spec in specs))
    sent = {
        seen.body["element_name"]: seen.body["element_image_list"]["frontal_image"]
        for seen in server.calls("create")
    }
    assert {name: base64.b64decode(text) for name, text in sent.items()} == {p.stem: p.read_bytes() for p in paths}
