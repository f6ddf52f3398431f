"""Indicators against a recomputation in Python, at every level, by totals and by sheets."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import grpc
import pytest

from ducha.indicator.v1 import indicator_service_pb2_grpc as stubs
from ducha.indicator.v1.indicator_pb2 import IndicatorValue
from tests.divisions import a_row, load
from tests.registry import START
from tests.servers import AnApp, refusal, served
from tests.stores.indicating import (
    ALONE,
    TOWNS,
    TREE,
    VILLAGES,
    Office,
    an_office,
    pages,
)
from tier.catalogue import Aggregation
from tier.indicator.capability import CAPABILITY
from tier.jurisdiction import DIGITS, Code, Level
from tier.node import Neighbour, Node
from tier.runtime import moments

LEVELS = (Level.PROVINCE, Level.CITY, Level.COUNTY, Level.TOWNSHIP, Level.VILLAGE)
HOW: Mapping[Aggregation, Callable[[Sequence[float]], float]] = {
    Aggregation.SUM: sum,
    Aggregation.MEAN: lambda numbers: sum(numbers) / len(numbers),
    Aggregation.MIN: min,
    Aggregation.MAX: max,
}
DEADLINE_DAYS = 10


@dataclass(frozen=True, slots=True)
class Given:
    """A value in force."""

    number: float
    observed_at: datetime
    late: bool


@dataclass
class Oracle:
    """What was asked and given, cell by cell."""

    asked: set[tuple[str, str]] = field(default_factory=set)
    given: dict[tuple[str, str], Given] = field(default_factory=dict)

    def numbers(self, area: str, element: str) -> list[float]:
        """Return the values of an element in an area."""
        return [
            one.number
            for (code, name), one in self.given.items()
            if name == element and code.startswith(area)
        ]

    def expected(self, area: str, element: str) -> int:
        """Return how many cells of an area were asked or given."""
        cells = self.asked | self.given.keys()
        return sum(
            1 for code, name in cells if name == element and code[: len(area)] == area
        )

    def missing(self, area: str, *elements: str) -> list[str]:
        """Return the divisions of an area that lack one of the elements."""
        lacking = self.asked - self.given.keys()
        return sorted(
            {c for c, name in lacking if name in elements and c.startswith(area)}
        )


async def survey(office: Office, chance: random.Random) -> Oracle:
    """Ask for everything of most divisions; most answer, some late, some again."""
    oracle = Oracle()
    wanted = {"pop": VILLAGES, "homes": VILLAGES, "offices": TOWNS}
    for element, divisions in wanted.items():
        targets = [code for code in divisions if chance.random() < 0.8]
        await office.line.ask("53", [element], *targets, days=DEADLINE_DAYS)
        oracle.asked.update((code, element) for code in targets)
    for _ in range(60):
        office.clock.wait(hours=chance.randint(1, 9))
        element = chance.choice(list(wanted))
        code = chance.choice(wanted[element])
        number = chance.randint(-500, 5000) / (100 if element == "pop" else 1)
        await give(office, oracle, (code, element), float(number))
    return oracle


async def give(
    office: Office, oracle: Oracle, cell: tuple[str, str], number: float
) -> None:
    """Give a value, as the oracle knows it."""
    code, element = cell
    past = office.clock.at > START + timedelta(days=DEADLINE_DAYS)
    late = past and cell in oracle.asked and cell not in oracle.given
    before = oracle.given.get(cell)
    if before is not None and before.number == number:
        return
    await office.line.answer(code, {element: number})
    oracle.given[cell] = Given(number, office.clock.at, late)


@pytest.mark.parametrize("seed", range(3))
async def test_every_figure_is_what_a_recomputation_gives(
    an_app: AnApp, seed: int
) -> None:
    """Sums, means and extremes, corrected ones too; counts, age and who is missing."""
    async with an_office(an_app) as office:
        oracle = await survey(office, random.Random(seed))
        for level in LEVELS:
            for element in ("pop", "homes", "offices"):
                for how in (*HOW, Aggregation.COUNT):
                    found = await office.values(level, element=element, how=how)

                    assert list(found) == [
                        code for code in sorted(TREE) if len(code) == DIGITS[level]
                    ]
                    for area, value in found.items():
                        compare(office, oracle, (area, element), how, value)


def compare(
    office: Office,
    oracle: Oracle,
    cell: tuple[str, str],
    how: Aggregation,
    value: IndicatorValue,
) -> None:
    """See that a figure of an area and element is right, with all that stands beside it."""
    area, element = cell
    numbers = oracle.numbers(*cell)
    inside = [
        one
        for (c, e), one in oracle.given.items()
        if e == element and c.startswith(area)
    ]
    missing = oracle.missing(*cell)

    assert value.expected_count == oracle.expected(*cell)
    assert value.received_count == len(numbers)
    assert value.on_time_count == sum(not one.late for one in inside)
    assert list(value.missing_divisions) == missing
    assert value.missing_count == len(missing)
    level = 9 if element == "offices" else 12
    standing = [c for c in TREE if len(c) == level and c.startswith(area)]
    assert value.standing_count == len(standing)
    if how is Aggregation.COUNT:
        assert value.value == len(numbers)
    elif numbers:
        assert value.value == pytest.approx(HOW[how](numbers))
        ages = [(office.clock.at - one.observed_at).total_seconds() for one in inside]
        assert value.mean_age.seconds == pytest.approx(sum(ages) / len(ages), abs=1)
    else:
        assert not value.HasField("value")
        assert element in value.problem


async def test_a_ratio_is_of_sums_and_says_who_is_missing_of_either(
    an_app: AnApp,
) -> None:
    """Counts are of all cells of the formula; a division misses once, whatever it lacks."""
    first, second, third = VILLAGES[:3]
    async with an_office(an_app) as office:
        await office.line.ask("53", ["pop", "homes"], first, second, third)
        await office.line.answer(first, {"pop": 100.5, "homes": 50})
        await office.line.answer(second, {"pop": 20.25})
        county = (await office.values(indicator="per_home"))["530102"]
        nowhere = (await office.values(indicator="per_home"))["530302"]

    assert county.value == pytest.approx(120.75 / 50)
    assert (county.expected_count, county.received_count) == (6, 3)
    assert list(county.missing_divisions) == [second, third]
    assert county.missing_count == 2
    assert county.completeness == 0.5
    assert not nowhere.HasField("value")
    assert "pop, homes" in nowhere.problem or "homes, pop" in nowhere.problem


async def test_a_division_by_zero_has_no_value_and_says_so(an_app: AnApp) -> None:
    """Never infinite, never nought."""
    async with an_office(an_app) as office:
        await office.line.answer(VILLAGES[0], {"pop": 3.0, "homes": 0})
        county = (await office.values(indicator="per_home"))["530102"]

    assert not county.HasField("value")
    assert "除数为零" in county.problem
    assert county.received_count == 2


async def test_a_weighted_sum_is_raised_by_what_is_missing(an_app: AnApp) -> None:
    """Four were asked, one answered: its sum counts four times, and that is said."""
    async with an_office(an_app) as office:
        await office.line.ask("53", ["pop"], *VILLAGES[:4])
        await office.line.answer(VILLAGES[0], {"pop": 250.0})
        (county,) = [
            one
            for one in (await office.list(indicator="weighted")).values
            if one.division == "530102"
        ]

    assert county.value == pytest.approx(1.0)
    assert county.completeness_weighted
    assert county.completeness == 0.25


async def test_texts_are_counted_and_nothing_else(an_app: AnApp) -> None:
    """A remark has no mean."""
    async with an_office(an_app) as office:
        await office.line.ask("53", ["remark"], *TOWNS[:2])
        counted = await office.values(element="remark", how=Aggregation.COUNT)
        summed = await office.values(element="remark", how=Aggregation.SUM)

    assert counted["530102"].value == 0
    assert counted["530102"].missing_count == 2
    assert "文本" in summed["530102"].problem


async def test_pages_follow_each_other_without_gap_or_repetition(an_app: AnApp) -> None:
    """By code, within an area, whatever holds values."""
    async with an_office(an_app) as office:
        await office.line.answer(VILLAGES[0], {"pop": 1.0})
        whole = await office.list(Level.VILLAGE, within="5301", element="pop")
        paged = await pages(office, Level.VILLAGE, 5, within="5301", element="pop")

    assert [one.division for one in paged] == [c for c in VILLAGES if c < "5302"]
    assert paged == list(whole.values)


async def test_many_missing_are_counted_and_some_are_named(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An area names a bounded number of divisions, a large page none; the count is of all."""
    monkeypatch.setattr("tier.indicator.actions.LISTED_AN_AREA", 2)
    async with an_office(an_app) as office:
        await office.line.ask("53", ["pop", "homes"], *VILLAGES)
        found = await office.values(indicator="per_home")
        past = await office.values(
            indicator="per_home", as_of_time=moments.stamp_of(office.clock.at)
        )
        monkeypatch.setattr("tier.indicator.actions.NAMED_AREAS", 2)
        unnamed = await office.values(indicator="per_home")

    assert all(not one.missing_divisions for one in unnamed.values())
    assert [one.missing_count for one in unnamed.values()] == [6, 6, 6]
    assert list(found["530102"].missing_divisions) == list(VILLAGES[:2])
    assert [one.missing_count for one in found.values()] == [6, 6, 6]
    assert past == found


