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
_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".localdomain", ".lan", ".home.arpa")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
# IPv6 that stands for an IPv4 address: 6to4, Teredo, and NAT64 (which Python 3.11 calls global).
_EMBEDDING = [ipaddress.ip_network(each) for each in ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48")]


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
    if not host or not url.isprintable() or " " in url or "\\" in url or parts.scheme not in ("http", "https"):
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
    if not _can_be_public(host):
        yield f"names {host}, which is no public address"


def _can_be_public(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _is_public_name(host.removesuffix("."))
    embeds = any(address in network for network in _EMBEDDING if network.version == address.version)
    mapped = getattr(address, "ipv4_mapped", None) is not None
    return address.is_global and not (embeds or mapped or address.is_multicast or address.is_reserved)


def _is_public_name(name: str) -> bool:
    labels = name.split(".")
    if len(labels) < 2 or not all(labels) or "%" in name:
        return False
    # Resolvers take 2130706433 and 0177.0.0.1 for addresses.
    return not _NUMBER.fullmatch(labels[-1]) and not name.endswith(_PRIVATE_NAMES)
