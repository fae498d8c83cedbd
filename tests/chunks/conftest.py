"""Journals of both kinds, and what the bulk tests have: a sandbox and sessions on one quick clock."""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from bulk.conftest import open_session, quick, sandbox, session

from kling_elements_async.journals import PostgresJournal, SqliteJournal

__all__ = ["open_session", "quick", "sandbox", "session"]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def open_journal(
    kind: str, request: pytest.FixtureRequest, tmp_path: Any
) -> AsyncIterator[Callable[..., Any]]:
    """`await open_journal()`: the journal of one job, opened; those that are left are closed at the end."""
    where = tmp_path / "job.journal" if kind == "sqlite" else request.getfixturevalue("database")
    job = uuid.uuid4().hex
    async with AsyncExitStack() as stack:

        async def opened(**options: Any) -> Any:
            made = SqliteJournal(where) if kind == "sqlite" else PostgresJournal(where, job=job, **options)
            return await stack.enter_async_context(made)

        yield opened


@pytest.fixture
async def journal(open_journal: Callable[..., Any]) -> Any:
    return await open_journal()


@pytest.fixture
async def open_workers(database: str) -> AsyncIterator[Callable[..., Any]]:
    """`await open_workers()`: another worker's journal of one job in PostgreSQL."""
    job = uuid.uuid4().hex
    async with AsyncExitStack() as stack:

        async def opened(**options: Any) -> PostgresJournal:
            return await stack.enter_async_context(PostgresJournal(database, job=job, **options))

        yield opened
