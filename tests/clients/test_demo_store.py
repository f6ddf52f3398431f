"""The demonstration's proof counts what is really in a database."""

from __future__ import annotations

import asyncpg

from clients.demo.store import Tally, tally
from deploy.embedded.postgres import Postgres
from tests.servers import Databases

ITEM = "0198c0de-0000-7000-8000-000000000001"

AN_ITEM = """
    INSERT INTO assignment_item
         (item_id, issuer_division, state, mode, closing_kind, quorum_percent,
          lead_division, receive_by_at, deadline_at, issued_at, traceparent, item)
    VALUES ($1::uuid, '53', 1, 1, 1, 0, '53', now(), now(), now(), '', '')
"""
AN_ASSIGNMENT = """
    INSERT INTO assignment
         (item_id, division, assigner_division, receive_by_at, deadline_at,
          received_at, reported_at, verified_at, returned, closed, withdrawn)
    VALUES ($1::uuid, $2, '53', now(), now(), $3::timestamptz, $4::timestamptz,
            $5::timestamptz, $6, $7, $8)
"""


async def test_each_count_is_of_its_own_rows(
    databases: Databases, postgres: Postgres
) -> None:
    """Late, returned and withdrawn ones are told apart."""
    async with databases.fresh() as database:
        async with database.transaction() as tx:
            name = await tx.fetchval("SELECT current_database()")
            now = await tx.fetchval("SELECT now()")
            later = await tx.fetchval("SELECT now() + interval '1 day'")
            await tx.execute(AN_ITEM, ITEM)
            for division, *state in (
                ("530102001", None, None, None, False, False, False),
                ("530102002", now, None, None, False, False, False),
                ("530102003", now, now, None, False, False, False),
                ("530102004", now, None, None, True, False, False),
                ("530102005", now, later, now, False, True, False),
                ("530102006", now, now, None, False, False, True),
            ):
                await tx.execute(AN_ASSIGNMENT, ITEM, division, *state)
        connection = await asyncpg.connect(postgres.dsn(str(name)))
        held = await tally(connection, ITEM)
        await connection.close()

    assert held == Tally(
        targets=5, received=4, reported=2, verified=1, late=1, closed=1, returned=1
    )
