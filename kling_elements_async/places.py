"""Where a session's slots and the count of its requests are kept, if not in the session: what a place offers.

Law: names no place. ``shared`` has some, and is loaded when one is used; another is any object of these shapes.
"""

from typing import Any, Protocol


class SlotPlace(Protocol):
    """Keeps the slots for running tasks, for all workers of an account."""

    @property
    def lease(self) -> float:
        """Seconds after which what a worker held is free again, if it is not heard of."""
        ...

    def store(self, account: str) -> Any:
        """Return the books (``shared.visit.Store``) of one account; ``account`` tells nothing of the key."""
        ...


class RatePlace(Protocol):
    """Counts the requests of all workers of an account."""

    def tickets(self, account: str, clock: Any) -> Any:
        """Return the counter (``shared.tickets.Tickets``) of one account."""
        ...


class Turns(Protocol):
    """Lets so many requests a second go, and the others wait."""

    async def turn(self, what: str, until: float, *, patient: bool) -> None:
        """Come back when one request more may be sent; ``until`` is a deadline on the session's clock."""
        ...

    async def close(self) -> None:
        """Leave the counter."""
        ...
