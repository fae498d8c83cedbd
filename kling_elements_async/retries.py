"""Sending one call again.

Law: this is about a request that failed, never about a task that has not ended: that is polling. Covers only
what is safe to send again, is bounded in attempts and time, always jitters, and raises the last error.
"""

import math
from collections.abc import Awaitable, Callable
from numbers import Integral, Real
from typing import TypeVar

from attrs import field, frozen
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from .arguments import checked
from .errors import (
    ApiError,
    ElementsError,
    GatewayBrokenError,
    NoReplyError,
    NotSentError,
    RateLimitedError,
    UnexpectedReplyError,
)
from .lifecycle import Lifecycle
from .listening import SILENT, Events
from .throttle import Gate

T = TypeVar("T")

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
SPREAD = 0.2


@frozen
class Retries:
    """How often, and for how many seconds, one call is sent again. ``attempts`` counts the first one too.

    A create has a time of its own, its ``timeout``, in place of ``within``.
    """

    attempts: int = field(default=4, validator=checked("at least 1 is needed", Integral, lambda count: count >= 1))
    within: float = field(
        default=30.0, validator=checked("seconds are expected", Real, lambda seconds: seconds >= 0)
    )


def may_be_sent_again(error: BaseException) -> bool:
    """Whether a read or delete that failed so may be sent again."""
    if isinstance(error, NotSentError):
        return not error.permanent
    if isinstance(error, UnexpectedReplyError):
        return not error.permanent and (not 400 <= error.status < 500 or error.status in (408, 425))
    # ApiError itself stands for what no table knows: an unknown code, 408, 425.
    return isinstance(error, NoReplyError | GatewayBrokenError | RateLimitedError) or type(error) is ApiError


def was_not_taken(error: BaseException) -> bool:
    """Whether a create that failed so has done nothing, and may be sent again."""
    return isinstance(error, RateLimitedError) or (isinstance(error, NotSentError) and not error.permanent)


class Resending:
    """Sends a call again within ``Retries``, at a growing, jittered pace, and not before the gate opens."""

    def __init__(self, policy: Retries, lifecycle: Lifecycle, gate: Gate, events: Events = SILENT) -> None:
        self._policy = policy
        self._lifecycle = lifecycle
        self._gate = gate
        self._events = events

    def last_start(self) -> float:
        """Return the time from which on a read or delete that begins now is sent no more."""
        return self._lifecycle.clock.now() + self._policy.within

    async def run(
        self,
        send: Callable[[], Awaitable[T]],
        *,
        worth: Callable[[BaseException], bool] = may_be_sent_again,
        until: Callable[[], float] | None = None,
    ) -> T:
        """Return what ``send`` returns.

        ``until`` tells a deadline on the session's clock, for a ``send`` that has one of its own: it stands in for
        ``Retries.within``.

        Raises:
            ElementsError: the last one, when it is not worth another attempt or the bounds are reached.

        """
        end = self.last_start()
        try:
            return await send()
        except ElementsError as error:
            failed = error
        return await self._again(send, failed, worth, _Bounds(self._policy, until or (lambda: end)))

    async def _again(
        self,
        send: Callable[[], Awaitable[T]],
        failed: ElementsError,
        worth: Callable[[BaseException], bool],
        bounds: "_Bounds",
    ) -> T:
        # Entered after a first failure only: a tenacity loop costs as much as a tenth of a request.
        first = [failed]

        async def attempt() -> T:
            if first:
                raise first.pop()
            return await send()

        def pause(state: RetryCallState) -> float:
            return self._pause(state.attempt_number, _error_of(state), bounds)

        def tell(state: RetryCallState) -> None:
            self._events.tell("Retried", state.attempt_number + 1, state.upcoming_sleep, _error_of(state))

        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, Exception) and worth(error)),
            wait=pause,
            stop=lambda state: bounds.are_reached(state, self._lifecycle.clock.now()),
            sleep=self._lifecycle.sleep,
            before_sleep=tell,
            reraise=True,
        )
        return await retrying(attempt)

    def _pause(self, number: int, error: BaseException, bounds: "_Bounds") -> float:
        """Return the seconds to the next attempt, clipped to the deadline; infinity where it lies beyond it."""
        clock = self._lifecycle.clock
        left = bounds.end() - clock.now()
        asked = max(getattr(error, "retry_after", None) or 0.0, self._gate.opens_in())
        if asked > left:
            return math.inf
        # Kling's page "Error codes" asks for at least a second after a refused rate.
        first = 2 * FIRST_PAUSE if isinstance(error, RateLimitedError) else FIRST_PAUSE
        own: float = min(first * 2 ** (number - 1), LONGEST_PAUSE) * clock.random.uniform(1, 1 + SPREAD)
        return max(0.0, min(max(own, asked), left))


@frozen(eq=False, repr=False)
class _Bounds:
    policy: Retries
    end: Callable[[], float]

    def are_reached(self, state: RetryCallState, now: float) -> bool:
        is_too_late = state.upcoming_sleep == math.inf or now >= self.end()
        return is_too_late or state.attempt_number >= self.policy.attempts


def _error_of(state: RetryCallState) -> BaseException:
    assert state.outcome is not None
    error = state.outcome.exception()
    assert error is not None
    return error
