"""Indicators against a recomputation in Python, at every level, by totals and by sheets."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import grpc
import pytest

from tests.registry import PERIOD
from tests.servers import AnApp, refusal
from tests.stores.indicating import TOWNS, TREE, VILLAGES, Office, an_office
from tier.catalogue import Aggregation
from tier.jurisdiction import DIGITS, Level

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
        return sum(1 for code, name in cells if name == element and code[: len(area)] == area)

    def missing(self, area: str, *elements: str) -> list[str]:
        """Return the divisions of an area that lack one of the elements."""
        lacking = self.asked - self.given.keys()
        return sorted({c for c, name in lacking if name in elements and c.startswith(area)})


async def survey(office: Office, chance: random.Random) -> Oracle:
    """Ask for everything of most divisions; most answer, some late, some again."""
    oracle = Oracle()
    wanted = {
        "pop": VILLAGES, "homes": VILLAGES, "offices": TOWNS,
    }  # fmt: skip
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
    due = office.clock.at > START_DUE(office)
    late = cell in oracle.asked and cell not in oracle.given and due
    before = oracle.given.get(cell)
    if before is not None and before.number == number:
        return
    await office.line.answer(code, {element: number})
    oracle.given[cell] = Given(number, office.clock.at, late)
