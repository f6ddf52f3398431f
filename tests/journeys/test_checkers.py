"""The checkers find what is planted: a checker that finds nothing must not be blind.

Each planting is made in the real database of a real node, seen, and rolled back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from ducha.assignment.v1 import assignment_pb2 as pb
from tests.checkers import order, sets, snapshots, whole
from tests.checkers.snapshots import Snapshot
from tests.journeys.office import Office
from tests.journeys.running import Running

# Planting goes behind the back of the triggers that forbid it.
UNGUARDED = "ALTER TABLE assignment DISABLE TRIGGER USER"
# A second fact for the first report, as a retry without idempotency would leave it.
AGAIN = """
    WITH head AS (
        UPDATE ledger_head SET position = position + 1 RETURNING position
    )
    INSERT INTO ledger_fact
    SELECT (jsonb_populate_record(
               fact, jsonb_build_object('position', head.position,
                                        'fact_id', gen_random_uuid()))).*
      FROM ledger_fact AS fact, head
     WHERE kind LIKE '%AssignmentReported' AND subject = $1
     ORDER BY fact.position
     LIMIT 1
"""
FIRST = """
    DELETE FROM assignment WHERE item_id = $1::text::uuid AND division =
           (SELECT min(division) FROM assignment WHERE item_id = $1::text::uuid)
"""
UNASKED = """
    INSERT INTO assignment (item_id, division, assigner_division, receive_by_at, deadline_at)
    VALUES ($1::text::uuid, '530299999', '53', now(), now())
"""
PLANTINGS = {
    "a lost assignment": (FIRST, {"lost"}),
    "a lost receipt, though the report is there": (
        "UPDATE assignment SET received_at = NULL WHERE item_id = $1::text::uuid",
        {"lost"},
    ),
    "a lost report": (
        "UPDATE assignment SET reported_at = NULL WHERE item_id = $1::text::uuid",
        {"lost"},
    ),
    "a lost fact": (
        "DELETE FROM ledger_fact WHERE subject = $1 AND kind LIKE '%AssignmentReported'",
        {"lost"},
    ),
    "a lost return": (
        "UPDATE assignment SET epoch = epoch - 1 WHERE item_id = $1::text::uuid",
        {"lost", "phantom"},
    ),
    "a doubled report": (AGAIN, {"doubled"}),
    "a phantom assignment": (UNASKED, {"phantom"}),
    "a phantom verification": (
        "UPDATE assignment SET verified_at = now() WHERE item_id = $1::text::uuid",
        {"phantom"},
    ),
}


@asynccontextmanager
async def planted(office: Office, sql: str, item: str) -> AsyncIterator[Snapshot]:
    """Plant something at the county, show what the database then holds, undo it."""
    place = office.places["county"]
    connection = await asyncpg.connect(place.database_url)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(UNGUARDED)
        await connection.execute(sql, item)
        yield await snapshots.read(place, connection)
    finally:
        await transaction.rollback()
        await connection.close()


async def an_item_under_way(office: Office) -> str:
    """Issue, receive, report, return one and report it again."""
    item = await office.issue("53", within=["530101"])
    towns = sorted(office.history.targets[item])
    await office.until("township", item, towns, pb.ASSIGNMENT_STATE_ISSUED)
    await office.receive(item, towns)
    await office.report(item, towns)
    await office.until("province", item, towns, pb.ASSIGNMENT_STATE_REPORTED)
    await office.send_back("53", item, towns[:1])
    await office.until("township", item, towns[:1], pb.ASSIGNMENT_STATE_RETURNED)
    await office.report(item, towns[:1])
    await office.until("province", item, towns, pb.ASSIGNMENT_STATE_REPORTED)
    return item


@pytest.mark.parametrize("name", PLANTINGS)
async def test_the_set_checker_finds(
    four_tiers: Running, office: Office, name: str
) -> None:
    """Before the planting nothing is wrong; after it exactly that is."""
    sql, expected = PLANTINGS[name]
    item = await an_item_under_way(office)
    before = await four_tiers.problems()
    async with planted(office, sql, item) as snapshot:
        found = sets.check(office.history, snapshot)

    assert before == []
    assert {one.kind for one in found} == expected, found
    assert any(item in one.what for one in found)


# The bodies change places: the keys of a table cannot be swapped in one statement.
SWAP = """
    WITH ends AS (
        SELECT min(position) AS a, max(position) AS b
          FROM ledger_fact
         WHERE subject = $1 AND kind LIKE '%AssignmentReported'
    ), bodies AS (
        SELECT CASE position WHEN a THEN b ELSE a END AS place, body
          FROM ledger_fact, ends
         WHERE position IN (a, b)
    )
    UPDATE ledger_fact SET body = bodies.body
      FROM bodies
     WHERE position = place
"""


async def test_the_order_checker_finds_a_swap_and_a_gap(
    four_tiers: Running, office: Office
) -> None:
    """Two facts of one origin change places; a number to a neighbour is missing."""
    item = await an_item_under_way(office)
    held = {name: await snapshots.take(place) for name, place in office.places.items()}
    async with planted(office, SWAP, item) as swapped:
        disorder = order.check({**held, "county": swapped})
    gap = "DELETE FROM ledger_outbox WHERE neighbour = 'city' AND seq = 1 AND $1 <> ''"
    async with planted(office, gap, item) as gapped:
        missing = order.check({**held, "county": gapped})

    assert order.check(held) == []
    assert "county: facts of township in another order" in disorder
    assert any("numbers to city have a gap" in one for one in missing)


async def test_the_comparison_finds_tiers_that_differ(
    four_tiers: Running, office: Office
) -> None:
    """One row that says another moment at one tier is found."""
    item = await an_item_under_way(office)
    held = {name: await snapshots.take(place) for name, place in office.places.items()}
    later = (
        "UPDATE assignment SET reported_at = reported_at + interval '1 s' "
        "WHERE item_id = $1::text::uuid"
    )
    async with planted(office, later, item) as altered:
        found = whole.differences({**held, "county": altered})

    assert whole.differences(held) == []
    assert len(found) == 2 * len(office.history.targets[item])
