"""Many nodes: a cascade goes down tier by tier, answers climb, nobody sees a sibling."""

from __future__ import annotations

import asyncpg

from ducha.assignment.v1 import assignment_pb2 as pb
from tests.journeys.office import Office
from tests.journeys.running import Running
from tier.jurisdiction import Level

ISSUED, REPORTED = pb.ASSIGNMENT_STATE_ISSUED, pb.ASSIGNMENT_STATE_REPORTED
VERIFIED, CLOSED = pb.ASSIGNMENT_STATE_VERIFIED, pb.ASSIGNMENT_STATE_CLOSED
CITIES = ("5301", "5302")


async def down(office: Office, item: str) -> None:
    """Split from the cities to the counties, and from there to the townships."""
    for city in CITIES:
        await office.until(office.home(city), item, [city], ISSUED)
        await office.split(city, item)
        for county in sorted(office.below([city], Level.COUNTY)):
            await office.until(office.home(county), item, [county], ISSUED)
            await office.split(county, item)


async def up(office: Office, item: str) -> None:
    """Report below, verify above, tier by tier."""
    for county in sorted(office.below(CITIES, Level.COUNTY)):
        towns = sorted(office.below([county], Level.TOWNSHIP))
        await office.until(office.home(towns[0]), item, towns, ISSUED)
        await office.report(item, towns)
        await office.until(office.home(county), item, towns, REPORTED)
        await office.verify(county, item, towns)
        await office.report(item, [county])
    for city in CITIES:
        counties = sorted(office.below([city], Level.COUNTY))
        await office.until(office.home(city), item, counties, REPORTED)
        await office.verify(city, item, counties)
        await office.report(item, [city])
    await office.until(office.home("53"), item, CITIES, REPORTED)
    await office.verify("53", item, CITIES)


async def test_a_cascade_splits_down_and_is_verified_up(
    many_nodes: Running, offices: Office
) -> None:
    """Each tier splits for the next; each verifies what it split; the province closes it."""
    item = await offices.issue("53", level=Level.CITY, mode=pb.MODE_CASCADE)
    await down(offices, item)
    await up(offices, item)
    await offices.end("53", item)
    everyone = offices.history.targets[item]
    for name, place in offices.places.items():
        await offices.until(name, item, filter(place.holds, everyone), CLOSED)

    assert len(everyone) == 2 + 4 + 8
    assert await many_nodes.problems() == []


async def test_an_item_of_a_county_is_seen_by_the_tiers_above(
    many_nodes: Running, offices: Office
) -> None:
    """Who answers for the county knows what it asks of its townships, and what they say."""
    item = await offices.issue("530101")
    towns = sorted(offices.history.targets[item])
    await offices.until(offices.home(towns[0]), item, towns, ISSUED)
    await offices.report(item, towns)
    for division in ("530101", "5301", "53"):
        await offices.until(offices.home(division), item, towns, REPORTED)
    await offices.verify("530101", item, towns)
    for division in (towns[0], "530101", "5301", "53"):
        await offices.until(offices.home(division), item, towns, VERIFIED)

    assert await many_nodes.problems() == []


async def test_a_node_holds_nothing_of_its_sibling(
    many_nodes: Running, offices: Office
) -> None:
    """No row, fact or division of city 5302 ever reaches the nodes of city 5301 (I6)."""
    whole = await offices.issue("53")
    theirs = await offices.issue("5302")
    for item in (whole, theirs):
        towns = sorted(offices.history.targets[item])
        for name, place in offices.places.items():
            await offices.until(name, item, filter(place.holds, towns), ISSUED)
    problems = await many_nodes.problems()
    foreign = {
        name: await strangers(place.database_url, "5302", theirs)
        for name, place in offices.places.items()
        if place.hosts[0].startswith("5301")
    }

    assert problems == []
    assert len(foreign) == 5
    assert all(count == 0 for count in foreign.values()), foreign


async def strangers(database_url: str, city: str, item: str) -> int:
    """Count what a database holds of a city or an item."""
    connection = await asyncpg.connect(database_url)
    try:
        count: int = await connection.fetchval(
            """
            SELECT (SELECT count(*) FROM assignment WHERE starts_with(division, $1))
                 + (SELECT count(*) FROM division WHERE starts_with(code, $1))
                 + (SELECT count(*) FROM reporting_progress WHERE starts_with(division, $1))
                 + (SELECT count(*) FROM ledger_fact
                     WHERE starts_with(division, $1) OR subject = $2)
                 + (SELECT count(*) FROM assignment_item WHERE item_id::text = $2)
            """,
            city,
            item,
        )
    finally:
        await connection.close()
    return count
