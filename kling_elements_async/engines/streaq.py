"""Chunks under streaQ, a task queue on Redis.

Law: a chunk is tried until it comes to its end, for it makes nothing twice; a worker that dies gives it up when
the queue's ``idle_timeout`` has passed. Needs the extra ``streaq``.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

from streaq import Worker

from ..chunks import run_chunk
from ..journal import Journal
from ..session import ElementsSession

Tools = tuple[ElementsSession, Journal | None]


def chunk_worker(
    session: Callable[[], ElementsSession],
    journal: Callable[[], AbstractAsyncContextManager[Journal]] | None = None,
    *,
    timeout: float = 600.0,
    **options: Any,
) -> tuple[Worker[Tools], Any]:
    """Return a worker, ``streaq run module:worker``, and its task: ``await task.enqueue(rows)`` for each chunk.

    A worker opens one session and one journal. What is stored in Redis is JSON. ``timeout`` is that of one row;
    ``options`` are those of ``streaq.Worker``.
    """

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[Tools]:
        async with session() as opened:
            if journal is None:
                yield opened, None
                return
            async with journal() as kept:
                yield opened, kept

    async def run(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        opened, kept = worker.context
        return await run_chunk(rows, opened, kept, timeout=timeout)

    as_json = {"serializer": lambda data: json.dumps(data, default=repr), "deserializer": json.loads}
    worker: Worker[Tools] = Worker(lifespan=lifespan, **(as_json | options))
    worker.prefetch = worker.concurrency  # a chunk that waits in a busy worker would be delivered once more
    return worker, worker.task(name="kling_elements_chunk", max_tries=None, ttl=timedelta(days=1))(run)
