"""A streamed body: known size, the same each time, and in pieces that let others work."""

import asyncio
import base64
import json
import os
from pathlib import Path

import pytest
from hypothesis import strategies as st
from tables import few_and_many

from kling_elements_async.body import Body, FileChangedError

PIECE = 48 * 1024  # of a picture, before Base64
SIZES = [0, 1, 2, 3, 4, 5, 6, 7, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 2, 3 * PIECE - 2]
NEIGHBOURS = {"name": 'a "quoted"\n\u2028 é😀\\', "empty": "", "nothing": None, "number": 856528387816046601}


def decoded(content):
    return base64.b64decode(content, validate=True)


async def streamed(body):
    return [piece async for piece in body.upload()]


@pytest.mark.parametrize("size", SIZES)
def test_a_picture_of_any_size(tmp_path, size):
    """Bytes and a file are sent as the same raw Base64, under the exact length, between neighbours as they are."""
    content = os.urandom(size)
    path = tmp_path / "front.png"
    path.write_bytes(content)
    body = Body(NEIGHBOURS | {"images": [{"a": content}, {"b": path}]})
    pieces = list(body.pieces())
    whole = b"".join(pieces)
    found = json.loads(whole)
    assert len(whole) == body.size
    assert max(map(len, pieces)) <= 96 * 1024
    assert [decoded(found["images"][0]["a"]), decoded(found["images"][1]["b"])] == [content, content]
    assert {name: found[name] for name in NEIGHBOURS} == NEIGHBOURS


async def test_each_reading_is_the_same(tmp_path):
    """A retry sends what was sent before, byte for byte, also two at once."""
    path = tmp_path / "front.png"
    path.write_bytes(os.urandom(100_000))
    body = Body({"a": path, "b": b"x" * 100, "c": path})
    first, second = await asyncio.gather(streamed(body), streamed(body))
    assert first == second == list(body.pieces())


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.sampled_from('a"\\\n\0é😀 {}[],:'), max_size=9)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)


def plain(value):
    """What the gateway is to receive."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@few_and_many(40, 150, st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4))
def test_any_json_with_pictures_in_it(value):
    """The pieces together are the JSON, with each picture as its Base64, and as long as promised."""
    body = Body(value)
    whole = b"".join(body.pieces())
    assert (json.loads(whole), len(whole)) == (plain(value), body.size)


def test_a_body_without_pictures():
    """It is one piece."""
    assert list(Body({"element_id": "1"}).pieces()) == [b'{"element_id": "1"}']


def change(path):
    path.write_bytes(b"y" * 200_001)


def swap(path):
    other = path.with_name("other")
    other.write_bytes(b"y" * 200_000)
    stat = path.stat()
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(path)


def cut(path):
    path.write_bytes(b"y")


def remove(path):
    path.unlink()


def touch(path):
    os.utime(path, ns=(1, 1))


def forbid(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("act", [change, swap, cut, remove, touch, forbid])
async def test_a_file_that_changed_before_it_was_sent(tmp_path, act):
    """It is noticed before a byte of it leaves, and said in our words; no library's error hangs on it."""
    path = tmp_path / "front.png"
    path.write_bytes(b"x" * 200_000)
    upload = Body({"a": path}).upload()
    act(path)
    with pytest.raises(FileChangedError) as info:
        _ = [piece async for piece in upload]
    assert str(path) in upload.fault
    assert (info.value.__cause__, info.value.__context__) == (None, None)


async def test_a_file_that_is_cut_while_it_is_sent(tmp_path):
    """The rest that is missing is noticed: a body is never shorter than promised."""
    path = tmp_path / "front.png"
    path.write_bytes(b"x" * 500_000)
    upload = Body({"a": path}).upload()
    stream = aiter(upload)
    assert [len(await anext(stream)) for _ in range(2)] == [7, 64 * 1024]
    os.truncate(path, 1000)
    with pytest.raises(FileChangedError, match="was cut"):
        await anext(stream)
    assert (upload.started, "was cut" in upload.fault) == (True, True)


def test_a_file_that_is_gone(tmp_path):
    """Without the file there is no body at all."""
    with pytest.raises(FileNotFoundError):
        Body({"a": tmp_path / "gone.png"})


async def test_an_upload_gives_way_to_the_loop():
    """Somebody else gets a turn after each piece."""
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    pieces = await streamed(Body({"a": b"x" * 20 * PIECE}))
    task.cancel()
    assert turns >= len(pieces) >= 20


async def test_an_upload_that_is_left_early(tmp_path):
    """It has begun with its first piece, and its file is closed when it is left."""
    path = tmp_path / "front.png"
    path.write_bytes(b"x" * 500_000)
    upload = Body({"a": path}).upload()
    assert (upload.started, upload.fault) == (False, None)
    stream = aiter(upload)
    for _ in range(3):
        await anext(stream)
    upload.close()
    assert (upload.started, upload.fault) == (True, None)
    assert str(path) not in open_files()


def open_files():
    return [os.path.realpath(entry) for entry in Path("/proc/self/fd").iterdir()]


def test_a_body_does_not_show_its_pictures():
    """Neither it nor what it is made of shows in a repr."""
    body = Body({"a": b"secret picture"})
    assert "secret" not in repr(body) + repr(body.upload()) + repr(body._pictures)
