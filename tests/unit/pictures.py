"""Tiny pictures: only the bytes that carry a format and a size."""

import struct
import zlib

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC = b"\xff\xd8\xff"


def png(width: int = 320, height: int = 320, size: int = 0) -> bytes:
    """A PNG up to its first chunk, filled up to `size` bytes."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    made = PNG_MAGIC + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return made.ljust(size, b"\0")


def jpeg(width: int = 320, height: int = 320) -> bytes:
    """A JPEG up to its frame header."""
    start = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    return start + b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00\xff\xd9"
