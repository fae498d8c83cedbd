"""Someone who takes callbacks in place of a session."""

from collections.abc import Mapping
from typing import Any

from attrs import define, field


@define
class Recorder:
    """Keeps what it is handed, or raises `error`."""

    taken: list[tuple[Mapping[str, str], bytes]] = field(factory=list)
    error: Any = None

    async def deliver_callback(self, headers: Mapping[str, str], body: bytes) -> None:
        if self.error:
            raise self.error
        self.taken.append((headers, body))
