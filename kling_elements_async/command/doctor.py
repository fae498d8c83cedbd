"""``doctor``: what a person asks first when nothing works: versions, key, host, clock, one call, what there is.

Law: changes nothing at the gateway, tries each thing once, and never shows the key.
"""

import os
import platform
import time
from argparse import Namespace
from collections.abc import AsyncIterator
from importlib.util import find_spec
from urllib.parse import urlsplit

import aiohttp

from .. import gateways
from ..errors import ConfigurationError, ElementsError, NotFoundError
from ..near_miss import nearest
from ..retries import Retries
from ..session import ElementsSession
from ..version import __version__
from ..wire import Gateway, checked_base_url
from .failure import DONE, REFUSED, lines_of
from .finding import Finding, fine, untried, wrong
from .output import Output
from .probe import Glimpse, UnreachableError, glimpse
from .subcommand import NOTHING_CHANGED, Subcommand

_VARIABLES = ("KLING_GATEWAY", "KLING_API_KEY", "KLING_ACCESS_KEY", "KLING_SECRET_KEY", "KLING_BASE_URL")
_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_NO_ID = "kling-elements-doctor"
_SIGNED_MAY_DIFFER = 5.0  # a token is good from five seconds before it was signed
_MAY_DIFFER = 300.0  # as far apart as a signed callback may be
_CALLS = {
    "create": "create",
    "get_one": "get",
    "list_custom": "list",
    "list_presets": "presets",
    "delete": "delete",
}


async def _run(_: Namespace, output: Output) -> int:
    is_fine = True
    async with output.progress.during("looking"):
        async for finding in _findings():
            finding.tell(output)
            is_fine = is_fine and finding.is_ok is True
    return DONE if is_fine else REFUSED


async def _findings() -> AsyncIterator[Finding]:
    yield _versions()
    for name in os.environ:
        if name.startswith("KLING") and name not in _VARIABLES and (meant := nearest(name, _VARIABLES)):
            yield wrong("variable", f"{name} is not read", f"{meant} may be meant")
    try:
        kind = gateways.find(os.environ.get("KLING_GATEWAY") or "kling")
        url = checked_base_url(os.environ.get("KLING_BASE_URL") or kind.default_base_url)
    except ConfigurationError as error:
        yield wrong("gateway", " ".join(lines_of(error)))
        return
    yield fine("gateway", f"{kind.name} at {url}")
    session = _session()
    yield session if isinstance(session, Finding) else fine("key", "is set")
    async for finding in _on_the_wire(kind, url, None if isinstance(session, Finding) else session):
        yield finding
    yield _offers(kind)


def _versions() -> Finding:
    extras = [name for name, module in (("cli", "rich"), ("jwt", "jwt")) if find_spec(module)]
    own = f"kling-elements-async {__version__}" + (f" [{','.join(extras)}]" if extras else "")
    return fine("versions", f"{own}, Python {platform.python_version()}, aiohttp {aiohttp.__version__}")


def _session() -> ElementsSession | Finding:
    try:
        return ElementsSession.from_env(retries=Retries(attempts=1))
    except ConfigurationError as error:
        return wrong("key", " ".join(lines_of(error)))


async def _on_the_wire(kind: type[Gateway], url: str, session: ElementsSession | None) -> AsyncIterator[Finding]:
    host = urlsplit(url).netloc
    try:
        seen = await glimpse(url)
    except UnreachableError as error:
        yield wrong("host", f"{host} can't be reached: {error}", _way_to_the_host(error))
        yield untried("clock", "it is compared with the host's")
        yield untried("call", "the host can't be reached")
        return
    yield fine("host", f"{host} answered within {seen.seconds * 1000:.0f} ms")
    yield _clock(kind, seen)
    if session is None:
        yield untried("call", "it needs the key")
        return
    async with session:
        yield await _call(session)


def _way_to_the_host(error: UnreachableError) -> str:
    if error.by_name:
        return "check the name in KLING_BASE_URL, and the network"
    proxy = next((name for name in _PROXIES if os.environ.get(name)), None)
    return (
        f"{proxy} is set, and is not used here" if proxy else "check KLING_BASE_URL, the network and its firewall"
    )


def _clock(kind: type[Gateway], seen: Glimpse) -> Finding:
    if seen.ahead is None:
        return fine("clock", "the host sends no time to compare with")
    signs = _has(kind, "renew_authorization") and not os.environ.get("KLING_API_KEY")
    most = _SIGNED_MAY_DIFFER if signs else _MAY_DIFFER
    direction = "ahead of" if seen.ahead > 0 else "behind"
    if abs(seen.ahead) - seen.blur <= most:
        return fine(
            "clock", f"{abs(seen.ahead):.0f} s {direction} the host's" if abs(seen.ahead) > 1 else "is right"
        )
    what = "signed keys are then refused" if signs else "signed callbacks are then refused"
    says = f"{abs(seen.ahead):.0f} s {direction} the host's: {what}"
    return wrong("clock", says, "set the clock of this machine, best by NTP")


async def _call(session: ElementsSession) -> Finding:
    began = time.monotonic()
    lists = _has(type(session.gateway), "list_custom")
    try:
        if lists:
            await session.list_elements(page=1, page_size=1)
        else:
            await session.get_element(_NO_ID)
    except NotFoundError as error:
        # A page that is not there has no code: then it is the address that is wrong.
        if lists or error.code is None:
            return wrong("call", " ".join(lines_of(error)), "check KLING_BASE_URL")
    except ElementsError as error:
        return wrong("call", " ".join(lines_of(error)))
    what = "listed elements" if lists else "asked for a task that can't be"
    return fine("call", f"{what}: the key was accepted, within {(time.monotonic() - began) * 1000:.0f} ms")


def _offers(kind: type[Gateway]) -> Finding:
    calls = [word for call, word in _CALLS.items() if _has(kind, call)]
    carries = kind.carries
    extras = {
        "videos": carries.videos,
        "local pictures": carries.local_images,
        "tags": carries.tags,
        "voices": carries.voice != "none",
        "callbacks": carries.callbacks != "none",
        "external ids": carries.external_ids,
    }
    lacking = [what for what, holds in extras.items() if not holds]
    without = f"; without {', '.join(lacking)}" if lacking else ""
    return fine("offers", f"{', '.join(calls)}{without}")


def _has(kind: type[Gateway], call: str) -> bool:
    return getattr(kind, call) is not getattr(Gateway, call)


DOCTOR = Subcommand(
    "doctor", "check versions, key, host, clock and one call", "doctor", _run, when_stopped=NOTHING_CHANGED
)
