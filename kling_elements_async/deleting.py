"""Deleting elements: one, many, or those that a rule names.

Law: a miss after an attempt whose answer was lost is a success, since that attempt deleted it; a preset is
never touched.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta

from .arguments import check_many
from .errors import ElementsError, NotFoundError
from .exchange import Exchange
from .ids import checked_id
from .lifecycle import Lifecycle
from .models import Element, ElementTask
from .retries import Resending, may_be_sent_again, was_not_taken
from .wire import Gateway

MOST_AT_ONCE = 20


class Deleting:
    """The deletes of one session."""

    def __init__(self, gateway: Gateway, exchange: Exchange, resending: Resending, lifecycle: Lifecycle) -> None:
        self._gateway = gateway
        self._exchange = exchange
        self._resending = resending
        self._lifecycle = lifecycle

    async def one(self, element_id: str, *, missing_ok: bool) -> None:
        """Delete one element."""
        call = self._gateway.delete(checked_id(element_id, "element id"))
        may_be_done, open_by = missing_ok, self._resending.last_start()

        async def send() -> None:
            nonlocal may_be_done
            try:
                await self._exchange.perform(call, open_by=open_by)
            except NotFoundError:
                if not may_be_done:
                    raise
            except ElementsError as error:
                may_be_done = may_be_done or (may_be_sent_again(error) and not was_not_taken(error))
                self._lifecycle.check()  # a session closed meanwhile says so
                raise

        await self._resending.run(send)

    async def many(self, element_ids: Iterable[str]) -> dict[str, ElementsError | None]:
        """Delete elements, a few at once, and return for each id None, or why it could not be deleted."""
        check_many(element_ids, "element_ids", "element_id")
        checked = dict.fromkeys(checked_id(element_id, "element id") for element_id in element_ids)
        room = asyncio.Semaphore(MOST_AT_ONCE)

        async def outcome(element_id: str) -> ElementsError | None:
            async with room:
                try:
                    await self.one(element_id, missing_ok=True)
                except ElementsError as error:
                    return error
                return None

        outcomes = await asyncio.gather(*map(outcome, checked))
        return dict(zip(checked, outcomes, strict=True))


async def due(
    tasks: AsyncIterator[ElementTask], *, name: str | None, older_than: float | None
) -> tuple[Element, ...]:
    """Return the account's own live elements of that name, made more than so many seconds ago.

    A task without a time of its own is never old enough.
    """
    before = datetime.now(UTC) - timedelta(seconds=older_than) if older_than is not None else None
    found = {}
    async for task in tasks:
        if before is not None and not (task.created_at and task.created_at <= before):
            continue
        for element in task.elements:
            if element.is_preset or element.is_deleted or name not in (None, element.name):
                continue
            found[element.element_id] = element
    return tuple(found.values())
