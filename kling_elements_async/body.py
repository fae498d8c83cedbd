"""A JSON body with pictures in it, streamed.

Law: a body has a known length, can be read anew for each attempt, and is the same each time: a file that
changed meanwhile is noticed. At most one piece of a picture is in memory, and each piece gives way to the
event loop: aiohttp's writer does not, as long as the server keeps up.
"""

import asyncio
import base64
import json
import os
import uuid
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

# 48 KiB are 64 KiB as Base64. Of 100 uploads at once each sends a piece in one round of the loop, so a piece
# of 96 KiB, the most that keeps the round short, held it for 26 ms at worst.
_PIECE = 48 * 1024
# Stands for a picture in the text, and never leaves it; nobody can guess it and write it into a spec.
_MARK = uuid.uuid4().hex


class FileChangedError(Exception):
    """A picture's file is no longer what it was when the body was made."""


@frozen(eq=False, repr=False)
class _File:
    path: Path
    stamp: tuple[int, int, int]

    @classmethod
    def of(cls, path: Path) -> "_File":
        return cls(path, _stamp(path.stat()))

    @property
    def size(self) -> int:
        return self.stamp[0]

    def pieces(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                if _stamp(os.fstat(file.fileno())) != self.stamp:
                    raise FileChangedError(f"{self.path} changed after it was checked")
                left = self.size
                while left:
                    piece = file.read(min(_PIECE, left))
                    if len(piece) < min(_PIECE, left):
                        raise FileChangedError(f"{self.path} was cut while it was being sent")
                    left -= len(piece)
                    yield piece
        except OSError as error:
            reason = error.strerror or type(error).__name__
        else:
            return
        raise FileChangedError(f"{self.path} can't be read any more: {reason}")


@frozen(eq=False, repr=False)
class _Bytes:
    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)

    def pieces(self) -> Iterator[bytes]:
        for start in range(0, len(self.content), _PIECE):
            yield self.content[start : start + _PIECE]


def _stamp(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ino


class Body:
    """A JSON object, with the ``Path`` and ``bytes`` values in it as raw Base64. ``size`` is in bytes;
    ``has_left`` says whether any of it was ever sent; ``is_held`` keeps it from being sent from now on.

    Raises:
        OSError: a picture's file is gone.

    """

    def __init__(self, value: Mapping[str, Any]) -> None:
        pictures: list[_File | _Bytes] = []

        def marked(leaf: Any) -> str:
            pictures.append(_File.of(leaf) if isinstance(leaf, Path) else _Bytes(leaf))
            return _MARK

        texts = json.dumps(value, default=marked).encode().split(_MARK.encode())
        self.has_left = False
        self.is_held = False
        self._texts = texts
        self._pictures = pictures
        self.size: int = sum(map(len, texts)) + sum(-(-picture.size // 3) * 4 for picture in pictures)

    @property
    def has_pictures(self) -> bool:
        """Whether it comes in more than one piece."""
        return bool(self._pictures)

    def upload(self) -> "Upload":
        """Return the body for one attempt."""
        return Upload(self)

    def pieces(self) -> Generator[bytes, None, None]:
        """Return the body in pieces, from its start."""
        yield self._texts[0]
        for picture, text in zip(self._pictures, self._texts[1:], strict=True):
            yield from map(base64.b64encode, picture.pieces())
            yield text


@define(eq=False, repr=False)
class Upload:
    """A body on its way. ``started`` says whether any of it left; ``fault`` why it could not go on.

    An iterator, not a generator: the HTTP library leaves one where it stopped when a request is cancelled, and
    the picture would stay open until the garbage is collected. ``close`` closes it at once.
    """

    body: Body
    started: bool = False
    fault: str | None = None
    _pieces: Generator[bytes, None, None] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._pieces = self.body.pieces()

    def __aiter__(self) -> "Upload":
        return self

    async def __anext__(self) -> bytes:
        if self.started and self.body.has_pictures:
            await asyncio.sleep(0)
        try:
            piece = next(self._pieces, None)
        except FileChangedError as error:
            self.fault = str(error)
            raise
        if piece is None:
            raise StopAsyncIteration
        self.started = self.body.has_left = True
        return piece

    def close(self) -> None:
        """Close the picture that is being read."""
        self._pieces.close()
