"""The proof of collect-once counts what is really in a database."""

from __future__ import annotations

from uuid import uuid4

import asyncpg

from clients.demo.registry_store import Held, facts, held
from deploy.embedded.postgres import Postgres
from tests.servers import Databases

REQUEST = "0198c0de-0000-7000-8000-000000000001"
OTHER = "0198c0de-0000-7000-8000-000000000002"
WITHDRAWN = "0198c0de-0000-7000-8000-000000000003"

A_REQUEST = """
    INSERT INTO registry_request
         (data_request_id, requester_division, period, created_at, deadline_at,
          traceparent, request)
    VALUES ($1::uuid, '53', '2026-11', now(), now(), '', '')
"""
A_WITHDRAWAL = """
    UPDATE registry_request SET withdrawn = true WHERE data_request_id = $1::uuid
"""
A_NEED = """
    INSERT INTO registry_need
         (data_request_id, division, period, requester_division, created_at,
          deadline_at, waiting, served, joined, confirm, collect)
    VALUES ($1::uuid, $2, '2026-11', '53', now(), now(), $3, 1, 2, 3, 4)
"""
A_SHEET = """
    INSERT INTO registry_sheet
         (period, division, period_start, asked, deadline_at, elements, numbers, given,
          flags, answers, observed)
    VALUES ('2026-11', $1, '2026-11-01', $2,
            CASE WHEN $2::smallint[] = '{}' THEN NULL ELSE now() END,
            '{1,2}', $3, '{1,1}', '{0,0}', $4, '{2026-11-02T00:00Z}')
"""
A_FACT = """
    INSERT INTO ledger_fact
         (position, fact_id, kind, division, subject, actor, recorded_at, digest, body)
    VALUES ($1, $2, $3, '53', '', '', now(), '', $4)
"""


async def test_each_count_is_of_its_own_rows(
    databases: Databases, postgres: Postgres
) -> None:
    """Other requests, withdrawn ones and open tasks are told apart."""
    async with databases.fresh() as database:
        async with database.transaction() as tx:
            name = await tx.fetchval("SELECT current_database()")
            for request in (REQUEST, OTHER, WITHDRAWN):
                await tx.execute(A_REQUEST, request)
            await tx.execute(A_WITHDRAWAL, WITHDRAWN)
            await tx.execute(A_NEED, REQUEST, "530102001", [])
            await tx.execute(A_NEED, REQUEST, "530102002", [])
            await tx.execute(A_NEED, OTHER, "530102001", [1])
            await tx.execute(A_NEED, WITHDRAWN, "530102001", [])
            await tx.execute(A_SHEET, "530102001", [], [5, 6], [uuid4()])
            await tx.execute(A_SHEET, "530102002", [3], [5, 6], [uuid4()])
        connection = await asyncpg.connect(postgres.dsn(str(name)))
        one = await held(connection, [REQUEST])
        whole = await held(connection, [REQUEST, OTHER, WITHDRAWN])
        await connection.close()

    assert (one.sheets, one.values, one.open_tasks) == (2, 4, 1)
    assert (one.known, one.complete) == (1, 1)
    assert (whole.known, whole.complete) == (3, 1)
    assert (one.asked, one.joined, one.served) == (14, 4, 2)
    assert (whole.asked, whole.joined, whole.served) == (28, 8, 4)
    assert whole.digest


async def test_another_value_is_another_digest(
    databases: Databases, postgres: Postgres
) -> None:
    """Two nodes of a tier add up to the digest of one that holds all of it."""
    answers = [uuid4()]
    found: list[Held] = []
    for sheets in (
        [("530102001", [5, 6]), ("530102002", [5, 6])],
        [("530102001", [5, 6])],
        [("530102002", [5, 6])],
        [("530102002", [5, 7])],
    ):
        async with databases.fresh() as database:
            async with database.transaction() as tx:
                name = await tx.fetchval("SELECT current_database()")
                for division, numbers in sheets:
                    await tx.execute(A_SHEET, division, [], numbers, answers)
            connection = await asyncpg.connect(postgres.dsn(str(name)))
            found.append(await held(connection, []))
            await connection.close()
    whole, first, second, other = found

    assert first + second == whole
    assert second != other


async def test_facts_are_read_in_their_order(
    databases: Databases, postgres: Postgres
) -> None:
    """Only of the kinds that are asked for."""
    async with databases.fresh() as database:
        async with database.transaction() as tx:
            name = await tx.fetchval("SELECT current_database()")
            for position, kind in ((2, "b"), (1, "a"), (3, "c")):
                body = kind.encode()
                await tx.execute(A_FACT, position, uuid4(), kind, body)
        connection = await asyncpg.connect(postgres.dsn(str(name)))
        found = await facts(connection, ["a", "b"])
        await connection.close()

    assert found == [("a", b"a"), ("b", b"b")]
