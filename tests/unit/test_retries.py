"""Sending one call again, on virtual time."""

import asyncio
import itertools
import math

import pytest

from kling_elements_async import (
    ApiError,
    AuthenticationError,
    ElementsError,
    GatewayBrokenError,
    InsufficientBalanceError,
    InvalidRequestError,
    NoReplyError,
    NotFoundError,
    NotSentError,
    PermissionDeniedError,
    RateLimitedError,
    Retries,
    SessionUnusableError,
    TooManyTasksError,
    UnexpectedReplyError,
)
from kling_elements_async.lifecycle import Lifecycle
from kling_elements_async.retries import Resending, may_be_sent_again, was_not_taken
from kling_elements_async.throttle import Gate


def refused(kind, status=400, retry_after=None):
    return kind("ezmodel", "do it", "Sorry", status=status, retry_after=retry_after)


def unclear(status=200, *, permanent=False):
    return UnexpectedReplyError("?", status=status, permanent=permanent)


class Calls:
    """Fails as told, then answers; notes when it was called."""

    def __init__(self, clock, *errors):
        self._clock = clock
        self._errors = list(errors)
        self.at = []

    async def __call__(self):
        self.at.append(round(self._clock.elapsed, 6))
        if self._errors:
            raise self._errors.pop(0)
        return "answer"

    @property
    def pauses(self):
        return [later - earlier for earlier, later in itertools.pairwise(self.at)]


def by(clock, seconds):
    """Tell a deadline so many seconds from now."""
    deadline = clock.now() + seconds
    return lambda: deadline


async def begun(clock):
    """Come back in the first pause, before time goes on."""
    for _ in range(8):
        await asyncio.sleep(0)
    assert len(clock.naps) == 1


@pytest.fixture
def gate(clock):
    return Gate(clock)


@pytest.fixture
def lifecycle(clock):
    return Lifecycle(clock)


@pytest.fixture
def resending(lifecycle, gate):
    """`resending(attempts=4, within=30)`."""
    return lambda **policy: Resending(Retries(**policy), lifecycle, gate)


@pytest.mark.parametrize(
    ("error", "read", "create"),
    [
        (NotSentError("x"), True, True),
        (NotSentError("x", permanent=True), False, False),
        (NoReplyError("x"), True, False),
        (unclear(), True, False),
        (unclear(permanent=True), False, False),
        (unclear(0), True, False),
        (unclear(502), True, False),
        (unclear(403), False, False),
        (unclear(404), False, False),
        (unclear(408), True, False),
        (unclear(425), True, False),
        (refused(GatewayBrokenError, 500), True, False),
        (refused(ApiError, 200), True, False),
        (refused(ApiError, 408), True, False),
        (refused(RateLimitedError, 429), True, True),
        (refused(TooManyTasksError, 429), True, True),
        (refused(InsufficientBalanceError, 429), False, False),
        (refused(PermissionDeniedError, 429), False, False),
        (refused(AuthenticationError, 401), False, False),
        (refused(InvalidRequestError), False, False),
        (refused(NotFoundError), False, False),
        (SessionUnusableError("x"), False, False),
        (ValueError("x"), False, False),
        (asyncio.CancelledError(), False, False),
        (KeyboardInterrupt(), False, False),
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'status', '')}",
)
def test_what_is_worth_sending_again(error, read, create):
    """A read or delete: what may pass. A create: only what was surely not taken."""
    assert (may_be_sent_again(error), was_not_taken(error)) == (read, create)


async def test_a_first_success(resending, clock):
    """Nothing is slept, and nothing is sent twice."""
    calls = Calls(clock)
    assert await resending().run(calls) == "answer"
    assert (calls.at, clock.naps) == ([0.0], [])


async def test_the_pace(resending, clock):
    """Pauses double from half a second to eight, each up to 20 % longer, also at the longest."""
    calls = Calls(clock, *[NoReplyError("x")] * 9)
    assert await resending(attempts=10, within=1000).run(calls) == "answer"
    for pause, own in zip(calls.pauses, [0.5, 1, 2, 4, 8, 8, 8, 8, 8], strict=True):
        assert own <= pause <= 1.2 * own
    assert len(set(calls.pauses[4:])) == 5


@pytest.mark.parametrize("kind", [RateLimitedError, TooManyTasksError])
async def test_the_pace_after_a_refused_rate(resending, clock, kind):
    """At least a second before the next attempt."""
    calls = Calls(clock, *[refused(kind, 429)] * 3)
    await resending().run(calls, worth=was_not_taken)
    assert [int(pause) for pause in calls.pauses] == [1, 2, 4]


@pytest.mark.parametrize("attempts", [1, 2, 4])
async def test_attempts_bound_a_call(resending, clock, attempts):
    """The last error is raised after so many attempts, the first one included."""
    errors = [NoReplyError(str(number)) for number in range(9)]
    calls = Calls(clock, *errors)
    with pytest.raises(NoReplyError) as info:
        await resending(attempts=attempts).run(calls)
    assert info.value is errors[attempts - 1]
    assert len(calls.at) == attempts


@pytest.mark.parametrize("within", [0, 3, 7.5])
async def test_seconds_bound_a_call(resending, clock, within):
    """The last pause is clipped to the bound, and no attempt begins after it."""
    calls = Calls(clock, *[NoReplyError("x")] * 99)
    with pytest.raises(NoReplyError):
        await resending(attempts=99, within=within).run(calls)
    assert max(calls.at) == pytest.approx(within)
    assert clock.elapsed == pytest.approx(within)


