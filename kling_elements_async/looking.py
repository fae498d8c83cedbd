"""Looking at one task, again and again: the single-item query at the pace of ``Polling``.

Law: one look is one request, never sent again by itself; a failed look is a missed one.
"""

import logging
import math
from collections.abc import Awaitable, Callable, Iterator

from attrs import evolve
from tenacity import AsyncRetrying, retry_if_result
from tenacity.stop import stop_never

from .errors import AuthenticationError, ElementsError, PermissionDeniedError
from .lifecycle import Lifecycle
from .listening import SILENT, Events
from .models import ElementTask
from .polling import Polling
from .watches import Watch, Watches, is_whole

logger: logging.Logger = logging.getLogger("kling_elements_async")

# Asks for one task, by a deadline on the session's clock.
Look = Callable[[str, float], Awaitable[ElementTask]]

# Seconds that the one look of a wait of 0 may take, a closed gate included.
ONE_LOOK = 20.0
# Looks after which the pace of any usual ``Polling`` grows no further.
_PACE_HAS_GROWN = 30
# Eight looks over the span in which all but the slowest tenth end.
_LOOKS_PER_SPAN = 8


class Looking:
    """Looks at single tasks."""

    def __init__(
        self, look: Look, watches: Watches, polling: Polling, lifecycle: Lifecycle, events: Events = SILENT
    ) -> None:
        self._look = look
        self._watches = watches
        self._polling = polling
        self._lifecycle = lifecycle
        self._events = events

    async def stream(self, watch: Watch, is_over: Callable[[Watch], bool]) -> None:
        """Look until the task has ended, or ``is_over`` says that another looks at it now."""
        pauses = self._pauses(watch)
        if first := self.first_pause(watch):
            if not self._watches.durations.span(watch.kind):
                next(pauses)  # it comes before the first look
            await self._lifecycle.sleep(min(first, self._left(watch)))
        if is_over(watch) or await self.once(watch):
            return

        def pause() -> float:
            return max(0.0, min(next(pauses) * self._watches.slower_by(watch), self._left(watch)))

        async def looked() -> bool:
            return is_over(watch) or await self.once(watch)

        await self._lifecycle.sleep(pause())
        await AsyncRetrying(
            retry=retry_if_result(lambda ended: not ended),
            wait=lambda _: pause(),
            stop=stop_never,
            sleep=self._lifecycle.sleep,
        )(looked)

    async def once(self, watch: Watch) -> bool:
        """Look once, and say whether the watch has ended."""
        if self._events:
            self._events.tell("Looked", watch.task_id)
        try:
            one_look = self._lifecycle.clock.now() + ONE_LOOK
            task = await self._look(watch.task_id, self._nearest(watch) if self._left(watch) else one_look)
        except (AuthenticationError, PermissionDeniedError) as error:
            watch.fail(error)
            self._watches.fail_all(error)
        except ElementsError as error:
            self._watches.missed(watch, error)
        else:
            self._watches.seen(watch, task)
        watch.expire_due(self._lifecycle.clock.now())
        return watch.has_ended

    async def confirm(self, watch: Watch) -> bool:
        """Look once because a hint came, and say whether it was true.

        A look that fails or shows no end has no other effect: a stranger can cause it, so it is no miss.
        """
        if self._events:
            self._events.tell("Looked", watch.task_id)
        try:
            task = await self._look(watch.task_id, self._nearest(watch))
        except ElementsError as error:
            logger.debug("a hint on task %s could not be confirmed: %s", watch.task_id, type(error).__name__)
            return False
        is_end = task.is_terminal and is_whole(task) and not self._watches.names_anothers(task)
        if watch.has_ended or not is_end:
            return False
        for each in dict.fromkeys((watch, *self._watches.about(task))):
            self._watches.seen(each, task)
        return True

    def first_pause(self, watch: Watch) -> float:
        """Return the seconds to the first look: none, but for a task that this session has just created.

        That one is looked at when the quickest tenth of its kind would be done, as far as that is known.
        """
        age = self._lifecycle.clock.now() - watch.born
        if span := self._watches.durations.span(watch.kind):
            return max(0.0, span[0] - age)
        return next(self._polling.pauses(self._lifecycle.clock.random)) if age < self._polling.first else 0.0

    def _pauses(self, watch: Watch) -> Iterator[float]:
        """Return the pauses between the looks: begun as wide as the durations of its kind are spread.

        A wait that lists have looked at so far goes on at the pace that it would have by now.
        """
        polling = self._polling
        began = min((wait.began for wait in watch.waits), default=math.inf)
        if watch.born > -math.inf and (span := self._watches.durations.span(watch.kind)):
            wide = (span[1] - span[0]) / _LOOKS_PER_SPAN
            polling = evolve(polling, first=min(max(polling.first, wide), polling.longest))
            began = max(began, watch.born + span[0])
        pauses = polling.pauses(self._lifecycle.clock.random)
        waited = self._lifecycle.clock.now() - began
        for _ in range(_PACE_HAS_GROWN):
            if waited > polling.first:
                waited -= next(pauses)
        return pauses

    def _left(self, watch: Watch) -> float:
        return max(0.0, self._nearest(watch) - self._lifecycle.clock.now())

    @staticmethod
    def _nearest(watch: Watch) -> float:
        return min((wait.until for wait in watch.waits if not wait.future.done()), default=math.inf)
