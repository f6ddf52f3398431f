"""Promises of what is collected: sound codes, spread evenly, sums known beforehand."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from bench import elements
from tier.jurisdiction import Level, level_of, parent_of, parse

VILLAGES = [
    f"{township}{serial:03}"
    for township in (530102001, 530102002)
    for serial in (1, 2, 5, 9, 11, 20)
]


@pytest.mark.parametrize("count", [1, 5, 12, 30])
def test_grids_are_spread_evenly(count: int) -> None:
    """A village has one more than another at most; no code comes twice."""
    rows = elements.grids(VILLAGES, count)

    codes = [parse(row["code"]) for row in rows]
    a_village = Counter(row["parent"] for row in rows)
    assert len(set(codes)) == count
    assert {level_of(code) for code in codes} == {Level.GRID}
    assert [parent_of(code) for code in codes] == [row["parent"] for row in rows]
    assert max(a_village.values()) - min(a_village[one] for one in VILLAGES) <= 1


def test_months_follow_one_another() -> None:
    """Each round has a month of its own, over the turn of a year too."""
    made = list(itertools.islice(elements.months(), 14))

    assert made[:2] == ["2027-01", "2027-02"]
    assert made[11:13] == ["2027-12", "2028-01"]
    assert len(set(made)) == len(made)


def test_the_sum_is_that_of_all_values() -> None:
    known = elements.cells(VILLAGES)

    assert known.count == len(VILLAGES) * elements.COUNT
    assert known.total == sum(sum(elements.numbers(code)) for code in VILLAGES)
    assert min(min(elements.numbers(code)) for code in VILLAGES) > 0
