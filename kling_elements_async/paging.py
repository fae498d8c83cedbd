"""The pages of a list, one after the other."""

from collections.abc import AsyncIterator, Awaitable, Callable

from .models import ElementTask, Page

LAST_PAGE = 1000
LARGEST_PAGE = 500
_SIZE = 100


async def fresh_tasks(ask: Callable[[int, int], Awaitable[Page]]) -> AsyncIterator[list[ElementTask]]:
    """Yield the tasks of each page that no page before it has shown; ``ask(page, page_size)`` asks for one.

    Ends with the first page that shows nothing new: some gateways ignore the page size, or send one page for ever.
    """
    seen: set[str] = set()
    for number in range(1, LAST_PAGE + 1):
        page = await ask(number, _SIZE)
        fresh = [task for task in page.tasks if task.task_id not in seen]
        if not fresh:
            return
        seen.update(task.task_id for task in fresh)
        yield fresh
