"""One call, one answer: past the gate, over the wire, through the gateway's reader.

Law: sends a call once, or twice where only its signature had aged; knows no gateway by name.
"""

import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .body import Body
from .errors import (
    ApiError,
    AuthenticationError,
    ElementsError,
    GatewayBrokenError,
    NoReplyError,
    NotSentError,
    RateLimitedError,
    TooManyTasksError,
    UnexpectedReplyError,
)
from .lifecycle import Lifecycle
from .listening import SILENT, Events
from .places import Turns
from .throttle import Gate
from .transport import Transport
from .wire import Call, Gateway

T = TypeVar("T")


class Exchange:
    """Performs calls, and tells the gate what came of them."""

    def __init__(
        self,
        gateway: Gateway,
        transport: Transport,
        gate: Gate,
        lifecycle: Lifecycle,
        events: Events = SILENT,
        *,
        pacing: Turns | None = None,
    ) -> None:
        self._gateway = gateway
        self._transport = transport
        self._gate = gate
        self._lifecycle = lifecycle
        self._events = events
        self._pacing = pacing

    async def perform(
        self,
        call: Call[T],
        body: Body | None = None,
        *,
        until: float = math.inf,
        open_by: float = math.inf,
        patient: bool = False,
        before_leaving: Callable[[], Awaitable[None]] | None = None,
    ) -> T:
        """Return what the call's reader makes of the answer; ``until`` is a deadline on the session's clock.

        A closed gate is waited for until ``open_by`` at most. A ``patient`` call, a look at an unfinished task,
        lets the others go before it. ``before_leaving`` is the last thing that is waited for before the request
        goes out.

        Raises:
            NotSentError: the gate stayed closed, or the gateway was not reached.
            ElementsError: whatever the transport or the reader raises.

        """
        if body is None and call.request.body is not None:
            body = Body(call.request.body)
        is_renewed = False
        while True:
            await self._pass(call, body, until, min(until, open_by), before_leaving, patient=patient)
            try:
                if self._events:
                    value = await self._told(call, body, until)
                else:
                    value = call.read(await self._transport.send(call, body, until=until))
            except AuthenticationError as error:
                if is_renewed or not self._gateway.renew_authorization(error):
                    self._gate.passed()
                    raise
                is_renewed = True
            except ElementsError as error:
                self._tell_gate(error)
                raise
            else:
                self._gate.passed()
                return value

    async def _told(self, call: Call[T], body: Body | None, until: float) -> T:
        """Send a call, and tell of it."""
        began, status, failed = self._lifecycle.clock.now(), None, None
        try:
            reply = await self._transport.send(call, body, until=until)
            status = reply.status
            return call.read(reply)
        except ElementsError as error:
            failed = error
            status = getattr(error, "status", 0) or status
            raise
        finally:
            seconds = self._lifecycle.clock.now() - began
            self._events.tell("Sent", call.what, call.request.method, seconds, status, failed)

    async def _pass(
        self,
        call: Call[T],
        body: Body | None,
        until: float,
        open_by: float,
        before_leaving: Callable[[], Awaitable[None]] | None,
        *,
        patient: bool,
    ) -> None:
        """Come back with the gate open and a place among the requests in flight taken."""
        while True:
            while delay := self._gate.delay():
                await self._stand_at_gate(call, delay, open_by)
            if (wait := self._gate.rate.turn(patient=patient)) and not await self._had_turn(call, wait, until):
                continue
            if not self._transport.take_place_now():
                await self._transport.queue_for_place(call, until, patient=patient)
            if self._pacing is not None:
                await self._in_place(self._turn(self._pacing, call, until, patient=patient))
            if before_leaving is not None:
                await self._in_place(before_leaving())
            is_held = body is not None and body.is_held
            if not is_held and not self._gate.is_closed:
                return
            self._transport.give_back_place()  # it closed meanwhile
            if is_held:
                raise NotSentError(f"did not {call.what}: it was held back. Nothing was sent", permanent=True)

    async def _turn(self, pacing: Turns, call: Call[T], until: float, *, patient: bool) -> None:
        """Wait until ``max_rate`` allows one request more."""
        with self._transport.held_back():
            await pacing.turn(call.what, until, patient=patient)

    async def _in_place(self, work: Awaitable[None]) -> None:
        """Wait for something in the place that was taken, so that the request leaves at once then."""
        is_done = False
        try:
            await work
            is_done = True
        finally:
            if not is_done:
                self._transport.give_back_place()

    def _tell_gate(self, error: ElementsError) -> None:
        if isinstance(error, RateLimitedError) and not isinstance(error, TooManyTasksError):
            self._gate.refused(error.retry_after)
        elif isinstance(error, GatewayBrokenError | NotSentError | NoReplyError) or _is_broken(error):
            self._gate.failed()
        elif isinstance(error, ApiError):
            self._gate.passed()  # a refusal is an answer; the account may be full, the gateway is not

    async def _had_turn(self, call: Call[T], wait: float, until: float) -> bool:
        """Wait for a turn, and say whether the gate is still open then."""
        turn = self._lifecycle.clock.now() + wait
        has_come = False
        try:
            while (left := turn - self._lifecycle.clock.now()) > 0:
                await self._stand_at_gate(call, left, until)
            has_come = True
        finally:
            if not has_come:
                self._gate.rate.give_back(turn)
        return not self._gate.is_closed

    async def _stand_at_gate(self, call: Call[T], delay: float, until: float) -> None:
        left = until - self._lifecycle.clock.now()
        if left <= 0:
            raise NotSentError(
                f"did not {call.what}: {self._gateway.name} asked for a pause (HTTP 429) or failed often in a "
                f"row; calls wait another {delay:.0f} s. Nothing was sent"
            )
        await self._lifecycle.sleep(min(delay, left))


def _is_broken(error: ElementsError) -> bool:
    """Whether what stands before a gateway said in words of its own that the gateway does not answer."""
    return isinstance(error, UnexpectedReplyError) and 500 <= error.status < 600
