"""The shared books in Redis. Needs the extra ``redis``.

Law: one script a visit, and one hash an account. What goes wrong is told without the address or a password.
"""

import uuid
from typing import Any

from redis.exceptions import RedisError

from . import books
from .redis_client import connected
from .visit import Answer, StoreLostError, Visit

# Seconds for an answer, of which a lease has several: a Redis that hangs is a lost one.
LONGEST_ANSWER = 1.0
ANSWERS_IN_A_LEASE = 6
# Seconds in which a worker that waits for a slot asks at least once; those who do not are not reckoned with.
FRESH = 2.0


class RedisStore:
    """One worker at the books of one account."""

    def __init__(self, url: str, account: str, lease: float) -> None:
        self._redis = connected(url, min(LONGEST_ANSWER, lease / ANSWERS_IN_A_LEASE))
        self._script: Any = self._redis.register_script(books.SCRIPT)
        self._key = books.key_of(account)
        self._worker = uuid.uuid4().hex
        self._lease = lease

    async def visit(self, visit: Visit) -> Answer:
        question = books.question(self._worker, self._lease, min(FRESH, self._lease / 2), visit)
        try:
            return books.answer(await self._script(keys=[self._key], args=[question]))
        except (RedisError, OSError) as error:
            reason = type(error).__name__
        raise StoreLostError(reason)

    async def close(self) -> None:
        try:
            await self._redis.aclose()
        except (RedisError, OSError) as error:
            raise StoreLostError(type(error).__name__) from None
