"""``batch``: an element for each row of a manifest, many at once; with ``--journal``, once for all reruns.

Law: sends nothing before every row was looked at, and whoever stops it is told what was sent and how to go on.
"""

import asyncio
import time
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, nullcontext, suppress
from itertools import islice
from pathlib import Path
from typing import TextIO

from ..errors import ApiError
from ..manifest.file import Manifest
from ..models import ElementSpec
from ..outcomes import Created, Outcome, Outcomes
from ..session import ElementsSession
from . import journal_place
from .display import Display, chosen
from .failure import DONE, REFUSED, WRONG, UsageError
from .inspection import Inspection
from .output import Output
from .results import Label, opened, ranges, result_line
from .subcommand import Subcommand, seconds, whole
from .tally import Tally, duration

_TICK = 0.2
_MOST_ROWS = 1_000_000_000
_NOTES = """\
manifest, JSON Lines or CSV with a header; paths begin at its folder:
  name, description   needed
  frontal, others     a file or link; a list of 1 to 3 of them
  video               a link, instead of frontal and others
  tags, voice, id     a list; an id; your own id of the task
In JSON a list is a list, in CSV its parts stand between ";".

results, a line of JSON each, in the order of completion:
  index, line, id, status (created, failed), element_id,
  task_id, resolution, error_type, error

exit codes: 0 all created, 1 some failed or none may be created,
2 a wrong manifest or option, 130 Ctrl-C"""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("manifest", metavar="MANIFEST", type=Path, help="a .jsonl or .csv file, a row an element")
    journal_place.add_to(parser)
    parser.add_argument("--output", metavar="FILE", type=Path, help="for the results (default: stdout)")
    parser.add_argument("--dry-run", action="store_true", help="check the manifest, and send nothing")
    parser.add_argument(
        "--limit", metavar="N", type=whole(1, _MOST_ROWS), help="only the first N rows (default: all)"
    )
    parser.add_argument(
        "--ensure", action="store_true", help="the same row is the same element, whenever it is sent"
    )
    parser.add_argument(
        "--timeout", metavar="S", type=seconds, default=600.0, help="seconds for each element (default: 600)"
    )


async def _run(parsed: Namespace, output: Output) -> int:
    manifest = Manifest(parsed.manifest, parsed.limit)
    if parsed.output and parsed.output.resolve() in _resolved(parsed.manifest, parsed.journal):
        raise UsageError(f"--output {parsed.output} is the manifest or the journal itself")
    async with ElementsSession.from_env() as session:
        journal = journal_place.journal_of(parsed)
        batch = Batch(session, manifest, journal, parsed, output)  # knows at once whether the gateway can --ensure
        inspection = await _inspected(session, manifest, output)
        if inspection.has_problems:
            output.error(*inspection.lines())
            return WRONG
        if parsed.dry_run:
            right = "1 row is" if inspection.rows == 1 else f"{inspection.rows:,} rows are"
            output.note(f"{right} right; nothing was sent")
            return DONE
        with opened(parsed.output, is_rerun_safe=bool(parsed.journal or parsed.ensure)) as results:
            async with journal_place.opened(journal):
                return await batch.run(inspection.rows, results, chosen(is_quiet=parsed.json))


def _resolved(*places: Path | str | None) -> list[Path]:
    return [place.resolve() for place in places if isinstance(place, Path)]


async def _inspected(session: ElementsSession, manifest: Manifest, output: Output) -> Inspection:
    inspection = Inspection(session, manifest)
    try:
        await inspection.run(output)
    except OSError as error:
        raise UsageError(f"{manifest.path} can't be read: {error.strerror}") from None
    except asyncio.CancelledError:
        output.error("stopped; nothing was sent")
        raise
    return inspection


