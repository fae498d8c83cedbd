"""The width and height of a picture, from its first bytes."""

import struct
from typing import BinaryIO

import imagesize


def dimensions_of(file: BinaryIO) -> tuple[int, int]:
    """Return width and height in pixels, or (-1, -1) where the file is damaged."""
    try:
        width, height = imagesize.get(file)
    except (ValueError, struct.error, OSError, OverflowError):
        return -1, -1
    return int(width), int(height)
