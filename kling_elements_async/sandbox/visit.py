"""One request as a dialect sees it: the call, and what it needs. No socket behind it."""

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from .body import Body

Call = Literal["create", "get", "list", "presets", "delete"]


@frozen
class Visit:
    """A request whose route is known and whose body is read."""

    call: Call
    identity: str = ""
    query: Mapping[str, str] = field(factory=dict)
    body: Body = field(factory=Body)
    failure: str = ""
    """A scripted reason for which the task that this request creates will fail."""
