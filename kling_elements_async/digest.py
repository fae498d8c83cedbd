"""What a spec is, as a short text: the same for the same content, in every process.

Law: reads the files of pictures, so it does not belong on the event loop.
"""

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

from .models import ElementSpec, Images, ImageSource
from .pictures import MOST_BYTES, decoded, is_link


def digest_of(spec: ElementSpec) -> str:
    """Return 40 hexadecimal digits of SHA-256 over everything that makes the element.

    A picture counts by its content, not by where it lies; a callback URL and the caller's own id do not count.

    Raises:
        OSError, ValueError: a picture's file can't be read, or is none.

    """
    spec = decoded(spec)
    if isinstance(spec.reference, Images):
        reference: Any = [_content(image) for image in (spec.reference.frontal, *spec.reference.others)]
    else:
        reference = spec.reference.url
    content = [spec.name, spec.description, spec.reference_type, reference, spec.voice_id, sorted(spec.tags)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:40]


def _content(image: ImageSource) -> str:
    if isinstance(image, Path):
        found = image.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            raise ValueError(f"{image} is no picture file")
        with image.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if isinstance(image, bytes):
        return hashlib.sha256(image).hexdigest()
    return image if is_link(image) else hashlib.sha256(image.encode()).hexdigest()
