"""A node loses its database and begins a second life under the same name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

import asyncpg
import pytest

from deploy.embedded.line import Line, Options
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.link.v1 import link_service_pb2 as links
from tests.checkers import sets, snapshots, whole
from tests.journeys.office import Office, eventually
from tests.journeys.papers import small_province
from tests.journeys.running import SMALL, Running, at_work

CODES = small_province(cities=1, counties=2, townships=8)
ISSUED, REPORTED = pb.ASSIGNMENT_STATE_ISSUED, pb.ASSIGNMENT_STATE_REPORTED
VERIFIED = pb.ASSIGNMENT_STATE_VERIFIED
ABOVE = ("county", "city", "province")


@pytest.fixture
def short_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Four tiers of their own, for what cannot be undone."""
    options = Options(environment={}, postgres_settings=SMALL, auto_restart=False)
    with Line(tmp_path_factory.mktemp("lives"), options=options) as line:
        yield Running(line)


async def wipe(running: Running, node: str) -> None:
    """Stop a node, drop its database, make an empty one, start it."""
    line = running.line
    assert line.postgres is not None
    await asyncio.to_thread(line.stop_node, node)
    connection = await asyncpg.connect(line.postgres.dsn("postgres"))
    try:
        await connection.execute(f'DROP DATABASE "ducha_{node}" WITH (FORCE)')
    finally:
        await connection.close()
    await asyncio.to_thread(line.postgres.ensure_database, f"ducha_{node}")
    await asyncio.to_thread(line.start_node, node)


async def epoch(running: Running, receiver: str, sender: str) -> int:
    """Return the life of the sender that the receiver last applied."""
    snapshot = await snapshots.take(running.places[receiver])
    return snapshot.applied[sender][0]


async def test_a_wiped_township_is_asked_everything_again_and_nothing_is_doubled(
    short_line: Running,
) -> None:
    """Its inbox comes back from above; what it sends in its second life counts once."""
    async with at_work(short_line, CODES) as office:
        items = [await office.issue("53"), await office.issue("5301")]
        towns = sorted(office.history.targets[items[0]])
        for item in items:
            await office.until("township", item, towns, ISSUED)
            await office.report(item, towns[:8])
            await office.until("province", item, towns[:8], REPORTED)
        first = await epoch(short_line, "county", "township")
        await wipe(short_line, "township")
        forget(office)
        for item in items:
            await office.until("township", item, towns, ISSUED)
            await office.report(item, towns)
            await office.until("province", item, towns, REPORTED)
        unrested = await whole.rest(short_line.places)
        second = await epoch(short_line, "county", "township")
        found = await upper(short_line, office)

    assert unrested == []
    assert first < second
    assert found == []


def forget(office: Office) -> None:
    """Note that reports of the first life are known above only, and may be made again."""
    for key, marks in office.history.reported.items():
        office.history.stale |= {(key, mark) for mark in marks.values()}


async def upper(running: Running, office: Office) -> list[str]:
    """Return what the tiers above hold wrong; the first reports of the township stand there."""
    found: list[str] = []
    for name in ABOVE:
        snapshot = await snapshots.take(running.places[name])
        found += [str(one) for one in sets.check(office.history, snapshot)]
        found += await whole.by_api(snapshot)
    return found


async def test_a_wiped_county_is_refilled_from_both_sides(short_line: Running) -> None:
    """Everything it knew comes from its city and its townships; above nothing is doubled.

    Its city is away at first, so that answers come before the questions: they wait in
    quarantine until the questions are there, and nobody has to act.
    """
    line = short_line.line
    async with at_work(short_line, CODES) as office:
        items = [await office.issue("53"), await office.issue("5301")]
        towns = sorted(office.history.targets[items[0]])
        for item in items:
            await office.until("township", item, towns, ISSUED)
            await office.report(item, towns)
            await office.until("province", item, towns, REPORTED)
        await office.verify("53", items[0], towns)
        await whole.rest(short_line.places)
        first = await epoch(short_line, "city", "county")
        await asyncio.to_thread(line.stop_node, "city")
        await wipe(short_line, "county")
        await eventually(partial(waiting, office, 2 * len(towns)), "early answers wait")
        await asyncio.to_thread(line.start_node, "city")
        for item in items:
            await office.until("county", item, towns, ISSUED, VERIFIED)
        await eventually(partial(settled, office), "early answers are applied")
        unrested = await whole.rest(short_line.places)
        second = await epoch(short_line, "city", "county")
        held = {
            name: await snapshots.take(place)
            for name, place in short_line.places.items()
        }

    assert unrested == []
    assert first < second
    assert whole.differences(held) == []
    assert [sets.check(office.history, one) for one in held.values()] == [[]] * 4


async def waiting(office: Office, count: int) -> bool:
    """Whether so many facts are in the county's quarantine."""
    return len(await quarantined(office)) >= count


async def quarantined(office: Office) -> list[int]:
    """Return the open entries of the county's quarantine."""
    request = links.ListQuarantineRequest(page_size=500)
    answer = await office.insist(
        "county", office.desks["county"].links.ListQuarantine, request
    )
    return [entry.quarantine_id for entry in answer.facts]


async def settled(office: Office) -> bool:
    """Whether nothing waits in the county's quarantine any more."""
    return not await quarantined(office)
