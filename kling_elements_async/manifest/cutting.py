"""Cutting a manifest into chunks, and what each row of it is called.

Law: holds one chunk of the manifest and no more, so that a million rows are cut in little memory. A row is plain
data that a queue can store as JSON; what is wrong with it travels with it.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from ..arguments import check, check_many, check_whole
from ..journal import Journal
from ..pictures import is_link
from .file import Manifest
from .row import LISTS

Row = dict[str, Any]

_PICTURES = ("frontal", "others")
_OURS = ("line", "occurrence", "problem")
_said = json.JSONEncoder(sort_keys=True).encode


def chunks(manifest: str | Path | Iterable[Mapping[str, Any]], size: int = 500) -> Iterator[list[Row]]:
    """Cut a manifest, a ``.jsonl`` or ``.csv`` file or the rows themselves, into lists of rows for ``run_chunk``.

    Each row gets its ``occurrence``, which of its equals it is, and its ``line``; paths begin at the manifest's
    folder. Of the rows before it only their hashes are kept, on disk.

    Raises:
        ConfigurationError: the file's name does not end as that of a manifest.
        ValueError: the size is less than 1.
        OSError: the file can't be read.

    """
    check_whole(size, "size", 1)
    if isinstance(manifest, str | Path):
        rows = _file_rows(Manifest(Path(manifest), None))
    else:
        check_many(manifest, "manifest", "row")
        rows = (dict(_mapping(row)) for row in manifest)
    numbered = _numbered(rows)
    return iter(lambda: list(islice(numbered, size)), [])


async def take_in(manifest: str | Path | Iterable[Mapping[str, Any]], journal: Journal) -> int:
    """Write all rows of a manifest down in a journal as waiting, and return how many there are.

    With it ``journal.progress()`` counts what is still to do. Taking the same manifest in again changes nothing.
    """
    return await journal.take_in(key_of(row) for chunk in chunks(manifest) for row in chunk)


def key_of(row: Mapping[str, Any]) -> str:
    """Return the key of a row in a journal: its id, or a hash of what it says and which of its equals it is."""
    name = _mapping(row).get("id")
    return name if isinstance(name, str) and name else f"{text_hash(row).hex()[:40]}#{row.get('occurrence', 0)}"


def _mapping(row: Mapping[str, Any]) -> Mapping[str, Any]:
    check(row, "row", "a mapping is expected", Mapping)
    return row


def text_hash(row: Mapping[str, Any]) -> bytes:
    """Return the hash of what a row says."""
    said = {name: value for name, value in row.items() if name not in _OURS}
    return hashlib.sha256(_said(said).encode()).digest()


def _file_rows(manifest: Manifest) -> Iterator[Row]:
    folder = "" if manifest.folder == Path() else str(manifest.folder)
    for record in manifest.records():
        row = record.fields
        for name in _PICTURES:
            if name in row:
                row[name] = _placed(name, row[name], folder)
        if record.problems:
            row["problem"] = "; ".join(record.problems)
        row["line"] = record.line
        yield row


def _placed(name: str, value: Any, folder: str) -> Any:
    """Put the path of a picture behind the manifest's folder; what is no path stays as it is."""
    if name in LISTS and isinstance(value, list):
        return [_placed("frontal", each, folder) for each in value]
    if not isinstance(value, str) or not value.strip() or is_link(value):
        return value
    return os.path.join(folder, value)  # noqa: PTH118 - a Path for each would cost more than all the rest


def _numbered(rows: Iterable[Row]) -> Iterator[Row]:
    """Give each row its occurrence. A database of its own, in a file that SQLite removes, counts equal rows.

    Whoever reads on may do so from another thread.
    """
    with closing(sqlite3.connect("", isolation_level=None, check_same_thread=False)) as seen:
        seen.execute("PRAGMA journal_mode=OFF")
        seen.execute("PRAGMA synchronous=OFF")
        seen.execute("CREATE TABLE seen (hash BLOB PRIMARY KEY, count INTEGER) WITHOUT ROWID")
        seen.execute("BEGIN")
        for row in rows:
            ((count,),) = seen.execute(
                "INSERT INTO seen VALUES (?, 0) ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count",
                (text_hash(row)[:16],),
            ).fetchall()
            row["occurrence"] = count
            yield row
