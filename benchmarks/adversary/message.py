"""A request as the adversary reads it, and an answer as it spells it."""

import json
from urllib.parse import parse_qs, unquote, urlsplit

from attrs import frozen

from .truth import Value

CUSTOM = "/v1/general/advanced-custom-elements"
CALLS = {
    ("POST", CUSTOM): "create",
    ("POST", "/v1/videos/generations"): "create",
    ("GET", CUSTOM): "list",
    ("GET", "/v1/general/advanced-presets-elements"): "presets",
    ("POST", "/v1/general/delete-elements"): "delete",
    ("POST", "/v1/general/delete-advanced-elements"): "delete",
}


@frozen
class Request:
    """A request: which call it is, and for what."""

    call: str
    identity: str
    query: dict[str, list[str]]
    fields: dict[str, str]
    raw: bytes = b""

    @classmethod
    def of(cls, head: str) -> "Request":
        """Read all but the body."""
        first, *lines = head.rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ")
        fields = dict(line.split(": ", 1) for line in lines)
        parts = urlsplit(target)
        identity = unquote(parts.path.rpartition("/")[2])
        call = CALLS.get((method, parts.path), "get")
        return cls(call, identity, parse_qs(parts.query), {name.lower(): text for name, text in fields.items()})


def http(status: int, body: Value | str | bytes, *headers: str) -> bytes:
    """Spell an answer."""
    kind = "text/html" if isinstance(body, str) else "application/json"
    raw = (
        body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else json.dumps(body).encode()
    )
    lines = (f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(raw)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw
