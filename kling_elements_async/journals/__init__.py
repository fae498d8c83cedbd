"""Where a bulk job can be written down: a file of SQLite's, for one process, or PostgreSQL, for many.

Law: one file a kind, each behind the protocol of ``journal``. Neither is loaded before it is used.
"""

from ..journal import Entry, Journal, Progress, Result
from .postgres import PostgresJournal
from .sqlite import SqliteJournal

__all__ = ["Entry", "Journal", "PostgresJournal", "Progress", "Result", "SqliteJournal"]
