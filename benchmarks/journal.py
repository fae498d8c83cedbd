"""The journal in a file, at a million rows: how long it takes to write them down, and to begin again.

Taken in is what ``journal.take_in`` does: the keys of all rows are on disk, synchronised, and counted by
``progress``. The resume is that of a job that was killed, whose journal holds a million entries, half of them
finished: from ``create_many`` in a fresh process to its first outcome, and to its first request where nothing is
finished yet. Cutting a manifest costs more than writing it down, and has a line of its own.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kling_elements_async import ElementSpec, ElementsSession, Images
from kling_elements_async.chunks import take_in
from kling_elements_async.digest import digest_of
from kling_elements_async.events import Sent
from kling_elements_async.gateways import EzModel
from kling_elements_async.journals import SqliteJournal

from .contest import KEY
from .gateway import served
from .table import Row, Table
from .uploads import resident

ROWS = 1_000_000
MOST_TAKEN_IN = 5.0
MOST_RESUME = 1.0
_LINKS = Images("https://cdn.example.com/front.png", ["https://cdn.example.com/side.png"])
_TASK = (
    '{{"task_id": "{0}", "status": "succeeded", "status_word": "succeed", "message": null,'
    ' "external_task_id": null,'
    ' "elements": [{{"element_id": "{0}", "name": "element {0}", "description": "One of many", "frontal_image":'
    ' "https://cdn.example.com/front.png", "reference_type": "image", "other_images": [], "videos": [],'
    ' "voice": null, "tags": [], "owner": null, "status": "succeed"}}], "created_at": null, "updated_at": null,'
    ' "cost": null, "request_id": null}}'
)


def _spec(number: int) -> ElementSpec:
    return ElementSpec(f"element {number}", "One of many", _LINKS)


def _keys(rows: int) -> Iterator[str]:
    return (f"{number * 0x9E3779B97F4A7C15 % 2**64:040x}#0" for number in range(rows))


async def _taken_in(path: Path, rows: int) -> float:
    async with SqliteJournal(path) as journal:
        began = time.perf_counter()
        await journal.take_in(_keys(rows))
        return time.perf_counter() - began


async def _cut(path: Path, rows: int) -> tuple[float, float]:
    """Return the seconds to cut a manifest and take it in, and the megabytes that grew by it."""
    manifest = path.with_name("manifest.jsonl")
    with manifest.open("w") as file:
        for number in range(rows):
            row = {"name": f"element {number}", "description": "One of many", "frontal": "front.png"}
            file.write(json.dumps(row) + "\n")
    async with SqliteJournal(path) as journal:
        before, began = resident(), time.perf_counter()
        await take_in(manifest, journal)
        return time.perf_counter() - began, (resident() - before) / 1e6


def _items(rows: int) -> Iterator[tuple[object, ...]]:
    for number in range(rows):
        digest = digest_of(_spec(number))
        is_finished = number % 2 == 0
        yield f"{digest}#0", digest, None, 1.7e9, str(number), _TASK.format(number) if is_finished else None


async def _fill(path: str, rows: int) -> None:
    """Write the journal of a job that has begun ``rows`` items and finished half, and end as if it were killed."""
    journal = SqliteJournal(path)
    await journal.open()
    await journal.bind("ezmodel")
    await journal.take_in(_keys(rows))
    # One by one, as a job writes them, they would take an hour.
    await journal._file.do(lambda db: db.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)", _items(rows)))  # noqa: SLF001
    os._exit(0)


async def _resumed(url: str, path: str) -> tuple[float, float, float]:
    """Return the seconds to the first outcome, to the first answer of a job that goes on, and to a count."""
    sent = asyncio.Event()

    def on_event(event: object) -> None:
        if isinstance(event, Sent):
            sent.set()

    gateway = EzModel(api_key=KEY, base_url=url)
    async with ElementsSession(gateway, on_event=on_event) as session:
        began = time.perf_counter()
        async with session.create_many(map(_spec, range(0, 20, 2)), journal=path) as outcomes:
            await anext(outcomes)
            first_outcome = time.perf_counter() - began
        sent.clear()
        began = time.perf_counter()
        async with session.create_many(map(_spec, range(10**7, 10**7 + 10)), journal=path):
            await sent.wait()
            first_request = time.perf_counter() - began
    async with SqliteJournal(path) as journal:
        began = time.perf_counter()
        await journal.progress()
        return first_outcome, first_request, time.perf_counter() - began


def _in_a_process(work: str, *arguments: object) -> str:
    call = f"asyncio.run(journal.{work}({', '.join(map(repr, arguments))}))"
    code = f"import asyncio; from benchmarks import journal; print(*({call}))"
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def run(*, quick: bool) -> Table:
    rows = ROWS // 10 if quick else ROWS
    with tempfile.TemporaryDirectory() as folder, served() as gateway:
        taken_in = asyncio.run(_taken_in(Path(folder) / "plan.journal", rows))
        cut, megabytes = asyncio.run(_cut(Path(folder) / "cut.journal", rows))
        killed = str(Path(folder) / "killed.journal")
        _in_a_process("_fill", killed, rows)
        log = Path(f"{killed}-wal").stat().st_size / 1e6
        outcome, request, counted = map(float, _in_a_process("_resumed", gateway.url, killed).split())
    return Table(
        f"journal: {rows:,} rows in a file",
        (
            Row("taken in: all keys on disk", taken_in, " s", most=MOST_TAKEN_IN),
            Row("  cut from a manifest of JSON Lines and taken in", cut, " s"),
            Row("  memory that this takes", megabytes, " MB", digits=0),
            Row("resume after a kill: first outcome", outcome, " s", most=MOST_RESUME),
            Row("resume: first request", request, " s", most=MOST_RESUME, digits=3),
            Row("  the log that the killed process left", log, " MB", digits=0),
            Row("  progress counted", counted, " s"),
        ),
    )
