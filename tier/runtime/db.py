"""PostgreSQL: one writer, many readers, and the one way to open a transaction.

A node writes one transaction at a time: everything hot is a batch, so nothing is lost
by it, and the order of commits is the order of the ledger. Readers have their own pool,
and those who see an area only another.
Several processes on one database stay right too: an advisory lock, taken with BEGIN, is
the same queue.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from tier.jurisdiction import parse
from tier.runtime import failpoints
from tier.runtime.area import AREA
from tier.runtime.errors import Contended, DatabaseAway, DatabaseFull, InvalidInput

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

LOST_RACES = (
    asyncpg.UniqueViolationError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)
LOST_CONNECTIONS = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresSystemError,  # its disk answers with errors
    OSError,
    TimeoutError,
)
# No disk, memory or connection left: the transaction has no effect, and may be repeated.
OUT_OF_ROOM = asyncpg.InsufficientResourcesError
ROOM_SECONDS = 5.0
# The writer touches rows by key only. A plan made while the tables were small must not
# scan them once they are large, and need not be made again for every batch.
BY_KEY = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}
# One writer at a time, asked for in the round trip that begins the transaction. What an
# action loads, nobody else changes before it writes.
BEGIN_ALONE = f"BEGIN; SELECT pg_advisory_xact_lock({0x64756374})"
# Who sees less than the node reads as this role, which row-level security holds to an area:
# the second wall, should a query forget to ask for the area itself. It is the role of its
# connections from the first: statements stay planned for it, and none of them sees more
# because an area was not set.
VIEWER = "ducha_viewer"
SEE = """
    BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SELECT set_config('ducha.area', 'AREA', true)
