"""Put a node's database back to what it was, as an operator does after a loss."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg

from tests.journeys.running import Running


async def while_stopped(running: Running, node: str, statements: Sequence[str]) -> None:
    """Stop a node and run statements as the database's administrator."""
    assert running.line.postgres is not None
    await asyncio.to_thread(running.line.stop_node, node)
    connection = await asyncpg.connect(running.line.postgres.dsn("postgres"))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def back_up(running: Running, node: str) -> None:
    """Copy a node's database; the node is stopped meanwhile, and stays so."""
    await while_stopped(
        running, node, [f'CREATE DATABASE backup TEMPLATE "ducha_{node}"']
    )


async def put_back(running: Running, node: str) -> None:
    """Put the copy in place of a node's database; the node stays stopped."""
    await while_stopped(
        running,
        node,
        [
            f'DROP DATABASE "ducha_{node}" WITH (FORCE)',
            f'ALTER DATABASE backup RENAME TO "ducha_{node}"',
            f'ALTER DATABASE "ducha_{node}" OWNER TO "ducha_{node}"',
        ],
    )