async def test_a_deadline_bounds_a_call(resending, clock):
    """The earlier of the bound and the caller's deadline counts."""
    calls = Calls(clock, *[NotSentError("x")] * 99)
    with pytest.raises(NotSentError):
        await resending(attempts=99).run(calls, worth=was_not_taken, until=by(clock, 2))
    assert clock.elapsed == pytest.approx(2)


async def test_a_deadline_of_its_own(resending, clock):
    """It stands in for `within`: a create behind a busy gateway has its own timeout."""
    with pytest.raises(NotSentError):
        await resending(attempts=99, within=10).run(
            Calls(clock, *[NotSentError("x")] * 99), worth=was_not_taken, until=by(clock, 100)
        )
    assert clock.elapsed == pytest.approx(100)


async def test_a_deadline_that_becomes_known_later(resending, clock):
    """It is asked for anew after each attempt: a create's own begins when it has a slot."""
    deadline = [math.inf]
    calls = Calls(clock, *[NotSentError("x")] * 99)

    async def send():
        deadline[0] = min(deadline[0], clock.now() + 2)
        return await calls()

    with pytest.raises(NotSentError):
        await resending(attempts=99).run(send, worth=was_not_taken, until=lambda: deadline[0])
    assert clock.elapsed == pytest.approx(2)


@pytest.mark.parametrize("seconds", [5, 20])
async def test_retry_after_is_waited_for(resending, clock, seconds):
    """The next attempt comes no earlier than the gateway asked."""
    calls = Calls(clock, refused(RateLimitedError, 429, retry_after=seconds))
    assert await resending().run(calls) == "answer"
    assert seconds <= calls.at[1] <= 1.2 * seconds


@pytest.mark.parametrize(("asked", "left"), [(31, None), (1e9, None), (6, 5)])
async def test_retry_after_beyond_the_deadline(resending, clock, asked, left):
    """A pause that can't be kept raises at once, with the seconds that were asked for."""
    calls = Calls(clock, refused(RateLimitedError, 429, retry_after=asked))
    with pytest.raises(RateLimitedError) as info:
        await resending().run(calls, until=by(clock, left) if left else None)
    assert (info.value.retry_after, calls.at, clock.naps) == (asked, [0.0], [])


async def test_a_closed_gate_is_waited_for(resending, gate, clock):
    """An attempt does not come before the gate opens, whatever its own pause."""
    gate.refused(10)
    calls = Calls(clock, NoReplyError("x"))
    assert await resending().run(calls) == "answer"
    assert 10 <= calls.at[1] <= 12


async def test_a_call_that_pauses_takes_no_probe(resending, gate, clock):
    """An open gate is probed by whoever comes to it first: a call that pauses does not, and holds up nobody."""
    gate.refused(10)
    clock.advance(11)
    calls = Calls(clock, NoReplyError("x"))
    pausing = asyncio.create_task(resending().run(calls))
    await begun(clock)
    assert gate.delay() == 0
    assert await pausing == "answer"


@pytest.mark.parametrize("error", [ValueError("a bug"), SessionUnusableError("closed"), refused(NotFoundError)])
@pytest.mark.parametrize("before", [0, 1])
async def test_what_is_not_worth_it(resending, clock, error, before):
    """Any other error is raised as it is, at once, also at a later attempt."""
    calls = Calls(clock, *[NoReplyError("x")] * before, error)
    with pytest.raises(type(error)) as info:
        await resending().run(calls)
    assert info.value is error
    assert len(calls.at) == before + 1


@pytest.mark.parametrize("before", [0, 1])
async def test_cancelling_while_sending(resending, clock, before):
    """A cancelled attempt is never sent again, and the cancellation is never swallowed."""
    calls = Calls(clock, *[NoReplyError("x")] * before, asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await resending().run(calls, worth=lambda _: True)
    assert len(calls.at) == before + 1


async def test_cancelling_in_a_pause(resending, clock):
    """Cancelling between two attempts takes effect at once."""
    calls = Calls(clock, *[NoReplyError("x")] * 3)
    task = asyncio.create_task(resending().run(calls))
    await begun(clock)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (len(calls.at), clock.elapsed) == (1, 0.0)


async def test_closing_in_a_pause(resending, lifecycle, clock):
    """A session that closes ends the pause with an error of ours."""
    task = asyncio.create_task(resending().run(Calls(clock, NoReplyError("x"))))
    await begun(clock)
    lifecycle.close()
    with pytest.raises(SessionUnusableError):
        await task


@pytest.mark.parametrize("attempts", [1, 3])
async def test_the_error_raised_comes_alone(resending, clock, attempts):
    """Nothing of tenacity hangs on it, and nothing foreign."""
    calls = Calls(clock, *[NoReplyError(str(number)) for number in range(5)])
    with pytest.raises(NoReplyError) as info:
        await resending(attempts=attempts).run(calls)
    chain, error = [], info.value
    while error := error.__cause__ or error.__context__:
        chain.append(error)
    assert [error for error in chain if not isinstance(error, ElementsError)] == []


async def test_many_calls_at_once(resending, clock):
    """Calls share neither their attempts nor their errors."""
    one = resending()
    many = [Calls(clock, *[NoReplyError(str(number))] * (number % 5)) for number in range(20)]
    found = await asyncio.gather(*(one.run(calls) for calls in many), return_exceptions=True)
    assert [str(answer) for answer in found] == ["answer" if n % 5 < 4 else str(n) for n in range(20)]
    assert [len(calls.at) for calls in many] == [min(n % 5 + 1, 4) for n in range(20)]
