"""Pictures for the demo: simple animals, symmetric from the front, each in a colour of its own.

Law: valid PNG files, and nothing but the standard library to make them.
"""

import colorsys
import struct
import zlib
from pathlib import Path
from random import Random

SIDE = 300
_CELLS = 5
_INK, _PAPER = b"\x01", b"\x00"


def draw(folder: Path, number: int, of: int) -> tuple[Path, Path]:
    """Write the front and the side of an animal, ``number`` of so many, and return both files."""
    left = _left_half(number)
    colour = colorsys.hsv_to_rgb(number / of, 0.7, 0.75)
    front = [row + row[-2::-1] for row in left]
    side = [row + _PAPER * 2 for row in left]
    return _written(folder / f"{number}-front.png", front, colour), _written(
        folder / f"{number}-side.png", side, colour
    )


def _left_half(number: int) -> list[bytes]:
    chance = Random(number)  # noqa: S311 - a pattern, no secret
    return [bytes(chance.choices(_PAPER + _INK, k=3)) for _ in range(_CELLS)]


def _written(file: Path, cells: list[bytes], colour: tuple[float, float, float]) -> Path:
    file.write_bytes(_png(cells, bytes(round(255 * part) for part in colour)))
    return file


def _png(cells: list[bytes], colour: bytes) -> bytes:
    """Return a PNG with two colours of palette: paper and ink."""
    scale = SIDE // _CELLS
    rows = (b"\x00" + b"".join(bytes([cell]) * scale for cell in row) for row in cells)
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 3, 0, 0, 0)  # 8 bits a pixel, each a place in the palette
    chunks = (
        (b"IHDR", header),
        (b"PLTE", b"\xfa\xf7\xf0" + colour),
        (b"IDAT", zlib.compress(b"".join(row * scale for row in rows))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
