"""A county is away while work goes on above and below it; then it catches up."""

from __future__ import annotations

import asyncio
import time

import asyncpg

from ducha.assignment.v1 import assignment_pb2 as pb
from tests.journeys.office import Office
from tests.journeys.running import Running

ITEMS = 7
BATCH = 487
TEXTS = 480
HUGE = 2_800_000
ENOUGH = 10_000


async def size(office: Office, item: str) -> int:
    """Return how many bytes the reports of an item have in the township's ledger."""
    connection = await asyncpg.connect(office.places["township"].database_url)
    try:
        count: int = await connection.fetchval(
            "SELECT sum(octet_length(body)) FROM ledger_fact "
            "WHERE subject = $1 AND kind LIKE '%AssignmentReported'",
            item,
        )
    finally:
        await connection.close()
    return count


async def owed(office: Office, node: str, neighbour: str) -> int:
    """Return how many facts a neighbour has not confirmed."""
    connection = await asyncpg.connect(office.places[node].database_url)
    try:
        count: int = await connection.fetchval(
            """
            SELECT l.seq - r.seq FROM ledger_lane l JOIN link_receipt r USING (neighbour)
             WHERE neighbour = $1
            """,
            neighbour,
        )
    finally:
        await connection.close()
    return count


async def test_ten_thousand_facts_are_caught_up_in_order(
    yunnan_line: Running, office: Office
) -> None:
    """1,461 townships answer seven items to a county that is not there."""
    items = [await office.issue("53") for _ in range(ITEMS)]
    towns = sorted(office.history.targets[items[0]])
    for item in items:
        await office.until("township", item, towns, pb.ASSIGNMENT_STATE_ISSUED)
    await asyncio.to_thread(yunnan_line.line.stop_node, "county")
    for item in items:
        for start in range(0, len(towns), BATCH):
            await office.report(item, towns[start : start + BATCH])
    above = [await office.issue("53", within=["5303"]), await office.issue("5304")]
    waiting = await owed(office, "township", "county")
    held_back = await owed(office, "city", "county")
    unheard = await office.states("city", items[0], pb.ASSIGNMENT_STATE_REPORTED)
    began = time.monotonic()
    await asyncio.to_thread(yunnan_line.line.start_node, "county")
    for item in items:
        await office.until("province", item, towns, pb.ASSIGNMENT_STATE_REPORTED)
    for item in above:
        targets = office.history.targets[item]
        await office.until("township", item, targets, pb.ASSIGNMENT_STATE_ISSUED)
    seconds = time.monotonic() - began
    print(f"{waiting} facts caught up over three links in {seconds:.1f} s")  # noqa: T201
    problems = await yunnan_line.problems()

    assert waiting >= ENOUGH
    assert held_back >= len(above)
    assert unheard == set()
    assert problems == []


async def test_huge_reports_wait_and_block_nobody(
    yunnan_line: Running, office: Office
) -> None:
    """Together they are more than any message may hold: they go on page by page."""
    item = await office.issue("530102")
    small = await office.issue("530103")
    towns = sorted(office.history.targets[item])
    others = sorted(office.history.targets[small])
    await office.until("township", small, others, pb.ASSIGNMENT_STATE_ISSUED)
    await asyncio.to_thread(yunnan_line.line.stop_node, "county")
    for town in towns:
        await office.report(item, [town], texts=TEXTS)
    await office.report(small, others)
    await asyncio.to_thread(yunnan_line.line.start_node, "county")
    await office.until("province", item, towns, pb.ASSIGNMENT_STATE_REPORTED)
    await office.until("province", small, others, pb.ASSIGNMENT_STATE_REPORTED)
    problems = await yunnan_line.problems()

    assert await size(office, item) > HUGE * len(towns) > 16 << 20
    assert problems == []
