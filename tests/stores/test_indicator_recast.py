"""The past under today's divisions: mergers follow their successor, splits stay what they were."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers import AnApp
from tests.stores.indicating import TOWNS, Office, an_office, end, pages
from tier.catalogue import Aggregation
from tier.jurisdiction import Level
from tier.runtime import moments

FIRST, SECOND, THIRD = TOWNS[:3]
OTHER_COUNTY = TOWNS[3]


async def gave(office: Office) -> None:
    """Each township has as many offices as its place says; the last has not answered."""
    await office.line.ask("53", ["offices"], *TOWNS)
    for place, town in enumerate(TOWNS[:-1], 1):
        await office.line.answer(town, {"offices": place})
    office.clock.wait(days=2)


async def sums(office: Office, level: Level, *, recast: bool) -> dict[str, float]:
    """Return the offices of areas that have any."""
    found = await office.values(level, element="offices", recast=recast)
    return {code: one.value for code, one in found.items() if one.received_count}


async def test_a_township_that_was_merged_counts_for_its_successor(
    an_app: AnApp,
) -> None:
    """One row for both, that says where it came from; without recast, two rows."""
    async with an_office(an_app) as office:
        await gave(office)
        await end(office, THIRD, SECOND)
        then = await office.values(Level.TOWNSHIP, element="offices")
        now = await office.values(Level.TOWNSHIP, element="offices", recast=True)
        counties = await sums(office, Level.COUNTY, recast=True)

        assert (then[SECOND].value, then[THIRD].value) == (2, 3)
        assert then[THIRD].name == f"名{THIRD}（已撤销）"
        assert then[THIRD].standing_count == 0
        assert THIRD not in now
        assert now[SECOND].value == 5
        assert now[SECOND].standing_count == 1
        assert list(now[SECOND].recast_from) == [THIRD]
        assert not now[FIRST].recast_from
        assert counties == await sums(office, Level.COUNTY, recast=False)


async def test_a_township_that_went_to_another_county_takes_its_values_along(
    an_app: AnApp,
) -> None:
    """The totals of neither county do: their sheets are read. The city stays what it was."""
    async with an_office(an_app) as office:
        await gave(office)
        await end(office, THIRD, OTHER_COUNTY)
        then = await sums(office, Level.COUNTY, recast=False)
        now = await office.values(element="offices", recast=True)

        assert then == {"530102": 6, "530103": 15, "530302": 15}
        assert [one.value for one in now.values()] == [3, 18, 15]
        assert list(now["530103"].recast_from) == [THIRD]
        assert now["530102"].expected_count == 2
        assert [
            await sums(office, Level.CITY, recast=recast) for recast in (True, False)
        ] == [{"5301": 21, "5303": 15}] * 2


async def test_a_county_that_was_merged_takes_all_its_townships_along(
    an_app: AnApp,
) -> None:
    """Even where they have no successors of their own, and though the county lies elsewhere."""
    async with an_office(an_app) as office:
        await gave(office)
        await end(office, "530302", "530102")
        now = await office.values(element="offices", recast=True)
        cities = await sums(office, Level.CITY, recast=True)
        kunming = await office.values(element="offices", recast=True, within="5301")

        assert list(now) == ["530102", "530103"]
        assert now["530102"].value == 21
        assert list(now["530102"].recast_from) == ["530302"]
        assert list(now["530102"].missing_divisions) == [TOWNS[-1]]
        assert cities == {"5301": 36}
        assert kunming == now


async def test_mergers_are_followed_to_their_end(an_app: AnApp) -> None:
    """First into second, second into third: all three are one."""
    async with an_office(an_app) as office:
        await gave(office)
        await end(office, FIRST, SECOND)
        office.clock.wait(days=1)
        await end(office, SECOND, THIRD)
        now = await office.values(Level.TOWNSHIP, element="offices", recast=True)

        assert now[THIRD].value == 6
        assert list(now[THIRD].recast_from) == [FIRST, SECOND]


async def test_what_was_split_keeps_its_row_and_counts_above(an_app: AnApp) -> None:
    """Nobody knows which part of a value each successor has."""
    async with an_office(an_app) as office:
        await gave(office)
        await end(office, FIRST, SECOND, THIRD)
        now = await office.values(Level.TOWNSHIP, element="offices", recast=True)
        counties = await sums(office, Level.COUNTY, recast=True)

        assert [now[town].value for town in (FIRST, SECOND, THIRD)] == [1, 2, 3]
        assert now[FIRST].name == f"名{FIRST}（已撤销）"
        assert counties["530102"] == 6


@pytest.mark.parametrize("recast", [True, False])
async def test_pages_of_moved_divisions_are_whole(
    an_app: AnApp, *, recast: bool
) -> None:
    """A page that begins or ends at a moved division neither loses nor repeats a row."""
    async with an_office(an_app) as office:
        await gave(office)
        await end(office, THIRD, OTHER_COUNTY)
        await end(office, TOWNS[6], FIRST)
        given: dict[str, Any] = {"element": "offices", "recast": recast}
        whole = await office.list(Level.TOWNSHIP, **given)
        paged = await pages(office, Level.TOWNSHIP, 2, **given)

        assert paged == list(whole.values)
        assert len(paged) == len(TOWNS) - 2 * recast
        assert sum(one.value for one in paged) == 36


async def test_a_past_period_is_shown_under_the_divisions_of_then(
    an_app: AnApp,
) -> None:
    """What stood in October is listed for October, though nothing was asked of it."""
    async with an_office(an_app) as office:
        office.clock.wait(days=3)
        await end(office, THIRD, SECOND)
        office.clock.wait(days=3)
        then = await office.values(Level.TOWNSHIP, element="offices", period="2026-10")
        since = await office.values(Level.TOWNSHIP, element="offices")

        assert then[THIRD].standing_count == 1
        assert then[THIRD].name == f"名{THIRD}（已撤销）"
        assert THIRD not in since


async def test_extremes_and_the_past_are_recast_too(an_app: AnApp) -> None:
    """The largest of a county counts what came to it, also as it stood at a moment."""
    async with an_office(an_app) as office:
        await gave(office)
        as_of = moments.stamp_of(office.clock.at)
        office.clock.wait(hours=1)
        await office.line.answer(OTHER_COUNTY, {"offices": 1})
        await end(office, TOWNS[7], OTHER_COUNTY)
        given: dict[str, Any] = {
            "element": "offices",
            "how": Aggregation.MAX,
            "recast": True,
        }
        now = await office.values(**given)
        then = await office.values(**given, as_of_time=as_of)

        assert [one.value for one in now.values()] == [3, 8, 7]
        assert [one.value for one in then.values()] == [3, 8, 7]
        assert list(then["530103"].recast_from) == [TOWNS[7]]
        total: dict[str, Any] = {"element": "offices", "recast": True}
        assert (await office.values(**total))["530103"].value == 1 + 5 + 6 + 8
        assert (await office.values(**total, as_of_time=as_of))["530103"].value == 23
