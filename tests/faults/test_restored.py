"""A node is put back to an old backup, and works on before anybody notices."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from deploy.embedded.line import Line, Options
from ducha.assignment.v1 import assignment_pb2 as pb
from tests.checkers import snapshots, whole
from tests.faults.backups import back_up, put_back
from tests.journeys.papers import small_province
from tests.journeys.running import SMALL, Running, at_work

CODES = small_province(cities=1, counties=2, townships=8)
ISSUED, REPORTED = pb.ASSIGNMENT_STATE_ISSUED, pb.ASSIGNMENT_STATE_REPORTED
NODE = "township"


@pytest.fixture
def short_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Four tiers of their own, for what cannot be undone."""
    options = Options(environment={}, postgres_settings=SMALL, auto_restart=False)
    with Line(tmp_path_factory.mktemp("restored"), options=options) as line:
        yield Running(line)


async def test_what_a_restored_node_acknowledges_is_not_taken_for_a_repeat(
    short_line: Running,
) -> None:
    """Its county is away, so it writes past the place the county had reached before.

    Four reports are lost with the backup, eight are made after it: their numbers begin
    where those of the lost ones began, and only the fact at the county's mark tells.
    """
    line = short_line.line
    async with at_work(short_line, CODES) as office:
        item = await office.issue("53")
        towns = sorted(office.history.targets[item])
        await office.until(NODE, item, towns, ISSUED)
        await office.report(item, towns[:4])
        await office.until("province", item, towns[:4], REPORTED)
        await back_up(short_line, NODE)
        await asyncio.to_thread(line.start_node, NODE)
        await office.report(item, towns[4:8])
        await office.until("province", item, towns[4:8], REPORTED)
        before = (await snapshots.take(short_line.places["county"])).applied[NODE]
        await asyncio.to_thread(line.stop_node, "county")
        await put_back(short_line, NODE)
        await asyncio.to_thread(line.start_node, NODE)
        await office.report(item, towns[8:])
        await asyncio.to_thread(line.start_node, "county")
        await office.until("province", item, towns, REPORTED)
        unrested = await whole.rest(short_line.places)
        after = (await snapshots.take(short_line.places["county"])).applied[NODE]

    assert unrested == []
    assert before[0] < after[0]
    assert before[1] <= after[1]
