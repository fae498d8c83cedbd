"""Memory per open wait at 10,000, in shared mode, its asyncio task included.

A session waits for 10,000 tasks that never end, at a gateway in a process of its own whose lists show all of them
as processing. Measured when each was seen at least once: first the resident size of this process, then, with new
waits of a new session, what Python allocated and still holds (``tracemalloc``). Linux only.
"""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable

from kling_elements_async import ElementsSession

from .contest import session_to
from .gateway import FIRST_TASK_ID, BenchmarkGateway, served
from .table import Row, Table
from .uploads import resident

MOST_KILOBYTES = 2.5
WAITS = 10_000
_SEEN_WITHIN = 240.0


async def _all_seen(session: ElementsSession) -> list["asyncio.Task[str]"]:
    """Return the waits, when each has been shown its task."""
    seen = asyncio.Semaphore(0)

    def on_update(_: object) -> None:
        seen.release()

    ids = (str(FIRST_TASK_ID + index) for index in range(WAITS))
    waits = [asyncio.create_task(session.wait_for_element(task_id, on_update=on_update)) for task_id in ids]
    async with asyncio.timeout(_SEEN_WITHIN):
        for _ in waits:
            await seen.acquire()
    return waits


async def _per_wait(gateway: BenchmarkGateway, size: Callable[[], int]) -> float:
    """Return the bytes by which ``size`` grows for each wait."""
    async with session_to(gateway.url) as session:
        for page in range(1, 5):
            await session.list_elements(page=page, page_size=500)  # warms up: what one list takes is not a wait's
        gc.collect()
        before = size()
        waits = await _all_seen(session)
        gc.collect()
        grown = size() - before
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    return grown / WAITS


def run(*, quick: bool) -> Table:  # noqa: ARG001 - as quick as it can be
    with served(running=WAITS) as gateway:
        by_system = asyncio.run(_per_wait(gateway, resident))
        tracemalloc.start()
        by_python = asyncio.run(_per_wait(gateway, lambda: tracemalloc.get_traced_memory()[0]))
        tracemalloc.stop()
    rows = (
        Row("Python objects per open wait (tracemalloc)", by_python / 1024, " KB", most=MOST_KILOBYTES),
        Row("resident size per open wait", by_system / 1024, " KB", most=MOST_KILOBYTES),
        Row("  resident size, all waits", by_system * WAITS / 1e6, " MB", digits=1),
    )
    return Table(f"memory: {WAITS:,} open waits by lists, each seen processing", rows)
