"""Checks of local pictures and of links: each limit, and no exception whatever the bytes are."""

import base64
import os

import pytest
from hypothesis import strategies as st
from tables import few_and_many

from kling_elements_async import ElementSpec, Images, Video
from kling_elements_async.pictures import MOST_BYTES, decoded, is_link, picture_problems

from .pictures import JPEG_MAGIC, PNG_MAGIC, jpeg, png

GOOD = {
    "a PNG": png(),
    "a JPEG": jpeg(),
    "the smallest": png(300, 300),
    "the widest": png(750, 300),
    "the tallest": jpeg(300, 750),
    "10 MB": png(size=MOST_BYTES),
}
BAD = {
    "too small": (png(299, 300), ["299 x 300 px"]),
    "too wide": (png(751, 300), ["751 x 300 px; the ratio"]),
    "too tall": (jpeg(300, 751), ["300 x 751 px; the ratio"]),
    "small and wide": (png(800, 100), ["800 x 100 px; each side", "800 x 100 px; the ratio"]),
    "too heavy": (png(size=MOST_BYTES + 1), ["10,485,761 bytes; at most 10,485,760"]),
    "heavy and small": (png(10, 10, MOST_BYTES + 1), ["10,485,761 bytes", "10 x 10 px"]),
    "empty": (b"", ["neither JPEG nor PNG"]),
    "a GIF": (b"GIF89a" + b"\0" * 20, ["neither JPEG nor PNG"]),
    "a WebP": (b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 20, ["neither JPEG nor PNG"]),
    "a text": (b"<svg width='400' height='400'></svg>", ["neither JPEG nor PNG"]),
    "an odd PNG": (PNG_MAGIC[:4] + b"\0" * 40, ["neither JPEG nor PNG"]),
    "a cut PNG": (png()[:18], ["damaged"]),
    "only a magic": (PNG_MAGIC, ["damaged"]),
    "a PNG of no size": (png(0, 0), ["damaged"]),
    "a cut JPEG": (jpeg()[:24], ["damaged"]),
    "a JPEG of no size": (jpeg(0, 0), ["damaged"]),
    "a JPEG that ends": (b"\xff\xd8\xff\xd9", ["damaged"]),
}


def fits(problems, parts):
    return len(problems) == len(parts) and all(
        part in problem for part, problem in zip(parts, problems, strict=True)
    )


@pytest.mark.parametrize("as_file", [False, True], ids=["bytes", "a file"])
@pytest.mark.parametrize("content", list(GOOD.values()), ids=list(GOOD))
def test_a_picture_within_the_limits(tmp_path, content, as_file):
    """Nothing is wrong with it, as bytes or as a file of any name."""
    path = tmp_path / "no-ending"
    path.write_bytes(content)
    assert list(picture_problems(path if as_file else content)) == []


@pytest.mark.parametrize("as_file", [False, True], ids=["bytes", "a file"])
@pytest.mark.parametrize(("content", "parts"), list(BAD.values()), ids=list(BAD))
def test_a_picture_that_breaks_a_limit(tmp_path, content, parts, as_file):
    """All that is wrong is named, with the numbers; of a file with its path, whatever its ending says."""
    path = tmp_path / "front.png"
    path.write_bytes(content)
    problems = list(picture_problems(path if as_file else content))
    assert fits(problems, parts), problems
    assert all(problem.startswith(str(path)) for problem in problems if as_file)


def test_files_that_are_none(tmp_path):
    """A missing file, a directory, a FIFO, a dead link and a path that can't be one are problems, and block nobody."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dead").symlink_to(tmp_path / "gone")
    for path, part in (
        (tmp_path / "gone.png", "No such file"),
        (tmp_path, "is not a file"),
        (tmp_path / "fifo", "is not a file"),
        (tmp_path / "dead", "No such file"),
        (tmp_path / "a\0b", "a character that no path has"),
        (tmp_path / ("x" * 300), "name too long"),
    ):
        assert fits(list(picture_problems(path)), [part]), path


@few_and_many(
    100,
    400,
    st.sampled_from(
        [PNG_MAGIC, JPEG_MAGIC, jpeg()[:20], png()[:16], b"", b"RIFF", b"\xff\xd8\xff\xe1\x00\x20Exif\0\0MM"]
    ),
    st.binary(max_size=120),
)
def test_any_bytes(start, rest):
    """Bytes after any magic make problems or none, never an exception."""
    assert all(isinstance(problem, str) for problem in picture_problems(start + rest))


@pytest.mark.parametrize(
    "url", ["https://example.com/f.png", "HTTP://example.com/f?x=1", "https://example.com:8/é"]
)
def test_a_link(url):
    """A link is looked at and not fetched."""
    assert (is_link(url), list(picture_problems(url))) == (True, [])


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "http:///f.png",
        "https://exa mple.com/f",
        "https://a.b/\nf",
        "https://[::1/f",
        "https://a.b/\x7f",
    ],
)
def test_a_link_that_is_none(url):
    """It begins like a link, and leads nowhere."""
    assert list(picture_problems(url)) == ["is no http(s) URL"]


@pytest.mark.parametrize(
    "text",
    [
        "front.png",
        "/etc/passwd",
        "ftp://example.com/f.png",
        "",
        "not base64!",
        "data:image/png;base64,",
        "data:,x",
    ],
)
def test_a_text_that_is_no_picture(text):
    """A string is never taken for a file; the problem says to pass a Path."""
    (source,) = {decoded(ElementSpec("a", "b", Images(text, [text]))).reference.frontal}
    problems = list(picture_problems(source))
    assert len(problems) == 1
    assert "Path" in problems[0] or "JPEG" in problems[0]


ENCODED = base64.b64encode(png()).decode()


@pytest.mark.parametrize(
    "text",
    [
        ENCODED,
        f"data:image/png;base64,{ENCODED}",
        f"DATA:image/png;base64,{ENCODED}",
        "\n".join(ENCODED[i : i + 20] for i in range(0, len(ENCODED), 20)) + "\n",
    ],
    ids=["Base64", "a data: URI", "in capitals", "in lines"],
)
def test_base64_text(text):
    """It becomes the bytes that it stands for: a prefix is refused by the gateway, and lines are no Base64 there."""
    reference = decoded(ElementSpec("a", "b", Images(text, ["https://a.b/c", text]))).reference
    assert (reference.frontal, reference.others) == (png(), ("https://a.b/c", png()))


def test_a_video_is_left_as_it_is():
    """There is nothing to decode in a link."""
    spec = ElementSpec("a", "b", Video("https://a.b/c.mp4"))
    assert decoded(spec) is spec
