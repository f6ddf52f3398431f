"""The checker of collected data finds what is planted: it must not be blind."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
import pytest

from tests.checkers import collected
from tests.checkers.collected import Collected
from tests.journeys.bureau import ELEMENTS, PERIODS, Bureau
from tests.journeys.office import Office, eventually
from tests.journeys.running import Running

TOWN = "530102001"
PLANTINGS: dict[str, tuple[Callable[[Collected, str], object], str]] = {
    "an answer that no tier has": (
        lambda history, period: history.given.update({"无": (period, TOWN)}),
        "is there 0 times",
    ),
    "a cell that was given twice": (
        lambda history, period: history.times.update([(period, TOWN, ELEMENTS[0])]),
        "was given 2 times",
    ),
    "a cell that nobody gave": (
        lambda history, period: history.cells.add((period, TOWN, ELEMENTS[1])),
        "was never given",
    ),
}
ALTER = "UPDATE registry_sheet SET numbers = ARRAY[numbers[1] + $2] WHERE period = $1"


async def answered(bureau: Bureau) -> str:
    """Ask and answer one cell; return its period."""
    period = next(PERIODS)
    await bureau.open()
    await bureau.ask("53", ELEMENTS[:1], period, [TOWN])

    async def is_answered() -> bool:
        return await bureau.work(TOWN, period) > 0

    await eventually(is_answered, "the task at the township")
    await bureau.until_complete("province", *bureau.collected.requests)
    return period


@pytest.mark.parametrize("name", PLANTINGS)
async def test_the_checker_of_answers_finds(
    four_tiers: Running, office: Office, name: str
) -> None:
    """Before the planting nothing is wrong; after it exactly that is."""
    plant, expected = PLANTINGS[name]
    bureau = Bureau(office)
    period = await answered(bureau)
    before = await collected.problems(four_tiers.places, bureau.collected)
    plant(bureau.collected, period)
    found = await collected.problems(four_tiers.places, bureau.collected)

    assert before == []
    assert expected in found[0]


async def test_the_checker_of_answers_finds_tiers_that_differ(
    four_tiers: Running, office: Office
) -> None:
    """Another number at the county: its neighbours differ, and its own audit says so."""
    bureau = Bureau(office)
    period = await answered(bureau)
    county = await asyncpg.connect(four_tiers.places["county"].database_url)
    try:
        await county.execute(ALTER, period, 1)
        found = await collected.problems(four_tiers.places, bureau.collected)
    finally:
        await county.execute(ALTER, period, -1)
        await county.close()

    assert [one for one in found if one.startswith("county: total")]
    assert [one for one in found if one.startswith("county and city differ")]
    assert await collected.problems(four_tiers.places, bureau.collected) == []