"""
ACQUIRE_SECONDS = 10.0
STATEMENT_SECONDS = 60.0


class Tx:
    """An open transaction, and what to do once it is committed."""

    __slots__ = ("_connection", "_hooks")

    def __init__(self, connection: Connection) -> None:
        """Wrap a connection that is inside a transaction."""
        self._connection = connection
        self._hooks: list[Callable[[], None]] = []

    async def fetch(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        """Return all rows of `sql`."""
        return await self._connection.fetch(sql, *arguments)

    async def fetchrow(self, sql: str, *arguments: Any) -> asyncpg.Record | None:
        """Return the first row of `sql`."""
        return await self._connection.fetchrow(sql, *arguments)

    async def fetchval(self, sql: str, *arguments: Any) -> Any:
        """Return the first column of the first row of `sql`."""
        return await self._connection.fetchval(sql, *arguments)

    async def execute(self, sql: str, *arguments: Any) -> int:
        """Run `sql` for its effect; return how many rows it wrote, if it writes rows."""
        status = await self._connection.execute(sql, *arguments)
        count = status.rsplit(" ", 1)[-1]
        return int(count) if count.isdigit() else 0

    async def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run `sql` once for each row of arguments, all in one round trip."""
        await self._connection.executemany(sql, rows)

    async def copy(
        self, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Write many rows by COPY."""
        await self._connection.copy_records_to_table(table, columns=names, records=rows)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo only what happens inside, if it raises."""
        await self._connection.execute("SAVEPOINT inner_part")
        try:
            yield
        except BaseException:
            await self._connection.execute("ROLLBACK TO SAVEPOINT inner_part")
            raise
        await self._connection.execute("RELEASE SAVEPOINT inner_part")

    def on_commit(self, hook: Callable[[], None]) -> None:
        """Call `hook` after the commit, in order; never if it fails."""
        self._hooks.append(hook)

    def committed(self) -> None:
        """Run the hooks."""
        for hook in self._hooks:
            hook()


class Database:
    """A node's own database."""

    def __init__(
        self,
        writer: asyncpg.Pool[asyncpg.Record],
        readers: asyncpg.Pool[asyncpg.Record],
        viewers: asyncpg.Pool[asyncpg.Record],
    ) -> None:
        """Use `writer`, a pool of one, for writing and `readers` for queries.

        `viewers` are for queries of who sees an area only: connections of role VIEWER.
        """
        self._writer = writer
        self._readers = readers
        self._viewers = viewers

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """Open the writing transaction; it commits on exit and rolls back on error.

        Raises:
            Contended: another writer was first; the whole action may be retried.
            DatabaseAway: the connection was lost. COMMIT may have happened: the
                request id tells, so the caller asks again with the same one.
            DatabaseFull: the database has no room; nothing was written.
            InvalidInput: a text holds a NUL character, which PostgreSQL cannot keep.
        """
        try:
            async with self._writer.acquire(timeout=ACQUIRE_SECONDS) as connection:
                async with _alone(connection):
                    tx = Tx(connection)
                    yield tx
                failpoints.reach("commit.after")
                tx.committed()
        except LOST_RACES as lost:
            raise Contended from lost
        except LOST_CONNECTIONS as lost:
            raise DatabaseAway from lost
        except OUT_OF_ROOM as full:
            raise DatabaseFull(retry_after=ROOM_SECONDS) from full
        except asyncpg.CharacterNotInRepertoireError as wrong:
            raise InvalidInput(problem="a text holds a NUL character") from wrong

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Tx]:
        """Open a read-only snapshot for queries; of the area, where `AREA` names one.

        Raises:
            DatabaseAway: the connection was lost.
            DatabaseFull: the database has no room.
        """
        area = AREA.get()
        try:
            if area is not None:
                async with (
                    self._viewers.acquire(timeout=ACQUIRE_SECONDS) as connection,
                    _seen_from(connection, area),
                ):
                    yield Tx(connection)
                return
            async with (
                self._readers.acquire(timeout=ACQUIRE_SECONDS) as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                yield Tx(connection)
        except LOST_CONNECTIONS as lost:
            raise DatabaseAway from lost
        except OUT_OF_ROOM as full:
            raise DatabaseFull(retry_after=ROOM_SECONDS) from full

    async def ping(self) -> None:
        """Raise if the database does not answer."""
        async with self.reading() as tx:
            await tx.fetchval("SELECT 1")

    async def close(self) -> None:
        """Close all pools."""
        await self._writer.close()
        await self._readers.close()
        await self._viewers.close()


@asynccontextmanager
async def _alone(connection: Connection) -> AsyncIterator[None]:
    """Open a transaction as the one writer of this database, over all processes."""
    await connection.execute(BEGIN_ALONE)
    try:
        yield
        failpoints.reach("commit.before")
    except BaseException:
        with contextlib.suppress(asyncpg.PostgresError, *LOST_CONNECTIONS):
            await connection.execute("ROLLBACK")
        raise
    await connection.execute("COMMIT")


@asynccontextmanager
async def _seen_from(connection: Connection, area: str) -> AsyncIterator[None]:
    """Open a snapshot of what an area may see, in one round trip."""
    # A parsed code: digits. What is sent with others in one go takes no parameters.
    await connection.execute(SEE.replace("AREA", parse(area)))
    try:
        yield
    except BaseException:
        with contextlib.suppress(asyncpg.PostgresError, *LOST_CONNECTIONS):
            await connection.execute("ROLLBACK")
        raise
    await connection.execute("COMMIT")


async def _keep(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Leave a released connection as it is: nothing here sets session state.

    Only a transaction that was cut off, such as by a cancelled COMMIT, must not live on.
    """
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


async def open_database(url: str, *, name: str, readers: int = 8) -> Database:
    """Open the pools; `name` shows in pg_stat_activity.

    Raises:
        RuntimeError: the server would lose acknowledged commits at a power cut.
    """
    settings = {"application_name": name, "timezone": "UTC", "jit": "off"}

    def pool(size: int, more: dict[str, str], *, ready: int = 1) -> Any:
        return asyncpg.create_pool(
            url,
            min_size=ready,
            max_size=size,
            reset=_keep,
            command_timeout=STATEMENT_SECONDS,
            max_inactive_connection_lifetime=0,
            server_settings=settings | more,
        )

    # Viewers come when they are needed: the role may not be made yet.
    viewers = await pool(readers, {"role": VIEWER}, ready=0)
    database = Database(await pool(1, BY_KEY), await pool(readers, {}), viewers)
    async with database.reading() as tx:
        rows = await tx.fetch(DURABILITY)
    unsafe = [f"{row['name']}={row['setting']}" for row in rows]
    if unsafe:
        await database.close()
        raise RuntimeError(
            f"PostgreSQL may lose acknowledged writes: {', '.join(unsafe)}; set on"
        )
    return database


DURABILITY = """
    SELECT name, setting
      FROM pg_settings
     WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')
       AND setting NOT IN ('on', 'remote_apply', 'remote_write', 'local')
"""
