"""A manifest: a file with a row for each element to create, as JSON Lines or as CSV with a header.

Law: reads one row at a time and holds no other; what is wrong with a row comes in its place, with its line.
Sends nothing, and opens no picture.
"""

import csv
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from attrs import frozen

from ..errors import ConfigurationError
from .row import FIELDS, LISTS, REQUIRED, Row, strange, structured

_JSON_LINES = (".jsonl", ".ndjson", ".json-lines")
_CSV = (".csv",)
_LONGEST_LINE = 1_000_000


@frozen
class Entry:
    """What stands in one place of a manifest: a row, or what is wrong there, each as ``field: what``."""

    line: int
    row: Row | None
    problems: tuple[str, ...] = ()


@frozen
class Record:
    """What stands in one place as it is written: the fields that have a value, or what is wrong there."""

    line: int
    fields: dict[str, Any]
    problems: tuple[str, ...] = ()


class Manifest:
    """A manifest on disk; ``limit`` is how many rows of it count, from its first.

    Raises:
        ConfigurationError: its name does not end as that of a manifest.

    """

    def __init__(self, path: Path, limit: int | None) -> None:
        if path.suffix.lower() not in _JSON_LINES + _CSV:
            raise ConfigurationError(f"{path} must end in one of {', '.join(_JSON_LINES + _CSV)}")
        self.path = path
        self._limit = limit

    @property
    def folder(self) -> Path:
        """Where the paths in it begin."""
        return self.path.parent

    def entries(self) -> Iterator[Entry]:
        """Read it from its start, and look at each row.

        Raises:
            OSError: it can't be read.

        """
        return map(_entry, self.records())

    def records(self) -> Iterator[Record]:
        """Read it from its start.

        Raises:
            OSError: it can't be read.

        """
        is_csv = self.path.suffix.lower() in _CSV
        # What is no UTF-8 becomes lone surrogates, which are reported with their line.
        with self.path.open(
            encoding="utf-8-sig", errors="surrogateescape", newline="" if is_csv else "\n"
        ) as file:
            yield from islice(_csv_records(file) if is_csv else _json_records(file), self._limit)


def _json_records(file: TextIO) -> Iterator[Record]:
    line = 0
    while text := file.readline(_LONGEST_LINE):
        line += 1
        if len(text) == _LONGEST_LINE and not text.endswith("\n"):
            yield _faulty(line, f"row: is longer than {_LONGEST_LINE:,} characters; nothing after it was read")
            return
        if not text.strip():
            continue
        if not _is_unicode(text):
            yield _faulty(line, "row: is no UTF-8")
            continue
        try:
            record = json.loads(text.rstrip())
        except json.JSONDecodeError as error:
            yield _faulty(line, f"row: is no JSON: {error.msg} at column {error.colno}")
            continue
        except (ValueError, RecursionError):  # a number of thousands of digits, or thousands of brackets
            yield _faulty(line, "row: is no JSON that can be read")
            continue
        if isinstance(record, dict):
            yield Record(line, {name: value for name, value in record.items() if value is not None})
        else:
            yield _faulty(line, "row: is no JSON object")


def _csv_records(file: TextIO) -> Iterator[Record]:
    reader = csv.reader(file, strict=True)
    header: list[str] = []
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield _faulty(line, f"row: is no CSV: {error}")
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if not all(map(_is_unicode, cells)):
            yield _faulty(line, "row: is no UTF-8")
        elif header:
            yield _cells_record(line, header, cells)
        else:
            header = [cell.strip() for cell in cells]
            if problems := _header_problems(header):
                yield _faulty(line, *problems)
                return
    if not header:
        yield _faulty(1, f"header: is missing; its columns are {', '.join(FIELDS)}")


def _header_problems(header: list[str]) -> list[str]:
    if len(header) == 1 and ";" in header[0]:
        return ["header: its columns stand between commas, not semicolons"]
    problems = [f"{name}: is no column of the header" for name in REQUIRED if name not in header]
    if others := [name for name in header if name not in FIELDS]:
        problems.append(strange(others, "column"))
    twice = sorted({name for name in header if name in FIELDS and header.count(name) > 1})
    return problems + [f"{name}: is there twice" for name in twice]


def _cells_record(line: int, header: list[str], cells: list[str]) -> Record:
    if any(cells[len(header) :]):
        return _faulty(line, f"row: has {len(cells)} cells; the header has {len(header)}")
    record: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=False):
        if name in LISTS:
            record[name] = [part.strip() for part in cell.split(";") if part.strip()]
        elif cell.strip():
            record[name] = cell
    return Record(line, record)


def _entry(record: Record) -> Entry:
    if record.problems:
        return Entry(record.line, None, record.problems)
    row = structured(record.fields)
    return Entry(record.line, row) if isinstance(row, Row) else Entry(record.line, None, tuple(row))


def _faulty(line: int, *problems: str) -> Record:
    return Record(line, {}, problems)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
