"""Two elements that mean the same: found, unless their difference is stated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalogue import element
from tier.catalogue import Element, wire
from tier.catalogue.model import Place
from tier.catalogue.twins import ALIKE, fingerprint, likeness, twins
from tier.jurisdiction import Level

DIFFERENCE = "只统计户籍人口，不含流动人口"
WORDS = st.text("独居空巢老人数户籍常住", min_size=1, max_size=8)


def an_element(code: str, zh: str = "", en: str = "", definition: str = "") -> Element:
    """Return an element with names of its own, and no difference stated."""
    return replace(
        wire.element_from(element(code)),
        name_zh=zh or f"名{code}",
        name_en=en or f"name of {code}",
        definition=definition or f"定义 {code}",
        unit="人",
        difference="",
    )


ALONE = an_element(
    "alone", "独居老人数量", "Elderly living alone", "六十岁以上独居的人数"
)


def found(given: list[Element], *held: Element) -> list[tuple[str, str]]:
    """Return the pairs that are refused."""
    rows = [
        (Place("elements", row, "difference"), one) for row, one in enumerate(given)
    ]
    new = {one.code for one in given} - {one.code for one in held}
    return [(twin.code, twin.other_code) for twin in twins(rows, new, held)]


@pytest.mark.parametrize(
    ("field", "text", "alike"),
    [
        ("name_zh", "独居老人数量", True),
        ("name_zh", "独居老人的数量", True),
        ("name_zh", "（独居）老人数量：", True),
        ("name_zh", "独居儿童数量", False),
        ("name_zh", "空巢老人户数", False),
        ("name_en", "elderly, living ALONE", True),
        ("name_en", "Ｅlderly living alone", True),
        ("name_en", "Elderly living in care", False),
        ("definition", "六十岁以上、独居的人数。", True),
        ("definition", "六十岁以上享受低保的人数", False),
    ],
)
def test_what_is_alike(field: str, text: str, *, alike: bool) -> None:
    """Case, width and punctuation say nothing; another word does."""
    over: dict[str, Any] = {field: text}
    other = replace(an_element("other"), **over)

    assert found([other], ALONE) == ([("other", "alone")] if alike else [])


def test_another_number_is_another_meaning() -> None:
    """Over 60 and over 70 differ by one character, which is the one that counts."""
    sixty = an_element("sixty", "60岁以上独居老人数量")
    seventy = an_element("seventy", "70岁以上独居老人数量")

    assert found([seventy], sixty) == []


@pytest.mark.parametrize(
    "over", [{"collect_level": Level.GRID}, {"unit": "户"}, {"retired": True}]
)
def test_another_level_or_unit_or_a_retired_one_is_no_twin(
    over: dict[str, Any],
) -> None:
    """A count by grids is asked of others; a retired element is asked of nobody."""
    other = replace(ALONE, code="other")

    assert found([other], replace(ALONE, **over)) == []


def test_a_stated_difference_is_enough() -> None:
    """Ten characters at least; blanks do not count."""
    other = replace(ALONE, code="other")

    assert found([replace(other, difference=DIFFERENCE)], ALONE) == []
    assert found([replace(other, difference="不同" + " " * 9)], ALONE) != []


def test_a_new_element_states_it_itself() -> None:
    """What an old one says of another is not about this one."""
    explained = replace(ALONE, difference=DIFFERENCE)

    assert found([replace(ALONE, code="other")], explained) == [("other", "alone")]


def test_a_change_need_not_state_what_its_twin_states() -> None:
    """The pair was explained when it came to be."""
    other = replace(ALONE, code="other", difference=DIFFERENCE)

    assert found([replace(ALONE, definition="改后的定义")], ALONE, other) == []


def test_twins_in_one_batch_are_found() -> None:
    """One of both must say it."""
    other = replace(ALONE, code="other")

    assert found([ALONE, other]) == [("other", "alone")]
    assert found([ALONE, replace(other, difference=DIFFERENCE)]) == []


def test_everything_alike_is_named() -> None:
    """Whoever is refused sees which words."""
    rows = [(Place("elements", 0, "difference"), replace(ALONE, code="other"))]
    (twin,) = twins(rows, {"other"}, [ALONE])

    assert twin.other_name == "独居老人数量"
    assert all(name in twin.alike for _, name in ALIKE.values())


@given(WORDS, WORDS)
def test_likeness_is_the_same_both_ways(one: str, other: str) -> None:
    """And 1 for a text and itself."""
    a, b = fingerprint(one), fingerprint(other)

    assert likeness(a, b) == likeness(b, a)
    assert 0 <= likeness(a, b) <= likeness(a, a) == 1


@given(st.lists(WORDS, max_size=12), st.integers(0, 12))
def test_the_index_finds_what_comparing_all_finds(names: list[str], known: int) -> None:
    """No pair is lost by not comparing each with each."""
    elements = [an_element(f"e{n}", name) for n, name in enumerate(names)]
    elements = [
        replace(one, definition=f"{n}", name_en=f"{n}")
        for n, one in enumerate(elements)
    ]
    held, given = elements[:known], elements[known:]
    least = ALIKE["name_zh"][0]
    expected = {
        (later.code, earlier.code)
        for at, later in enumerate(elements)
        for earlier in elements[:at]
        if at >= known
        and likeness(fingerprint(later.name_zh), fingerprint(earlier.name_zh)) >= least
    }

    assert set(found(given, *held)) == expected
