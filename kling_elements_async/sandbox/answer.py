"""An answer as it goes over the wire: status, body, headers. Knows no gateway and no socket."""

import json
from typing import Any, Self

from attrs import frozen


@frozen
class Answer:
    """What a gateway sends back for one request."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Self:
        """Build an answer in JSON."""
        return cls(status, json.dumps(value).encode(), (("Content-Type", "application/json"),))

    @classmethod
    def html(cls, status: int = 404) -> Self:
        """Build the page of a CDN that stands before a gateway."""
        page = f"<!DOCTYPE html><html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
        return cls(status, page.encode(), (("Content-Type", "text/html; charset=utf-8"),))
