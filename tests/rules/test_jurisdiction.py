"""Who lies within whom, as properties of codes."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tier.jurisdiction import (
    DIGITS,
    LEVELS,
    Code,
    Level,
    ancestors,
    contains,
    level_of,
    pack,
    parent_of,
    parse,
    unpack,
    within,
)
from tier.node import Neighbour, Node

# Few digits, so that drawn codes often lie within each other.
codes = st.sampled_from(sorted(LEVELS)).flatmap(
    lambda digits: st.text("05", min_size=digits, max_size=digits).map(Code)
)
some_codes = st.lists(codes, max_size=50)


class Siblings(NamedTuple):
    """A node whose children split its divisions, and codes to sort among them."""

    node: Node
    codes: list[Code]


@st.composite
def siblings(draw: st.DrawFn) -> Siblings:
    """Draw a city node whose county nodes host one county each."""
    counties = draw(st.sets(st.sampled_from(["530101", "530102", "530111", "530201"])))
    children = tuple(Neighbour(f"n{code}", (Code(code),)) for code in sorted(counties))
    node = Node("city", Level.CITY, (Code("53"),), "province", children)
    tails = st.sampled_from(["", "001", "001002", "001002003"])
    heads = st.sampled_from(["530101", "530102", "530111", "530201", "530301"])
    drawn = st.builds(lambda head, tail: Code(head + tail), heads, tails)
    whole = st.sampled_from([Code("53"), Code("5301"), Code("5302")])
    return Siblings(node, draw(st.lists(drawn | whole, unique=True)))


@given(some_codes)
def test_a_packed_set_is_the_same_set(drawn: list[Code]) -> None:
    """What crosses a link as runs of steps is what was sent, once each."""
    unpacked = unpack(pack(drawn))

    assert sorted(unpacked) == sorted(set(drawn))


def test_a_code_of_zeros_survives_packing() -> None:
    """Leading zeros are digits, not nothing."""
    drawn = [Code("00"), Code("000000"), Code("0000"), Code("000001")]

    assert unpack(pack(drawn)) == [
        Code("00"),
        Code("0000"),
        Code("000000"),
        Code("000001"),
    ]


@given(st.lists(st.integers(0, 10**15 - 1), unique=True, max_size=200))
def test_a_packed_run_ascends(numbers: list[int]) -> None:
    """Only the first step may be 0: a delta of 0 would say a code twice."""
    ((_, steps),) = pack(Code(str(n).zfill(15)) for n in numbers) or [(15, [0])]

    assert all(step > 0 for step in steps[1:])


@pytest.mark.parametrize("runs", [[(3, [530])], [(2, [53, 99])], [(0, [1])]])
def test_a_run_that_spells_no_codes_is_refused(
    runs: list[tuple[int, list[int]]],
) -> None:
    """A stranger's bytes never become a jurisdiction."""
    with pytest.raises(ValueError, match="is not a division code"):
        unpack(runs)


@given(codes, codes)
def test_containing_is_being_an_ancestor_or_the_same(one: Code, other: Code) -> None:
    """The prefix test on parsed codes and the walk up the tree are one relation."""
    assert contains(one, other) == (one == other or one in ancestors(other))


@given(codes)
def test_ancestors_climb_one_level_at_a_time(code: Code) -> None:
    """From the parent to the province, each level once."""
    levels = [level_of(above) for above in ancestors(code)]

    assert levels == [Level(n) for n in range(level_of(code) - 1, 0, -1)]
    assert parent_of(code) == next(ancestors(code), None)


@given(codes, codes, codes)
def test_containing_is_transitive(top: Code, middle: Code, low: Code) -> None:
    """What lies within my county lies within my city."""
    if contains(top, middle) and contains(middle, low):
        assert contains(top, low)


def test_a_longer_sibling_is_not_within() -> None:
    """`530102` begins with `5301`, yet city 5301 is not within county 530102."""
    city, county, sibling = Code("5301"), Code("530102"), Code("530103")

    assert contains(city, county)
    assert not contains(county, city)
    assert not contains(county, sibling)
    assert not within(Code("530103001"), [county, Code("5302")])


@given(st.text(max_size=20))
def test_only_codes_of_a_level_parse(text: str) -> None:
    """Other lengths, other scripts' digits and signs are no codes."""
    plain = bool(text) and all(letter in "0123456789" for letter in text)
    if plain and len(text) in DIGITS.values():
        assert parse(text) == text
    else:
        with pytest.raises(ValueError, match="is not a division code"):
            parse(text)


@pytest.mark.parametrize("text", ["٥٣", "5３", "+5", " 53", "53\n", "-5", "5 "])
def test_look_alikes_are_not_codes(text: str) -> None:
    """What `int()` would take is not thereby a code."""
    with pytest.raises(ValueError, match="is not a division code"):
        parse(text)


@given(siblings())
def test_branches_partition_what_lies_below(drawn: Siblings) -> None:
    """Each code goes to one child at most, and to none that does not host it."""
    node, drawn_codes = drawn
    grouped = node.branches(drawn_codes)
    hosts = {child.name: child.hosts for child in node.children}
    told = [code for group in grouped.values() for code in group]

    assert len(told) == len(set(told))
    assert all(
        within(code, hosts[name]) for name, group in grouped.items() for code in group
    )
    assert set(told) == {
        code
        for code in drawn_codes
        if any(within(code, areas) for areas in hosts.values())
    }


@given(siblings())
def test_a_node_covers_its_branches(drawn: Siblings) -> None:
    """What goes down to a child is within the parent's own jurisdiction."""
    node, drawn_codes = drawn
    for group in node.branches(drawn_codes).values():
        assert all(node.covers(code) and not node.acts_for(code) for code in group)
