"""What the package stands on: little, and nothing with a known hole."""

import re
from importlib import metadata

from packaging.version import Version

REQUIRED = metadata.requires("kling-elements-async") or []
ALWAYS = [line for line in REQUIRED if "extra ==" not in line]


def test_the_floor_of_the_http_library():
    """The release that mended the last known advisories against clients, and no later major (fault 127)."""
    (aiohttp,) = [line for line in ALWAYS if line.startswith("aiohttp")]
    floor = re.search(r">=([\d.]+)", aiohttp)
    assert floor is not None
    assert Version(floor[1]) >= Version("3.14.4")
    assert "<4" in aiohttp
    assert Version(metadata.version("aiohttp")) >= Version(floor[1])


def test_nothing_that_unpacks():
    """No optional decompressor comes with it: gzip is all that is asked for (fault 127)."""
    assert not re.search(r"brotli|zstd|zstandard|aiohttp\[|isal|aiodns", " ".join(REQUIRED), re.IGNORECASE)


def test_little_is_needed():
    """Five packages."""
    names = {re.split(r"[^\w-]", line)[0] for line in ALWAYS}
    assert names == {"aiohttp", "attrs", "cattrs", "imagesize", "tenacity"}
