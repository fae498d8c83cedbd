"""Checks of local pictures, before anything is sent.

Law: reads files, and never a link. Source of the limits: Kling's page "Create element": JPEG or PNG, at most
10 MB, each side at least 300 px, ratio 1:2.5 to 2.5:1; a ``data:`` prefix is refused.
"""

import base64
import binascii
import io
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from attrs import evolve

from . import optional
from .models import ElementSpec, Images, ImageSource

MOST_BYTES = 10 * 1024 * 1024
LEAST_PIXELS = 300
WIDEST_RATIO = 2.5
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


def is_link(source: ImageSource) -> bool:
    """Whether an image is given by its URL."""
    return isinstance(source, str) and source[:8].lower().startswith(("http://", "https://"))


def decoded(spec: ElementSpec) -> ElementSpec:
    """Return the spec with ``data:`` URIs and Base64 text as the bytes that they stand for.

    Text that is no Base64 stays as it is, for ``picture_problems`` to name.
    """
    if not isinstance(spec.reference, Images):
        return spec
    frontal, *others = map(_decoded, (spec.reference.frontal, *spec.reference.others))
    return evolve(spec, reference=Images(frontal, others))


def _decoded(source: ImageSource) -> ImageSource:
    if not isinstance(source, str) or is_link(source):
        return source
    text = source.partition(",")[2] if source[:5].lower() == "data:" else source
    try:
        return base64.b64decode("".join(text.split()), validate=True) or source
    except (binascii.Error, ValueError):
        return source


def link_problem(url: str) -> str | None:
    """Say what is wrong with an ``http(s)`` URL, or None."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and url.isprintable() and " " not in url
    except ValueError:
        good = False
    return None if good else "is no http(s) URL"


def picture_problems(source: ImageSource) -> Iterator[str]:
    """Say everything that is wrong with one image; a link is looked at, not fetched."""
    if is_link(source):
        if problem := link_problem(str(source)):
            yield problem
    elif isinstance(source, str):
        yield "is neither an http(s) URL nor Base64 text; for a file, pass a Path"
    elif isinstance(source, bytes):
        yield from _content_problems(io.BytesIO(source), len(source))
    else:
        yield from _file_problems(source)


def _file_problems(path: Path) -> Iterator[str]:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            yield f"{path} is not a file"
            return
        with path.open("rb") as file:
            yield from (f"{path} {problem}" for problem in _content_problems(file, found.st_size))
    except OSError as error:
        yield f"{path} can't be read: {error.strerror or error}"
    except ValueError:
        yield "is a path with a character that no path has"


def _content_problems(file: BinaryIO, size: int) -> Iterator[str]:
    if size > MOST_BYTES:
        yield f"has {size:,} bytes; at most {MOST_BYTES:,} are allowed"
    if not file.read(8).startswith(_MAGIC):
        yield "is neither JPEG nor PNG"
        return
    file.seek(0)
    width, height = optional.load("dimensions").dimensions_of(file)
    if width <= 0 or height <= 0:
        yield "has no size that can be read; the file is damaged"
        return
    if min(width, height) < LEAST_PIXELS:
        yield f"is {width} x {height} px; each side must have at least {LEAST_PIXELS}"
    if max(width, height) > WIDEST_RATIO * min(width, height):
        yield f"is {width} x {height} px; the ratio must lie between 1:2.5 and 2.5:1"
