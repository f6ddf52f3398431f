"""How values of an area become one, and under which code they count."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalogue import element, indicator
from tier.catalogue import wire as catalogue_wire
from tier.catalogue.model import Aggregation, Element
from tier.indicator import rules
from tier.indicator.model import Missing, Piece, Subject, Tally
from tier.jurisdiction import Code
from tier.registry.model import Sum

TOWNS = [Code(f"{county}00{n}") for county in ("530102", "530103") for n in (1, 2, 3)]
PLACES = [Code("530102"), Code("530103"), Code("530302"), *TOWNS]
SHEETS = [Code(f"{town}00{n}") for town in TOWNS for n in (1, 2)]

MOVED = st.dictionaries(st.sampled_from(PLACES), st.sampled_from(PLACES)).map(
    lambda moved: {
        code: to for code, to in moved.items() if len(code) == len(to) and code != to
    }
)
NUMBERS = st.integers(-(10**13), 10**13)


@st.composite
def held(draw: st.DrawFn) -> Sum:
    """Return a sum as sheets can make it."""
    numbers = draw(st.lists(NUMBERS, max_size=6))
    asked = draw(st.integers(0, 5))
    late = draw(st.integers(0, len(numbers)))
    return Sum(
        asked + len(numbers),
        len(numbers),
        len(numbers) - late,
        sum(numbers),
        len(numbers) * 1_790_000_000,
        min(numbers, default=None),
        max(numbers, default=None),
    )


def an_element(code: str = "pop", number: int = 1, decimals: int = 2) -> Element:
    """Return an element of the catalogue."""
    return catalogue_wire.element_from(element(code, number=number, decimals=decimals))


def a_formula(formula: str, *codes: str, weighted: bool = False) -> Subject:
    """Return a ratio over elements that are numbered from 1 on."""
    message = indicator("rate", formula, completeness_weighted=weighted)
    elements = tuple(an_element(code, n) for n, code in enumerate(codes, 1))
    return Subject(
        Aggregation.RATIO, elements, catalogue_wire.indicator_from(message, codes)
    )


@given(st.lists(held()))
def test_sums_add_up_in_any_order(sums: list[Sum]) -> None:
    """A total of parts is the total of the whole, its extremes too."""
    pieces = [Piece(Code("530102001"), 1, one) for one in sums]
    there = rules.gather(pieces, 6, {})
    back = rules.gather(reversed(pieces), 6, {})

    assert there == back
    if sums:
        total = there[Code("530102")].sums[1]
        assert total.total == sum(one.total for one in sums)
        assert total.smallest == min(
            (one.smallest for one in sums if one.smallest is not None), default=None
        )


@given(MOVED, st.sampled_from([4, 6, 9]), st.data())
def test_nothing_is_lost_or_counted_twice_by_recasting(
    moved: dict[Code, Code], digits: int, data: st.DataObject
) -> None:
    """Whatever merged into whatever, even in a circle, each sheet counts once."""
    pieces = [
        Piece(code, 1, Sum(expected=data.draw(st.integers(1, 9)))) for code in SHEETS
    ]
    found = rules.gather(pieces, digits, moved)

    assert sum(tally.sums[1].expected for tally in found.values()) == sum(
        piece.sum.expected for piece in pieces
    )
    for area, tally in found.items():
        assert len(area) == digits
        assert all(not origin.startswith(area) for origin in tally.origins)


@given(MOVED)
def test_counties_that_moved_as_a_whole_may_be_moved_by_their_totals(
    moved: dict[Code, Code],
) -> None:
    """Totals of even counties and sheets of uneven ones give what all sheets give."""
    split = rules.uneven(moved)
    one = Sum(expected=1)
    whole = Counter(code[:6] for code in SHEETS)
    totals = [
        Piece(Code(county), 1, Sum(expected=count))
        for county, count in whole.items()
        if county not in split
    ]
    rest = [Piece(code, 1, one) for code in SHEETS if code[:6] in split]
    fast = rules.gather([*totals, *rest], 6, moved)
    slow = rules.gather([Piece(code, 1, one) for code in SHEETS], 6, moved)

    assert {area: tally.sums for area, tally in fast.items()} == {
        area: tally.sums for area, tally in slow.items()
    }


def test_the_nearest_area_that_moved_takes_a_division_along() -> None:
    """Its own successor first, else its township's, else its county's."""
    moved = {
        Code("530102"): Code("530103"),
        Code("530102001"): Code("530302001"),
        Code("530102001001"): Code("530302002001"),
    }

    assert rules.recast(Code("530102001001"), moved) == "530302002001"
    assert rules.recast(Code("530102001002"), moved) == "530302001"
    assert rules.recast(Code("530102002001"), moved) == "530103"
    assert rules.home(Code("530102002001"), 9, moved) == "530102002"
    assert rules.home(Code("530102002001"), 6, moved) == "530103"
    assert rules.origin(Code("530102002001"), Code("530103"), moved) == "530102"
    assert rules.uneven(moved) == {"530102"}
    assert rules.tops(moved) == ["530102"]


@given(held(), st.sampled_from(Aggregation))
def test_an_aggregate_lies_where_it_must(found: Sum, how: Aggregation) -> None:
    """A mean is between the extremes; without values only a count is there."""
    one = an_element()
    number = rules.aggregate(Subject(how, (one,)), one, found)

    if how is Aggregation.COUNT:
        assert number == found.received
    elif not found.received:
        assert number is None
    elif how is Aggregation.MEAN:
        assert found.smallest is not None
        assert found.largest is not None
        assert number == pytest.approx(found.total / found.received / 100)
        assert number is not None
        near = 1e-3
        assert found.smallest / 100 - near <= number <= found.largest / 100 + near
    elif how is Aggregation.MIN:
        assert number == pytest.approx((found.smallest or 0) / 100)


@given(held())
def test_weighting_raises_by_what_is_missing_and_never_makes_values_up(
    found: Sum,
) -> None:
    """A sum of half of the cells counts twice; of no cells, there is no sum."""
    subject = a_formula("pop / homes", "pop", "homes", weighted=True)
    number = rules.aggregate(subject, subject.elements[0], found)

    if found.received:
        raised = found.total * found.expected / found.received / 100
        assert number == pytest.approx(raised)
    else:
        assert number is None


@pytest.mark.parametrize(
    ("pop", "homes", "number", "problem"),
    [
        (Sum(2, 2, 2, 300), Sum(2, 2, 2, 200), 1.5, ""),
        (Sum(2, 2, 2, 300), Sum(2, 2, 2, 0), None, "除数为零"),
        (Sum(2, 2, 2, 300), Sum(2), None, "homes"),
        (None, None, None, "homes"),
    ],
)
def test_a_formula_gives_a_number_or_says_why_not(
    pop: Sum | None, homes: Sum | None, number: float | None, problem: str
) -> None:
    """Values that are missing are named, a division by zero is not hidden."""
    subject = a_formula("pop / homes", "pop", "homes")
    sums = {n: one for n, one in ((1, pop), (2, homes)) if one is not None}
    found, why = rules.result(subject, Tally(sums))

    assert found == number
    assert problem in why
    assert (why == "") == (found is not None)


@given(st.integers(0, 20), st.integers(1, 10))
def test_who_is_missing_is_named_up_to_a_bound_and_counted_in_all(
    lacking: int, most: int
) -> None:
    """Where more lack a value than are named, the count is of the element most lack."""
    subject = a_formula("pop / homes", "pop", "homes")
    codes = [Code(f"530102{n:03}") for n in range(1, lacking + 1)]
    tally = Tally({1: Sum(lacking), 2: Sum(lacking, lacking)})
    found = rules.missing_of(subject, tally, codes[: most + 1], most)

    assert found == Missing(codes[:most], lacking)


@given(held(), st.integers(-100, 100))
def test_an_age_is_never_negative(found: Sum, seconds: int) -> None:
    """Clocks of two nodes differ; nothing was seen after now."""
    now = datetime.fromtimestamp(1_790_000_000, UTC) + timedelta(seconds=seconds)
    age = rules.mean_age(found, now)

    assert (age is None) == (found.received == 0)
    if age is not None:
        assert age == timedelta(seconds=max(0, seconds))
