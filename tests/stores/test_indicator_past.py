"""Indicators as they stood at a moment, and extremes that were corrected away."""

from __future__ import annotations

from datetime import datetime

from ducha.indicator.v1.indicator_pb2 import IndicatorValue
from tests.servers import AnApp
from tests.stores.indicating import TOWNS, VILLAGES, Office, an_office
from tier.catalogue import Aggregation
from tier.jurisdiction import Level
from tier.runtime import moments

FIRST, SECOND = VILLAGES[:2]


async def at(office: Office, moment: datetime) -> IndicatorValue:
    """Return the population of the first county at a moment."""
    stamp = moments.stamp_of(moment)
    found = await office.values(element="pop", as_of_time=stamp)
    return found["530102"]


async def test_each_moment_shows_what_had_been_recorded_by_then(an_app: AnApp) -> None:
    """Before the request, after it, after an answer, after its correction."""
    async with an_office(an_app) as office:
        shown = [office.clock.at]
        office.clock.wait(hours=1)
        await office.line.ask("53", ["pop"], FIRST, SECOND)
        shown.append(office.clock.at)
        for number in (10.0, 12.5):
            office.clock.wait(hours=1)
            await office.line.answer(FIRST, {"pop": number})
            shown.append(office.clock.at)
        office.clock.wait(hours=1)
        found = [await at(office, moment) for moment in shown]
        past = [await office.list(element="pop", as_of_time=moments.stamp_of(shown[2]))]
        now = (await office.values(element="pop"))["530102"]

    assert [one.expected_count for one in found] == [0, 2, 2, 2]
    assert [one.received_count for one in found] == [0, 0, 1, 1]
    assert [one.value for one in found[2:]] == [10.0, 12.5]
    assert [one.HasField("value") for one in found] == [False, False, True, True]
    assert list(found[1].missing_divisions) == [FIRST, SECOND]
    assert list(found[2].missing_divisions) == [SECOND]
    assert found[2].mean_age.seconds == 0
    assert moments.moment(past[0].as_of_time) == shown[2]
    assert now.value == 12.5


async def test_a_contested_value_was_not_in_force(an_app: AnApp) -> None:
    """Who did not know what stood changed nothing, then as now."""
    async with an_office(an_app) as office:
        await office.line.answer(FIRST, {"pop": 10.0})
        office.clock.wait(hours=1)
        await office.line.answer(FIRST, {"pop": 99.0}, base=0)
        moment = office.clock.at
        office.clock.wait(hours=1)
        found = await at(office, moment)

    assert found.value == 10.0


async def test_a_moment_that_has_not_come_is_now(an_app: AnApp) -> None:
    """Nobody is told what will be."""
    async with an_office(an_app) as office:
        await office.line.answer(FIRST, {"pop": 10.0})
        now = office.clock.at
        office.clock.wait(hours=-1)
        found = await office.list(element="pop", as_of_time=moments.stamp_of(now))

    assert moments.moment(found.as_of_time) == office.clock.at


async def test_an_extreme_that_was_corrected_is_read_off_the_sheets(
    an_app: AnApp,
) -> None:
    """The totals have lost it; the county, its city and its province have not."""
    async with an_office(an_app) as office:
        for code, number in zip(VILLAGES, (5.0, 1.0, 9.0), strict=False):
            await office.line.answer(code, {"pop": number})
        await office.line.answer(VILLAGES[1], {"pop": 6.0})
        await office.line.answer(VILLAGES[2], {"pop": 4.0})
        await office.line.answer(VILLAGES[-1], {"pop": 5.5})
        async with office.app.db.reading() as tx:
            (row,) = await tx.fetch(
                "SELECT smallest, largest FROM registry_total WHERE area = '530102'"
            )
        found = {
            (level, how): await office.values(level, element="pop", how=how)
            for level in (Level.PROVINCE, Level.CITY, Level.COUNTY, Level.TOWNSHIP)
            for how in (Aggregation.MIN, Aggregation.MAX)
        }

    assert (row["smallest"], row["largest"]) == ([None], [None])
    smallest = [found[level, Aggregation.MIN] for level in LEVELS]
    largest = [found[level, Aggregation.MAX] for level in LEVELS]
    assert [one[code].value for one, code in zip(smallest, AREAS, strict=True)] == [
        4
    ] * 3
    assert [one[code].value for one, code in zip(largest, AREAS, strict=True)] == [
        6
    ] * 3
    assert found[Level.TOWNSHIP, Aggregation.MAX][TOWNS[0]].value == 6.0


AREAS = ("53", "5301", "530102")
LEVELS = (Level.PROVINCE, Level.CITY, Level.COUNTY)
