"""How many requests are in flight at once.

Law: first come, first served, but a look at an unfinished task lets every other call go before it: a poll can
wait, a caller is waiting. Pure but for the futures of those who queue.
"""

import asyncio
import math
from collections import deque


class Pool:
    """So many places; ``most`` 0 is no limit, ``taken`` says how many are not free."""

    def __init__(self, most: int) -> None:
        self.taken: int = 0
        self._most: float = most or math.inf
        self._queues: tuple[deque[asyncio.Future[None]], ...] = (deque(), deque())

    def take_now(self) -> bool:
        """Take a place if one is free, and say whether it was."""
        if self.taken >= self._most:
            return False
        self.taken += 1
        return True

    def queue(self, *, patient: bool) -> "asyncio.Future[None]":
        """Return a future that is done when a place is taken for it."""
        turn = asyncio.get_running_loop().create_future()
        self._queues[patient].append(turn)
        return turn

    def leave(self, turn: "asyncio.Future[None]") -> None:
        """Give up a place in the queue, or the place that was given just now."""
        if turn.done() and not turn.cancelled():
            self.give_back()
        turn.cancel()

    def give_back(self) -> None:
        """Free a place, for whoever has waited longest."""
        for queue in self._queues:
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self.taken -= 1
