"""One look at a host without a key: whether it answers, and what time it is there.

Law: a plain GET, bounded in time; follows no redirect, keeps no cookie, takes no proxy, reads no body.
"""

import time
from email.utils import parsedate_to_datetime

import aiohttp
from attrs import frozen

from ..transport import system_text
from ..wire import readable

_SECONDS = 10.0
_HEADERS = {"Cache-Control": "no-cache", "User-Agent": "kling-elements doctor"}


@frozen
class Glimpse:
    """What was seen: the status, and by how much this machine's clock is ahead, give or take ``blur`` seconds."""

    status: int
    seconds: float
    ahead: float | None
    blur: float = 0.0


class UnreachableError(Exception):
    """The host did not answer; the text says why. ``by_name`` is True where it could not even be found."""

    def __init__(self, why: str, *, by_name: bool = False) -> None:
        self.by_name = by_name
        super().__init__(why)


async def glimpse(url: str) -> Glimpse:
    """Look at a host.

    Raises:
        UnreachableError: no answer within 10 s.

    """
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    try:
        async with aiohttp.ClientSession(
            timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        ) as http:
            sent_at, began = time.time(), time.monotonic()
            async with http.get(url, headers=_HEADERS, allow_redirects=False) as answer:
                seconds = time.monotonic() - began
                ahead = _ahead(answer.headers.get("Date"), answer.headers.get("Age"), sent_at + seconds / 2)
                return Glimpse(answer.status, seconds, ahead, 0.5 + seconds / 2)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise UnreachableError(_why(error), by_name=isinstance(error, aiohttp.ClientConnectorDNSError)) from None


def _ahead(date: str | None, age: str | None, here: float) -> float | None:
    """Compare with the Date of an answer, which is cut to the second; a cache's answer is ``Age`` seconds old."""
    try:
        there = parsedate_to_datetime(date or "").timestamp() + 0.5
    except (TypeError, ValueError, OverflowError):
        return None
    waited = int(age[:9]) if age and age.isascii() and age.isdigit() else 0
    return here - there - waited


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing within {_SECONDS:.0f} s"
    return readable(system_text(error) or str(error) or type(error).__name__, 120)
