"""How much a session may ask of one gateway with one key: a gate for every call, and slots for running tasks.

Law: pure but for the clock and the futures of those who queue; sends nothing and never sleeps. One object is
shared by all coroutines of a session, so that a refusal given to one holds for all.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable

from .body import Body
from .clock import Clock
from .errors import (
    ApiError,
    AuthenticationError,
    ElementsError,
    InsufficientBalanceError,
    PermissionDeniedError,
)
from .learned_rate import LearnedRate
from .listening import SILENT, Events

FIRST_CLOSING = 1.0
LONGEST_CLOSING = 60.0
SPREAD = 0.2
FAILURES_IN_A_ROW = 5
# A probe that does not come back, because it was cancelled, holds the others up no longer than this.
PROBE = 5.0
# Who waits for a probe comes no nearer to its end by shorter steps than this, but gets past it.
_STEP = 0.05
# Seconds by which a closing that is heard of must be longer to be news.
_NEWS = 0.1
# Creates that went well, and seconds without a refusal, before more than the limit is tried again.
GROW_AFTER = 50
GROW_AFTER_SECONDS = 90.0
# The share of the limit that is tried more, one at least: an account of hundreds would be slow to find by ones.
GROWN_BY = 0.05
# Creates that may be on their way together while the limit is unknown, one more with each success: an account
# of few slots is found out without a hundred refusals.
SENT_AT_FIRST = 16
# Seconds after which a task that nobody waited for is taken to have ended: two minutes are usual, a video's more.
FORGOTTEN_AFTER = 900.0


def is_of_the_account(error: ElementsError) -> bool:
    """Whether a refusal holds for every create of the account."""
    if isinstance(error, PermissionDeniedError):
        return error.code == 1304
    return isinstance(error, AuthenticationError | InsufficientBalanceError)


class Gate:
    """Closed by a 429, and by connection failures or 5xx in a row; opens for one probe, then for all."""

    def __init__(self, clock: Clock, events: Events = SILENT) -> None:
        self._clock = clock
        self._events = events
        self.rate: LearnedRate = LearnedRate(clock)
        self.on_refused: Callable[[float], None] = lambda _: None
        self._opens_at = -math.inf
        self._closings = 0
        self._failures = 0
        self._probe_until = -math.inf

    @property
    def is_closed(self) -> bool:
        """Whether no call may pass now."""
        return self.opens_in() > 0

    def opens_in(self) -> float:
        """Return the seconds for which no call may pass; asking takes nobody's turn."""
        return max(0.0, self._opens_at - self._clock.now()) if self._closings else 0.0

    def delay(self) -> float:
        """Return the seconds to come back after, spread so that not all come at once; 0 lets a call through."""
        if not self._closings:
            return 0.0
        now = self._clock.now()
        random = self._clock.random
        if now < self._opens_at:
            return (self._opens_at - now) * random.uniform(1, 1 + SPREAD)
        if now >= self._probe_until:
            self._probe_until = now + PROBE
            return 0.0
        return max(_STEP, min(self._probe_until - now, FIRST_CLOSING) * random.uniform(0.2, 1))

    def refused(self, retry_after: float | None) -> None:
        """Close for as long as a 429 asks, else for 1 s, doubling with each refusal after an opening."""
        self.rate.refused(is_first=self._clock.now() >= self._opens_at)
        self._close(retry_after)
        self.on_refused(self._opens_at - self._clock.now())

    def close_for(self, seconds: float) -> None:
        """Stay closed for so long at least: another worker of the account was refused."""
        now = self._clock.now()
        if self._opens_at < now + seconds - _NEWS:
            self._closings = max(1, self._closings)
            self._close_until(now + seconds, now)

    def failed(self) -> None:
        """Count a connection failure or a 5xx: some in a row close the gate."""
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW:
            self._close(None)

    def passed(self) -> None:
        """Note an answer of the gateway that was neither: it is open for all, if it was not just closed."""
        self._failures = 0
        self.rate.passed()
        if self._closings and self._clock.now() >= self._opens_at:
            self._closings = 0
            self._probe_until = -math.inf

    def _close(self, seconds: float | None) -> None:
        now = self._clock.now()
        own = 0.0
        if now >= self._opens_at:  # refusals of what was already under way close it no further
            own = FIRST_CLOSING * 2**self._closings
            self._closings = min(self._closings + 1, 6)
        self._close_until(max(self._opens_at, now + min(seconds or own, LONGEST_CLOSING)), now)

    def _close_until(self, opens_at: float, now: float) -> None:
        self._opens_at = opens_at
        self._probe_until = -math.inf
        self._events.tell("GateClosed", opens_at - now)


