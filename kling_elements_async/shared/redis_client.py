"""The client of Redis, as both that is shared needs it. Needs the extra ``redis``.

Law: a cut connection is tried once more, and nothing else is waited for: what is lost is told, and worked around.
"""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LostConnectionError


def connected(url: str, answer_within: float) -> "Redis":
    """Return a client that opens its connection when it is first used."""
    retry = Retry(NoBackoff(), 1, supported_errors=(LostConnectionError,))
    client: Redis = Redis.from_url(
        url, retry=retry, socket_timeout=answer_within, socket_connect_timeout=answer_within
    )
    return client