class Batch:
    """One run over a manifest."""

    def __init__(
        self,
        session: ElementsSession,
        manifest: Manifest,
        journal: journal_place.Place,
        parsed: Namespace,
        output: Output,
    ) -> None:
        self._manifest = manifest
        self._output = output
        self._carries_id = session.gateway.carries.external_ids
        self._is_rerun_safe = bool(parsed.journal or parsed.ensure)
        self._has_ids = False
        self._outcomes: Outcomes = session.create_many(
            self._specs(), journal=journal, timeout=parsed.timeout, ensure=parsed.ensure
        )
        self._labels: dict[int, Label] = {}
        self._tally = Tally(0, 0.0)
        self._fault = ""
        self._unwritten: list[str] = []

    async def run(self, rows: int, results: TextIO, display: Display) -> int:
        """Create, write the results, and return the exit code."""
        self._tally = Tally(rows, time.monotonic())
        try:
            with display:
                async with self._shown(display):
                    await self._write(results, display)
        except (asyncio.CancelledError, OSError):  # Ctrl-C, or the reader of the results is gone
            self._output.error(*self._stopped())
            raise
        except ApiError as error:
            if error.unsent_from is None:
                raise
            first = self._labels[error.unsent_from].line
            self._output.error(f"{error}. {self._counts()}; the first line not sent is {first}")
            return REFUSED
        return self._end()

    def _specs(self) -> Iterator[ElementSpec]:
        """Read the manifest again, as there is room to send; what was not checked is not sent."""
        try:
            for index, entry in enumerate(islice(self._manifest.entries(), self._tally.total)):
                if entry.row is None:
                    self._fault = f"{self._manifest.path}:{entry.line}: {entry.problems[0]}"
                    return
                self._labels[index] = Label(entry.line, entry.row.id)
                self._has_ids = self._has_ids or entry.row.id is not None
                yield entry.row.spec(self._manifest.folder, carries_id=self._carries_id)
        except OSError as error:
            self._fault = f"{self._manifest.path} can't be read: {error.strerror}"

    async def _write(self, results: TextIO, display: Display) -> None:
        async with self._outcomes as outcomes:
            try:
                async for outcome in outcomes:
                    self._note(outcome, results, display)
            except (asyncio.CancelledError, OSError):
                async for outcome in _complete(outcomes):
                    with suppress(OSError):
                        self._note(outcome, results, display)
                raise

    def _note(self, outcome: Outcome, results: TextIO, display: Display) -> None:
        if isinstance(outcome, Created):
            self._tally.created += 1
            self._tally.resumed += outcome.resolution == "resumed"
        else:
            self._tally.failed += 1
        line = result_line(outcome, self._labels.pop(outcome.index))
        try:
            with display.aside() if results.isatty() else nullcontext():
                print(line, file=results, flush=True)
        except OSError:
            self._unwritten.append(line)
            raise

    @asynccontextmanager
    async def _shown(self, display: Display) -> AsyncIterator[None]:
        async def tick() -> None:
            while True:
                now = time.monotonic()
                self._tally.running = sum(task_id is not None for _, task_id in self._outcomes.under_way)
                self._tally.sample(now)
                display.show(self._tally, now)
                await asyncio.sleep(_TICK)

        ticking = asyncio.create_task(tick())
        try:
            yield
        finally:
            ticking.cancel()
            await asyncio.wait([ticking])

    def _end(self) -> int:
        if self._fault:
            self._output.error(f"the manifest was changed after the check: {self._fault}; {self._counts()}")
            return WRONG
        again = ". The same command again tries those that may be tried" if self._is_rerun_safe else ""
        self._output.note(self._counts() + (again if self._tally.failed else ""))
        if self._has_ids and not self._carries_id:
            self._output.note("this gateway knows no external ids: those of the manifest only label the results")
        return REFUSED if self._tally.failed else DONE

    def _counts(self) -> str:
        tally = self._tally
        before = f" ({tally.resumed:,} of them begun earlier)" if tally.resumed else ""
        took = duration(time.monotonic() - tally.began)
        return f"{tally.created:,} created{before}, {tally.failed:,} failed, of {tally.total:,}, in {took}"

    def _stopped(self) -> list[str]:
        sent = sorted(self._outcomes.under_way)
        known = [(index, task_id) for index, task_id in sent if task_id is not None]
        unclear = [self._labels[index].line for index, task_id in sent if task_id is None]
        running = f"; {len(known):,} still running at the gateway" if known else ""
        begin = f"stopped: {self._counts()}{running}"
        if self._is_rerun_safe:
            return [f"{begin}. Go on with the same command: it makes nothing twice"]
        if not sent and not self._unwritten:
            return [f"{begin}; no other was sent"]
        lines = self._unwritten + [
            f"line {self._labels[index].line}: kling-elements wait {task_id}" for index, task_id in known
        ]
        if unclear:
            lines.append(f"perhaps sent, the answer was not awaited: {ranges(unclear)}; see kling-elements list")
        lines.append("the same command would make them again; with --journal FILE it goes on where it stopped")
        return [f"{begin}. Without a journal only this names them:", *lines]


async def _complete(outcomes: Outcomes) -> AsyncIterator[Outcome]:
    """Yield the outcomes that are there by now, and wait for none."""
    with suppress(TimeoutError, asyncio.CancelledError, StopAsyncIteration, ApiError):
        while True:
            async with asyncio.timeout(0):
                outcome = await anext(outcomes)
            yield outcome


BATCH = Subcommand(
    "batch",
    "create an element for each row of a file",
    "batch shots.jsonl --journal shots.journal > results.jsonl",
    _run,
    _arguments,
    more_examples=("batch shots.csv --dry-run",),
    notes=_NOTES,
    when_stopped="stopped; nothing was sent",
)
