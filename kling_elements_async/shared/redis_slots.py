"""Where the slots of an account are kept, as a value.

Law: opens nothing; the session does, when it first needs a slot. Its repr shows no password.
"""

import math
from numbers import Real
from urllib.parse import urlsplit

from attrs import field, frozen

from .. import optional
from ..arguments import checked
from ..errors import ConfigurationError
from .visit import Store

LEASE = 15.0
SHORTEST_LEASE = 0.5


def checked_url(url: object) -> str:
    """Return a URL of Redis.

    Raises:
        ConfigurationError: it is none. The text does not repeat it, for it may hold a password.

    """
    if isinstance(url, str) and urlsplit(url).scheme in ("redis", "rediss", "unix"):
        return url
    raise ConfigurationError("the URL of Redis looks like redis://host:6379/0, rediss://… or unix://…")


_lease = checked(
    f"at least {SHORTEST_LEASE} seconds are expected", Real, lambda lease: SHORTEST_LEASE <= lease < math.inf
)


@frozen
class RedisSlots:
    """Slots in Redis, with the extra ``redis``: ``ElementsSession(gateway, slots=RedisSlots("redis://…"))``.

    All workers of one gateway and key share them. A worker renews its lease of ``lease`` seconds three times in
    that time; the slots of one that was killed are free when it is over. Choose it longer than any pause of a
    healthy worker, and the same for all.
    """

    url: str = field(repr=False, converter=checked_url)
    lease: float = field(default=LEASE, validator=_lease)

    def store(self, account: str) -> Store:
        """Return the books of one account."""
        store: Store = optional.load("shared.redis_store", extra="redis").RedisStore(self.url, account, self.lease)
        return store