class Slots:
    """The tasks that an account runs at once (Kling's code 1303), as far as this session knows.

    The limit is unknown until the first refusal, which shrinks it to what runs then; a task that ends frees a
    slot, and many creates without a refusal try one more. ``fixed`` is a limit of the caller's. Creates queue
    first come, first served; ``follow`` is asked to watch running tasks while any queue.
    """

    def __init__(
        self, clock: Clock, fixed: int | None, follow: Callable[[str], None], events: Events = SILENT
    ) -> None:
        self._clock = clock
        self._events = events
        self._limit: float = math.inf if fixed is None else fixed
        self._is_fixed = fixed is not None
        self._follow = follow
        self._running: dict[str, float] = {}
        self._sending = 0
        self._window: float = SENT_AT_FIRST if fixed is None else math.inf
        self._since_refusal = 0
        self._refused_at = -math.inf
        self._unanswered = 0.0  # of the creates that were on their way when the limit was last grown
        self._knows_limit = True
        self._queue: deque[asyncio.Future[None]] = deque()
        self.bodies: set[Body] = set()  # of the creates that have a slot, and are not answered
        self.told: ApiError | None = None

    @property
    def running(self) -> int:
        """How many tasks run, as far as is known."""
        return len(self._running)

    @property
    def has_queue(self) -> bool:
        """Whether creates wait for a task to end."""
        return bool(self._queue)

    def queue(self, *, first: bool = False) -> "asyncio.Future[None]":
        """Return a future that is done when a slot is taken for it: now, if there is one and nobody waits.

        ``first`` is for a create that had its turn and was refused.
        """
        turn = asyncio.get_running_loop().create_future()
        if first:
            self._queue.appendleft(turn)
        else:
            self._queue.append(turn)
        self._wake()
        if not turn.done():
            self._events.tell("Queued", self.running, len(self._queue))
            for task_id in tuple(self._running):
                self._follow(task_id)
        return turn

    def leave(self, turn: "asyncio.Future[None]") -> None:
        """Give up a place in the queue, or the slot that was given just now."""
        if not turn.done():
            self._queue.remove(turn)
            turn.cancel()
        elif not turn.cancelled() and turn.exception() is None:
            self.gave_back()

    def started(self, task_id: str) -> None:
        """Turn a taken slot into a running task."""
        self._sending -= 1
        self._window += 1
        self.runs(task_id)
        self._since_refusal += 1
        self._unanswered -= 1
        if self._queue and not self._is_fixed and self._may_grow():
            more = max(1.0, self._limit * GROWN_BY)
            self._limit += more
            self._unanswered = self._sending + more
        self._wake()

    def runs(self, task_id: str) -> None:
        """Note a running task: that so many run at once is proof that so many may."""
        now = self._clock.now()
        self._running[task_id] = now
        while now - next(iter(self._running.values())) > FORGOTTEN_AFTER:
            del self._running[next(iter(self._running))]
        if not self._is_fixed:
            self._limit = max(self._limit, len(self._running))
        if self._queue:
            self._follow(task_id)

    def refused(self) -> None:
        """Shrink the limit to what runs: the account was full (1303). The slot is still to be given back."""
        if self._is_fixed:
            return
        self._since_refusal = 0
        self._unanswered = 0.0
        self._refused_at = self._clock.now()
        self._knows_limit = bool(self._running)
        self._window = math.inf
        self._limit = max(1, min(self._limit, len(self._running)))

    def gave_back(self) -> None:
        """Give a taken slot back: nothing runs in it."""
        self._sending -= 1
        self._wake()

    def denied(self, error: ApiError) -> None:
        """Send nothing of the creates under way after an error that holds for all: each would only meet it too."""
        if not is_of_the_account(error):
            return
        text = f"another create was told so, and nothing was sent: {error.message}"
        told = type(error)(error.gateway, "create an element", text, status=error.status, code=error.code)
        for body in self.bodies:
            body.is_held = body.is_held or not body.has_left
        self.told = told
        while self._queue:
            self._queue.popleft().set_exception(told)

    def gate_closed(self, seconds: float) -> None:
        """Note that a 429 has closed the gate for so long."""

    @property
    def has_lapsed(self) -> bool:
        """Whether what was granted may have been given to others meanwhile, and has to be asked for again."""
        return False

    async def close(self) -> None:
        """Leave what is shared, if anything is."""

    @property
    def is_held_by_others(self) -> bool:
        """Whether the account is full without a task of ours: the one create on its way has to ask again."""
        return self._is_fixed or (not self._running and self._sending == 1)

    def _may_grow(self) -> bool:
        # Refused while nothing of ours ran, the limit of 1 says nothing: other workers had the slots. Later on,
        # one refusal in so many creates and seconds is the price of noticing that there are more. One, so the
        # answers to what is on its way are waited for before the limit grows again.
        long_ago = self._clock.now() - self._refused_at >= GROW_AFTER_SECONDS
        return not self._knows_limit or (long_ago and self._since_refusal >= GROW_AFTER and self._unanswered <= 0)

    def ended(self, task_id: str) -> None:
        """Free the slot of a task that has ended."""
        self._running.pop(task_id, None)
        self._wake()

    def _wake(self) -> None:
        while self._queue and self._sending < self._window and len(self._running) + self._sending < self._limit:
            self._sending += 1
            self._queue.popleft().set_result(None)
