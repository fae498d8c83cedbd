"""The look at a whole manifest before anything is sent.

Law: holds no row longer than it takes to check it: only the ids, each of which may be there once, and the first
problems.
"""

import asyncio
from itertools import islice

from ..manifest.file import Entry, Manifest
from ..manifest.row import in_fields
from ..session import ElementsSession
from .output import Output

_AT_ONCE = 32
MOST_SHOWN = 100


class Inspection:
    """One look. Afterwards ``rows`` is how many there are, and ``lines()`` says what is wrong."""

    def __init__(self, session: ElementsSession, manifest: Manifest) -> None:
        self.rows: int = 0
        self._session = session
        self._manifest = manifest
        self._carries_id = session.gateway.carries.external_ids
        self._line_of_id: dict[str, int] = {}
        self._first: list[str] = []
        self._count = 0

    @property
    def has_problems(self) -> bool:
        """Whether nothing may be sent."""
        return self._count > 0

    async def run(self, output: Output) -> None:
        """Look at every row.

        Raises:
            OSError: the manifest can't be read.

        """
        entries = self._manifest.entries()
        async with output.progress.during(f"checking {self._manifest.path}"):
            while some := list(islice(entries, _AT_ONCE)):
                for entry, problems in zip(some, await asyncio.gather(*map(self._checked, some)), strict=True):
                    self._note(entry, problems)
                output.progress.show(f"{self.rows:,} rows of {self._manifest.path} checked", on_terminal_only=True)
                await asyncio.sleep(0)  # links alone need no thread, and Ctrl-C needs the loop

    def lines(self) -> list[str]:
        """Return what to say of the problems: one line, or a line and a list."""
        if self._count == 1:
            return [f"nothing was sent: {self._first[0]}"]
        more = self._count - len(self._first)
        rest = [f"and {more:,} more"] if more else []
        return [f"nothing was sent; {self._count:,} things to mend:", *self._first, *rest]

    async def _checked(self, entry: Entry) -> list[str]:
        if entry.row is None:
            return list(entry.problems)
        spec = entry.row.spec(self._manifest.folder, carries_id=self._carries_id)
        return [in_fields(problem) for problem in await self._session.check_element(spec)]

    def _note(self, entry: Entry, problems: list[str]) -> None:
        self.rows += 1
        if entry.row and entry.row.id is not None:
            first = self._line_of_id.setdefault(entry.row.id, entry.line)
            if first != entry.line:
                problems.append(f"id: is that of line {first} too")
        self._count += len(problems)
        for problem in problems[: MOST_SHOWN - len(self._first)]:
            self._first.append(f"{self._manifest.path}:{entry.line}: {problem}")
