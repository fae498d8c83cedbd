"""A file that is written whole or not at all.

Law: the old one stays until the new one is complete; a reader never sees half, and nothing is left behind.
"""

import os
import secrets
from pathlib import Path

from .failure import UsageError


def check_place(path: Path) -> None:
    """Look, before the work begins, whether a file can stand there.

    Raises:
        UsageError: there is no such folder, or something stands there that is no file.

    """
    place = path.resolve()
    if place.exists() and not place.is_file():
        raise UsageError(f"{path} is no file: name one for --output")
    if not place.parent.is_dir():
        raise UsageError(f"{path} can't be written: there is no folder {path.parent}")
    if not os.access(place.parent, os.W_OK):
        raise UsageError(f"{path} can't be written: the folder {path.parent} is closed to you")


def write_whole(path: Path, text: str) -> None:
    """Write a file beside its place, then move it there; a symbolic link goes on leading to it.

    Raises:
        UsageError: it can't be written.

    """
    place = path.resolve()
    new = place.with_name(f".{secrets.token_hex(6)}.new")
    try:
        with new.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(place)
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}") from None
    finally:
        new.unlink(missing_ok=True)
