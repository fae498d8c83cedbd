"""How many requests a second, counted where, as a value.

Law: opens nothing; the session does, with its first request. Its repr shows no password.
"""

from pathlib import Path
from typing import Any

from attrs import field, frozen

from .. import optional
from ..clock import Clock
from ..errors import ConfigurationError
from .redis_slots import checked_url
from .tickets import Tickets

LEAST, MOST = 1 / 3600, 100_000


def _checked_rate(per_second: object) -> float:
    if isinstance(per_second, int | float) and not isinstance(per_second, bool) and LEAST <= per_second <= MOST:
        return float(per_second)
    raise ConfigurationError(f"max_rate is {per_second!r}: requests a second, from one an hour to {MOST:,}")


def _checked_place(where: Any) -> str | Path | None:
    return where if where is None or isinstance(where, Path) else checked_url(where)


@frozen
class Rate:
    """So many requests a second, by the extra ``rate``: ``ElementsSession(gateway, max_rate=Rate(300, …))``.

    They are counted in this session; or, for all workers of one gateway and key together, in a file, given as a
    ``Path``, that SQLite keeps on this machine; or in Redis, by its URL and with the extra ``redis`` too. All
    give the same rate.
    """

    per_second: float = field(converter=_checked_rate)
    where: str | Path | None = field(default=None, repr=False, converter=_checked_place)

    def tickets(self, account: str, clock: Clock) -> Tickets:
        """Return the counter of one account."""
        if self.where is None:
            made: Tickets = _loaded("memory_tickets").MemoryTickets(self.per_second, clock)
        elif isinstance(self.where, Path):
            made = _loaded("sqlite_tickets").SqliteTickets(self.per_second, self.where, account)
        else:
            optional.load("shared.redis_client", extra="redis")
            made = _loaded("redis_tickets").RedisTickets(self.per_second, self.where, account)
        return made


def _loaded(module: str) -> Any:
    return optional.load(f"shared.{module}", extra="rate")