async def test_what_this_node_does_not_answer_for_is_not_shown(an_app: AnApp) -> None:
    """A county's node has nothing to say of its city, nor of another county."""
    node = Node("wuhua", Level.COUNTY, (Code("530102"),), "kunming")
    tree = [code for code in TREE if "530102".startswith(code) or code[:6] == "530102"]
    async with an_office(an_app, tree, node) as office:
        await office.line.answer(VILLAGES[0], {"pop": 1.0})

        assert await office.values(Level.CITY, element="pop") == {}
        assert await office.values(within="530103", element="pop") == {}
        assert list(await office.values(element="pop")) == ["530102"]
        assert list(await office.values(within="53", element="pop")) == ["530102"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"indicator": "none"}, "INDICATOR_UNKNOWN"),
        ({"element": "none"}, "ELEMENT_UNKNOWN"),
        ({"indicator": "per_home", "period": "2026-Q4"}, "PERIOD_MISMATCH"),
        ({"indicator": "per_home", "period": "today"}, "INVALID_INPUT"),
        ({"indicator": "per_home", "within": "530"}, "INVALID_INPUT"),
        ({"indicator": "per_home", "page_token": "??"}, "PAGE_TOKEN_INVALID"),
    ],
)
async def test_what_cannot_be_computed_is_refused(
    an_app: AnApp, given: dict[str, Any], reason: str
) -> None:
    """Each refusal by its name."""
    async with an_office(an_app) as office:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await office.list(**given)

    assert refusal(refused.value).reason == reason


async def test_silent_children_are_named(an_app: AnApp) -> None:
    """Counts below a silent node may be old; another's area is not concerned."""
    node = replace(ALONE, children=(Neighbour("kunming", (Code("5301"),)),))
    async with an_office(an_app, node=node) as office:
        silent = replace(office.app, silent=lambda: [("kunming", START)])
        async with served(silent, CAPABILITY.services) as channel:
            office.stub = stubs.IndicatorServiceStub(channel)
            here = await office.list(element="pop", within="530102")
            beside = await office.list(element="pop", within="5303")

    assert [one.node for one in here.out_of_contact] == ["kunming"]
    assert not beside.out_of_contact


async def test_the_tree_is_read_anew_when_it_changes(an_app: AnApp) -> None:
    """What is remembered of the tree is never older than its last fact."""
    async with an_office(an_app) as office:
        before = await office.values(element="pop")
        await load(
            office.app, [a_row("530104"), a_row("530104001"), a_row("530104001001")]
        )
        after = await office.values(element="pop")

    assert "530104" not in before
    assert after["530104"].standing_count == 1
