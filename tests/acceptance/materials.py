"""Specs and pictures that the tests send."""

import struct
import zlib
from pathlib import Path
from typing import Any

from kling_elements_async import ElementSpec, Images, Tag, Video
from kling_elements_async.gateways import AnyFast, EvoLink, EzModel, Kkiai, Kling

GATEWAYS: dict[str, Any] = {
    "kling": Kling,
    "ezmodel": EzModel,
    "kkiai": Kkiai,
    "anyfast": AnyFast,
    "evolink": EvoLink,
}
NATIVE = ("kling", "ezmodel", "kkiai")
BLIND = ("anyfast", "evolink")  # no external ids, no lists
FRONT, SIDE = "https://example.com/front.png", "https://example.com/side.png"
MOVIE = "https://example.com/walk.mp4"
SAMPLES = Path(__file__).parents[3] / "shared" / "samples"


def links(others: int = 1) -> Images:
    return Images(frontal=FRONT, others=[SIDE.replace("side", f"side{number}") for number in range(others)])


def a_spec(gateway: str = "ezmodel", **changes: Any) -> ElementSpec:
    """A spec that the gateway can carry."""
    fields = {
        "name": "my-character",
        "description": "A protagonist for my video series",
        "reference": links(),
        "tags": () if gateway == "evolink" else [Tag.CHARACTER],
    }
    return ElementSpec(**(fields | changes))


def a_video_spec(**changes: Any) -> ElementSpec:
    return a_spec(**({"reference": Video(MOVIE), "tags": ()} | changes))


def png(width: int = 320, height: int = 320, padding: int = 0) -> bytes:
    """A grey picture, whole and valid; `padding` bytes of text make it as heavy as one likes."""
    rows = b"".join(b"\x00" + b"\x80" * width for _ in range(height))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))]
    chunks += [(b"tEXt", b"Comment\x00" + b"x" * padding)] if padding else []
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def jpeg(width: int = 320, height: int = 320) -> bytes:
    """The markers that carry a format and a size, and no picture."""
    start = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    frame = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00"
    return start + frame + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x80" * 64 + b"\xff\xd9"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
