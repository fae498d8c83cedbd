"""How far a job is and what came of it, as every journal reckons it from its tables.

Law: reads a page at a time, so that a job of any size is read in little memory, also while it runs.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

from .. import archive
from ..journal import Progress, Result

PAGE = 500


def progress(planned: int, items: int, created: int, failed: int, failed_items: int) -> Progress:
    """Return the counts: what failed may have been begun, and what was begun need not have been taken in."""
    total = max(planned, items + failed - failed_items)
    return Progress(total, created, items - created - failed_items, failed)


async def results(page: Callable[[str], Awaitable[Sequence[Any]]]) -> AsyncGenerator[Result, None]:
    """Iterate over rows of key, task, task id, error type and error; ``page`` reads those after a key."""
    after = ""
    while rows := await page(after):
        for key, task, task_id, error_type, error in rows:
            element_id = archive.from_text(task).element_id if task else None
            yield Result(key, element_id, task_id, error_type, error)
        after = rows[-1][0]
