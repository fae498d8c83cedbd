"""The rate of calls that a gateway takes, as its refusals (429) have shown it.

Law: pure but for the clock, and nothing until most of what was on its way together was refused. From then on calls
take turns, in the order in which they came; a look at an unfinished task has its turn after every other call.
"""

import math
from collections import deque
from heapq import heappop, heappush

from .clock import Clock

# Fewer answers in a second are no rate that a gateway would refuse, and fewer refusals are a mishap.
LEAST_ANSWERS = 10
LEAST_REFUSALS = 3
# More answers a second than one process reads.
MOST_ANSWERS = 2048
# What is tried after a refusal of many, and of one; then a little more, until the next one.
AFTER_MANY = 0.95
AFTER_ONE = 0.99
GROWTH = 1.02
GROWS_EVERY = 10.0
# Seconds without a queue after which what was learned is old.
FORGOTTEN_AFTER = 60.0


class LearnedRate:
    """Hands out turns."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._most = math.inf
        self._next_call = self._next_look = -math.inf
        self._grown_at = -math.inf
        self._free: list[float] = []  # turns that were given back, the next one first
        self._answers: deque[float] = deque(maxlen=MOST_ANSWERS)  # when the last ones came
        self._before = self._passed = self._refused = 0

    def turn(self, *, patient: bool) -> float:
        """Take a turn, and return the seconds until it comes; 0 while no rate is known."""
        self._learn()
        now = self._clock.now()
        if now - self._next_look >= FORGOTTEN_AFTER:
            self._most = math.inf
            self._free.clear()
        if self._most == math.inf:
            return 0.0
        if now - self._grown_at >= GROWS_EVERY:
            self._most *= GROWTH
            self._grown_at = now
        turn = max(now, self._next_look if patient else self._next_call)
        while self._free and self._free[0] < turn:
            if (free := heappop(self._free)) >= now:
                return free - now
        self._next_look = max(now, self._next_look) + 1 / self._most
        if not patient:
            self._next_call = turn + 1 / self._most
        return turn - now

    def give_back(self, turn: float) -> None:
        """Let another call have a turn, at this time of the clock, for which nobody waits any more."""
        heappush(self._free, turn)

    def passed(self) -> None:
        """Note an answer that was no refusal."""
        self._passed += 1
        self._answers.append(self._clock.now())

    def refused(self, *, is_first: bool) -> None:
        """Note a refusal, the ``first`` of those that were on their way together or a further one."""
        if is_first:
            self._learn()
            second_ago = self._clock.now() - 1
            self._before, self._passed = sum(at >= second_ago for at in self._answers), 0
        self._refused += 1

    def _learn(self) -> None:
        """Take what was answered in the second before for the rate, if most of what was on its way was refused."""
        if not self._refused:
            return
        refused, self._refused = self._refused, 0
        if refused >= LEAST_REFUSALS and refused > self._passed and self._before >= LEAST_ANSWERS:
            self._most = AFTER_MANY * min(self._most, self._before)
        elif self._most < math.inf:
            self._most *= AFTER_ONE
        self._free.clear()
        self._grown_at = self._next_call = self._next_look = self._clock.now()
