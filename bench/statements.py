"""Which SQL statements the time of the databases went into (pg_stat_statements)."""

from __future__ import annotations

import re

import asyncpg

from bench.servers import Servers

SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "track_io_timing": "on",
}
MOST = 20
SHOWN = 90

BUSIEST = """
    SELECT d.datname, s.query, s.calls, s.rows, s.total_exec_time AS millis
      FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
     WHERE d.datname LIKE 'ducha%'
     ORDER BY s.total_exec_time DESC
     LIMIT $1
"""


async def reset(servers: Servers) -> None:
    """Forget what was run before."""
    connection = await asyncpg.connect(servers.postgres.dsn("postgres"))
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        await connection.execute("SELECT pg_stat_statements_reset()")
    finally:
        await connection.close()


async def busiest(servers: Servers) -> str:
    """Return the statements that took longest, as a Markdown table."""
    connection = await asyncpg.connect(servers.postgres.dsn("postgres"))
    try:
        found = await connection.fetch(BUSIEST, MOST)
    finally:
        await connection.close()
    rows = [
        f"| {row['datname']} | {row['millis']:,.0f} | {row['calls']:,} | {row['rows']:,} "
        f"| `{_short(row['query'])}` |"
        for row in found
    ]
    head = [
        "| Database | ms | Calls | Rows | Statement |",
        "| --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *rows])


def _short(query: str) -> str:
    """Write a statement on one line, cut."""
    return re.sub(r"\s+", " ", query).strip()[:SHOWN].replace("|", "\\|")
