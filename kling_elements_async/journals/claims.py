"""Who in this process works on which item.

Law: one at a time for each key; who waits is woken when it is given back.
"""

import asyncio
from collections import defaultdict

from attrs import define, field


@define
class Claims:
    """The keys that are being worked on here."""

    _taken: defaultdict[str, list["asyncio.Future[None]"]] = field(factory=lambda: defaultdict(list))

    async def take(self, key: str) -> None:
        """Wait until nobody here works on it, and make it ours."""
        while key in self._taken:
            given = asyncio.get_running_loop().create_future()
            self._taken[key].append(given)
            await given
        self._taken[key] = []

    def give(self, key: str) -> None:
        """Let go of it; nothing happens if it is not taken."""
        for waiting in self._taken.pop(key, ()):
            if not waiting.done():
                waiting.set_result(None)
