"""A picture, measured while it streams past. Its bytes are never kept: only size, sides and digest."""

import binascii
import hashlib
import struct
from io import BytesIO

import imagesize
from attrs import frozen

from .refusal import invalid

HEAD = 64 * 1024  # JPEG puts its sides behind profiles and previews
LARGEST = 10 * 1024 * 1024  # Kling's documentation: at most 10 MB


@frozen
class Picture:
    """What an account keeps of a picture; what it does not know, as with a link (none is fetched), is 0."""

    url: str
    size: int = 0
    width: int = 0
    height: int = 0
    sha256: str = ""

    @property
    def problem(self) -> str:
        """Why a task made from it fails, or an empty text. These are recorded answers."""
        if not self.width:
            return ""
        if min(self.width, self.height) < 300:
            return "Image pixel is invalid"
        if max(self.width, self.height) > 2.5 * min(self.width, self.height):
            return "The resolution or aspect ratio of the input image is invalid"
        return ""


class Meter:
    """Base64 text going in piece by piece, a `Picture` coming out."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._rest = b""
        self._head = bytearray()
        self._digest = hashlib.sha256()
        self._size = 0
        self._padded = False
        self._broken = False

    def feed(self, piece: bytes) -> None:
        """Measure the next piece; four characters make three bytes, so up to three are held back."""
        text = self._rest + piece
        whole = len(text) & ~3
        self._rest = text[whole:]
        if whole and not self._broken:
            self._decode(text[:whole])

    def _decode(self, text: bytes) -> None:
        try:
            data = binascii.a2b_base64(text, strict_mode=True)
        except binascii.Error:
            self._broken = True
            return
        self._broken = self._padded  # text after the padding
        self._padded = text.endswith(b"=")
        self._head += data[: HEAD - len(self._head)]
        self._digest.update(data)
        self._size += len(data)

    def picture(self) -> Picture:
        """Finish, or refuse what was no Base64 or too large."""
        if self._broken or self._rest or not self._size:
            raise invalid("Image base64 is invalid")
        if self._size > LARGEST:
            raise invalid("Image size can not exceed 10MB")
        digest = self._digest.hexdigest()
        width, height = sides(bytes(self._head))
        if width < 0 and self._size > HEAD and self._head.startswith(b"\xff\xd8"):
            width = height = 0  # a JPEG whose sides stand further behind
        return Picture(f"https://cdn.example.com/pictures/{digest}", self._size, width, height, digest)


def sides(data: bytes) -> tuple[int, int]:
    """Read width and height; (-1, -1) when this is no picture."""
    try:
        width, height = imagesize.get(BytesIO(data))
    except (ValueError, struct.error):  # imagesize before 2.0 raises on a broken file
        return -1, -1
    return int(width), int(height)
