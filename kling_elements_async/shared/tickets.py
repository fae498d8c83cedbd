"""What a counter of requests is asked, and answers.

Law: values only.
"""

from typing import Protocol


class Tickets(Protocol):
    """The requests of one account that may be sent, counted by whoever sends them."""

    @property
    def most(self) -> int:
        """How many may be taken at a time."""
        ...

    @property
    def slack(self) -> float:
        """Seconds by which one may come too late for a turn, and nothing of the rate is lost."""
        ...

    async def take(self, count: int) -> float:
        """Take so many, now and together, and return 0; or take none, and return the seconds to ask again in.

        Raises:
            StoreLostError: the counter is out of reach.

        """
        ...

    async def close(self) -> None:
        """Close what was opened."""
        ...
