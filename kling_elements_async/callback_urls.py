"""Where a gateway is asked to call back: checked before it is sent, since a wrong address shows only in silence.

Law: judges the text as it is, and resolves no name. Parsers drop and translate: a tab vanishes in one, and
``0x7f.1`` is a name to one and this machine to another; so what two parsers could read in two ways is refused.
Source of the strict rules: evolink's page of the model kling-custom-element.
"""

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from .wire import LOOPBACK

LONGEST_URL = 2048
_LONGEST_NAME = 253
_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".localdomain", ".lan", ".home.arpa")
# A user is complained of separately. What stands around brackets is read by some parsers and dropped by others.
_AUTHORITY = re.compile(r"(.*@)?(\[[0-9A-Fa-f:.]+]|[^][@:]+)(:[0-9]*)?")
# In ASCII only: parsers turn full-width digits and dots into plain ones, and so a name into an address.
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# All IPv6 that is routed in public. What stands for IPv4 (mapped, compatible, NAT64) lies outside of it, but for
# 6to4 and Teredo; the last is for documents, which Python 3.11 does not know.
_PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_IPV6 = [ipaddress.IPv6Network(each) for each in ("2002::/16", "2001::/32", "3fff::/20")]


def callback_url_problems(url: str, *, public_only: bool, base_url: str) -> Iterator[str]:
    """Say everything that is wrong with a callback URL.

    Everywhere it is ``http(s)``, without a user or a control character. ``public_only`` asks for more: HTTPS on
    port 443, at most 2,048 characters, no fragment, and a host that can be public. This machine is fine where
    the gateway is on it too, as a sandbox is.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    is_readable = url.isprintable() and " " not in url and "\\" not in url
    if not (host and is_readable and parts.scheme in ("http", "https") and _AUTHORITY.fullmatch(parts.netloc)):
        yield "is no http(s) URL"
        return
    if "@" in parts.netloc:
        yield "holds a user or a password: leave it out"
    if public_only and not (host in LOOPBACK and urlsplit(base_url).hostname in LOOPBACK):
        yield from _what_is_not_public(url, parts, host, port)


def _what_is_not_public(url: str, parts: SplitResult, host: str, port: int | None) -> Iterator[str]:
    if parts.scheme != "https":
        yield "must be https"
    if len(url) > LONGEST_URL:
        yield f"has {len(url):,} characters; at most {LONGEST_URL:,} are allowed"
    if "#" in url:
        yield "has a fragment (#), which is never sent"
    if port not in (None, 443):
        yield f"names port {port}; only 443 is called"
    if not parts.netloc.isascii() or not _can_be_public(host):
        yield f"names {host[:80]}, which is no public address"


def _can_be_public(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _is_public_name(host.removesuffix("."))
    if isinstance(address, ipaddress.IPv6Address):
        is_routed = address in _PUBLIC_IPV6 and not any(address in network for network in _NOT_PUBLIC_IPV6)
        return is_routed and address.is_global
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _is_public_name(name: str) -> bool:
    labels = name.split(".")
    if len(labels) < 2 or len(name) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, labels)):
        return False
    # Resolvers take 2130706433 and 0177.0.0.1 for addresses.
    return not _NUMBER.fullmatch(labels[-1]) and not name.endswith(_PRIVATE_NAMES)
