"""Who is next, and how many requests are in flight at once.

Law: first come, first served, but a look at an unfinished task lets every other call go before it: a poll can
wait, a caller is waiting. Pure but for the futures of those who queue.
"""

import asyncio
import math
from collections import deque
from itertools import islice


class Line:
    """Those who wait for something, each with a future that is done when it is given to them."""

    def __init__(self) -> None:
        self._queues: tuple[deque[asyncio.Future[None]], ...] = (deque(), deque())

    def join(self, *, patient: bool) -> "asyncio.Future[None]":
        """Wait behind the others; whoever gives it up cancels the future."""
        turn = asyncio.get_running_loop().create_future()
        self._queues[patient].append(turn)
        return turn

    def waiting(self, most: int) -> int:
        """Return how many wait, or ``most`` if there are more."""
        those = (turn for queue in self._queues for turn in queue if not turn.done())
        return sum(1 for _ in islice(those, most))

    def let_one_go(self) -> bool:
        """Give it to the next one, and say whether there was any."""
        for queue in self._queues:
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return True
        return False


class Pool:
    """So many places; ``most`` 0 is no limit, ``taken`` says how many are not free."""

    def __init__(self, most: int) -> None:
        self.taken: int = 0
        self._most: float = most or math.inf
        self._line = Line()

    def take_now(self) -> bool:
        """Take a place if one is free, and say whether it was."""
        if self.taken >= self._most:
            return False
        self.taken += 1
        return True

    def queue(self, *, patient: bool) -> "asyncio.Future[None]":
        """Return a future that is done when a place is taken for it."""
        return self._line.join(patient=patient)

    def leave(self, turn: "asyncio.Future[None]") -> None:
        """Give up a place in the queue, or the place that was given just now."""
        if turn.done() and not turn.cancelled():
            self.give_back()
        turn.cancel()

    def give_back(self) -> None:
        """Free a place, for whoever has waited longest."""
        if not self._line.let_one_go():
            self.taken -= 1
