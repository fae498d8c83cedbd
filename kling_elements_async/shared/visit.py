"""What a worker tells of itself when it visits the shared books, and what it is told.

Law: plain values. What is held is told as it is, never as a change, so that a lost answer is mended by the next.
"""

from typing import Protocol

from attrs import frozen


class StoreLostError(Exception):
    """The shared books are out of reach; the text says why, in a few words without an address."""


def why_lost(error: Exception) -> str:
    """Return a reason without an address: whatever a place raises, what it keeps is lost, and nobody sleeps on."""
    return str(error) if isinstance(error, StoreLostError) else type(error).__name__


@frozen(kw_only=True)
class Visit:
    """One worker's account of itself. Times are seconds.

    ``held`` are its slots, of which ``sending`` are for creates on their way; ``unsure`` of the others were held
    beyond a lost lease. ``want`` creates wait. ``started`` and ``refused`` are what came of creates since the last
    visit; ``closed`` is for how long a 429 has closed the gate, ``denial`` an error that holds for every create.
    ``fixed`` is a limit of the caller's, ``limit`` the last that was believed; 0 is none.
    """

    held: int
    sending: int
    unsure: int
    want: int
    started: int
    refused: bool
    closed: float
    denial: str
    fixed: int
    limit: int
    epoch: str
    leaves: bool = False


@frozen(kw_only=True)
class Answer:
    """What the books say: slots ``granted``, the believed ``limit`` (0: unknown), and what the ``others`` hold.

    ``share`` is an equal part of the limit among the workers that are at work, ``workers`` are all that are known.
    """

    granted: int
    limit: int
    others: int
    workers: int
    share: int
    is_wanted: bool
    closed: float
    denial: str
    epoch: str


class Store(Protocol):
    """The books of one account, for one worker."""

    async def visit(self, visit: Visit) -> Answer:
        """Enter a visit and return the answer.

        Raises:
            StoreLostError: the books are out of reach.

        """
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...
