"""The elements of an account with the times at which they were made, over all pages.

Law: each element once; what is left out is counted.
"""

from collections.abc import Awaitable, Callable

from ..gallery import Entry
from ..models import ElementTask, Page
from ..paging import fresh_tasks
from ..session import ElementsSession
from .output import Output


class Library:
    """What was read so far: ``entries``, and how many were left out."""

    def __init__(self, session: ElementsSession, output: Output) -> None:
        self._session = session
        self._output = output
        self._by_id: dict[str, Entry] = {}
        self.hidden: int = 0
        self.unfinished: int = 0

    @property
    def entries(self) -> list[Entry]:
        """The elements, in the order of the lists."""
        return list(self._by_id.values())

    async def read(self, *, presets: bool, deleted: bool) -> None:
        """Read the account's own elements, and Kling's."""
        await self._walk(self._session.list_elements, deleted=deleted)
        if presets:
            await self._walk(self._session.list_preset_elements, deleted=True)

    async def _walk(self, listed: Callable[..., Awaitable[Page]], *, deleted: bool) -> None:
        async for fresh in fresh_tasks(lambda page, page_size: listed(page=page, page_size=page_size)):
            for task in fresh:
                self._take(task, deleted=deleted)
            self._output.progress.show(f"{len(self._by_id):,} elements read", on_terminal_only=True)

    def _take(self, task: ElementTask, *, deleted: bool) -> None:
        self.unfinished += not task.is_terminal and not task.elements
        for element in task.elements:
            if element.is_deleted and not deleted:
                self.hidden += 1
            else:
                self._by_id.setdefault(element.element_id, Entry(element, task.created_at))
