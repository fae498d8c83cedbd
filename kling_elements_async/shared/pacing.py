"""No more requests a second than the caller allows: who waits for a turn, and who is next.

Law: a look at an unfinished task lets every other call go before it, as in ``pool``. Waits on the session's clock,
and before a request's own time begins. While the shared counter is out of reach, a session keeps to the rate that
it had: all together then have no more than before.
"""

import asyncio
import logging
from collections import deque

from ..errors import NotSentError, SessionUnusableError
from ..lifecycle import Lifecycle
from ..listening import Events
from ..pool import Line
from .rate import Rate
from .tickets import Tickets
from .visit import why_lost

logger: logging.Logger = logging.getLogger("kling_elements_async")

# Seconds over which a session's own rate is reckoned, and between two tries of a counter that was lost.
OWN_OVER = 10
ASKED_AGAIN = 1.0


class Pacing:
    """The turns of one session at one account."""

    def __init__(self, rate: Rate, account: str, lifecycle: Lifecycle, events: Events) -> None:
        self._account = account
        self._lifecycle = lifecycle
        self._clock = lifecycle.clock
        self._events = events
        self._shared = rate.tickets(account, lifecycle.clock)
        self._own: Tickets | None = None  # while the shared counter is lost
        self._ask_at = 0.0
        self._taken: deque[tuple[float, int]] = deque()
        self._line = Line()
        self._taker: asyncio.Task[None] | None = None

    async def turn(self, what: str, until: float, *, patient: bool) -> None:
        """Come back when one request more may be sent.

        Raises:
            NotSentError: that was not so in time.

        """
        self._lifecycle.check()
        turn = self._line.join(patient=patient)
        if self._taker is None or self._taker.done():
            self._taker = asyncio.get_running_loop().create_task(self._take())
        has_turn = False
        try:
            has_turn = await self._lifecycle.reached(turn, until)
        finally:
            if not has_turn:
                self._leave(turn)
        if not has_turn:
            raise NotSentError(f"did not {what}: max_rate left it no turn in time. Nothing was sent")

    def _leave(self, turn: "asyncio.Future[None]") -> None:
        if turn.done() and not turn.cancelled():
            self._line.let_one_go()
        turn.cancel()

    async def _take(self) -> None:
        """Take turns for those who wait, as many together as may be."""
        try:
            while count := self._line.waiting(self._shared.most):
                if delay := await self._asked(count):
                    # Several workers wait for the same moment: chance says who is first.
                    slack = self._own.slack if self._own else self._shared.slack
                    await self._lifecycle.sleep(delay + self._clock.random.uniform(0, slack))
        except SessionUnusableError:
            pass

    async def _asked(self, count: int) -> float:
        """Take and give up to so many turns, or return the seconds to ask again in."""
        now = self._clock.now()
        if self._own is None or now >= self._ask_at:
            try:
                delay = await self._from(self._shared, count)
            except Exception as error:  # noqa: BLE001 - a fault of a counter leaves nobody asleep
                self._lose(why_lost(error), now)
            else:
                if self._own is not None:
                    logger.info("the shared rate is back")
                    self._own = None
                return delay
        assert self._own is not None
        return await self._from(self._own, count)

    async def _from(self, tickets: Tickets, count: int) -> float:
        count = min(count, tickets.most)
        delay = await tickets.take(count)
        if not delay:
            self._note(count)
            for _ in range(count):
                self._line.let_one_go()
        return delay

    def _note(self, count: int) -> None:
        now = self._clock.now()
        self._taken.append((now, count))
        while self._taken[0][0] < now - OWN_OVER:
            self._taken.popleft()

    def _lose(self, reason: str, now: float) -> None:
        self._ask_at = now + ASKED_AGAIN
        if self._own is not None:
            return
        own = max(1.0, sum(count for at, count in self._taken if at >= now - OWN_OVER) / OWN_OVER)
        self._own = Rate(own).tickets(self._account, self._clock)
        logger.warning("the shared rate is out of reach (%s): this worker goes on with %.1f a second", reason, own)
        self._events.tell("SharedLost", "rate", reason, int(own))

    async def close(self) -> None:
        """End with the session."""
        if self._taker is not None:
            self._taker.cancel()
            await asyncio.gather(self._taker, return_exceptions=True)
        await self._shared.close()
