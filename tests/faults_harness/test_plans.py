"""The flow that faults fall into lives every kind of life, of every item that has room."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from tests.checkers.history import History
from tests.faults.flow import LEAST, Plan
from tests.journeys.office import Office
from tests.journeys.papers import small_province

ITEM = "item"
CODES = small_province(cities=1, counties=2, townships=LEAST)
COUNTY = "530101"
TOWNS = {code for code in CODES if code.startswith(COUNTY) and code != COUNTY}


def planned(issuer: str, towns: Collection[str]) -> Plan:
    """Return the plan of an item to some townships."""
    return Plan.of(Office({}, History(targets={ITEM: set(towns)}), CODES), issuer, ITEM)


@pytest.mark.parametrize("issuer", ["53", "5301", COUNTY])
def test_each_kind_of_life_has_an_executor_of_its_own(issuer: str) -> None:
    """None of them is returned as well, so that what each shows has one cause."""
    plan = planned(issuer, TOWNS)
    lived = [plan.extended, plan.paused, plan.urged, plan.disputed]

    assert len({*lived, *plan.plain}) == len(TOWNS)
    assert set(lived) <= TOWNS
    assert plan.disputed not in plan.verified


@pytest.mark.parametrize("issuer", ["53", "5301"])
def test_what_is_disputed_goes_to_somebody_without_the_item(issuer: str) -> None:
    """Who then reports like the others."""
    plan = planned(issuer, TOWNS)

    assert plan.heir not in TOWNS
    assert plan.heir in plan.verified


def test_an_issuer_without_others_below_takes_what_is_disputed_back() -> None:
    """Nobody has it then, and nobody is waited for."""
    plan = planned(COUNTY, TOWNS)

    assert plan.heir == ""
    assert plan.verified == TOWNS - {plan.disputed}


def test_an_item_without_room_is_worked_as_it_comes() -> None:
    """Everybody reports at once; nothing else is done."""
    few = sorted(TOWNS)[: LEAST - 1]
    plan = planned("53", few)

    assert plan.plain == few
    assert plan.verified == set(few)
    assert plan.disputed == ""
