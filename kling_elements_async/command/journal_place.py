"""Where ``--journal`` leads: to a file, or to PostgreSQL, where any number of machines work on one job.

Law: a URL may hold a password, and is not repeated in what is said of it.
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any

from ..journals.postgres import PostgresJournal
from ..secret import MaskedStr
from .failure import UsageError

Place = Path | PostgresJournal | None


def add_to(parser: ArgumentParser) -> None:
    """Add the options that say which journal it is."""
    parser.add_argument(
        "--journal",
        metavar="FILE",
        type=_place,
        help="remembers what was done: a rerun makes nothing twice. A file; or, for many machines at once, "
        "postgresql://user@host/database",
    )
    parser.add_argument("--job", metavar="NAME", help="the job's name in that database (default: the manifest's)")


def _place(text: str) -> Path | MaskedStr:
    """Read the path of a file, or the URL of a database."""
    scheme, is_url, _ = text.partition("://")
    if not is_url:
        return Path(text)
    if scheme in ("postgresql", "postgres"):
        return MaskedStr(text)
    raise ArgumentTypeError("leads to a file, or to postgresql://user@host/database")


def journal_of(parsed: Namespace) -> Place:
    """Return the journal of a batch, not opened yet."""
    if isinstance(parsed.journal, str):
        return PostgresJournal(parsed.journal, job=parsed.job or parsed.manifest.name)
    if parsed.job is not None:
        raise UsageError("--job names a job in a database: give it as --journal postgresql://user@host/database")
    file: Path | None = parsed.journal
    return file


def opened(journal: Place) -> AbstractAsyncContextManager[Any]:
    """Open a database for as long as the batch runs; a file is opened where it is used."""
    return journal if isinstance(journal, PostgresJournal) else nullcontext()
