"""Connections to PostgreSQL, and what goes wrong with them.

Law: what is run here is one statement that may be run twice: it is run again if its connection was lost, or if it
was in another's way. No error shows a password.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from ..errors import ConfigurationError
from ..secret import Secret

T = TypeVar("T")

# Seconds before a statement is run again whose connection was lost: a server that restarts is back by then.
_PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0)
_PASSING = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg sometimes makes of a connection that ends
)


class Pool:
    """A few connections to one database."""

    def __init__(self, dsn: str, most: int) -> None:
        self._dsn = Secret(dsn)
        self._most = most
        self._pool: Any = None

    async def open(self) -> None:
        """Connect.

        Raises:
            ConfigurationError: there is no such database, or it lets nobody in.

        """
        try:
            self._pool = await asyncpg.create_pool(
                self._dsn.reveal(), min_size=1, max_size=self._most, command_timeout=60.0
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            fault = type(error).__name__  # its text may hold the address, and that the password
        else:
            return
        raise ConfigurationError(f"the journal's database can't be reached: {fault}")

    async def close(self) -> None:
        """Disconnect, when what runs has ended; at once if that takes long."""
        pool, self._pool = self._pool, None
        try:
            async with asyncio.timeout(10.0):
                await pool.close()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pool.terminate()

    async def execute(self, statement: str, *values: Any) -> int:
        """Run a statement, and return how many rows it has changed."""
        tag = await self.run(lambda connection: connection.execute(statement, *values))
        last = tag.rpartition(" ")[2]
        return int(last) if last.isdigit() else 0

    async def fetch(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement, and return its rows."""
        return await self.run(lambda connection: connection.fetch(statement, *values))

    async def run(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Do work on a connection, and again on a new one if it was lost.

        Raises:
            ConfigurationError: the database is gone, or refuses.

        """
        fault = "it is not open"
        for pause in (*_PAUSES, None):
            if self._pool is None:
                break
            try:
                async with self._pool.acquire() as connection:
                    return await work(connection)
            except _PASSING as error:
                fault = type(error).__name__
            except asyncpg.PostgresError as error:
                fault = f"{type(error).__name__}: {error}"
                break
            if pause is not None:
                await asyncio.sleep(pause)
        raise ConfigurationError(f"the journal can't be read or written: {fault}")
