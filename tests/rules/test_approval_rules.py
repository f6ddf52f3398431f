"""Approval: what rises, who goes first, what is locked, and that all tiers agree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tier.approval import rules
from tier.approval.model import Act, Holding, Unlocking
from tier.approval.rules import No
from tier.jurisdiction import Code, contains
from tier.registry.model import STAGE, STAGES

TOWNSHIP, COUNTY, CITY, PROVINCE = map(Code, ("530102001", "530102", "5301", "53"))
LINE = (TOWNSHIP, COUNTY, CITY, PROVINCE)
VILLAGE = Code("530102001002")
PERIOD = "2026-11"
NOW = datetime(2026, 12, 1, tzinfo=UTC)
OTHER_BITS = 0xFF & ~STAGES

stages = st.integers(1, 4)
marks = st.builds(lambda bits, stage: bits & OTHER_BITS | stage * STAGE,
                  st.integers(0, 255), st.integers(0, 4))  # fmt: skip
cells = st.lists(st.tuples(st.integers(1, 5), marks), max_size=8)
townships = st.sampled_from(
    [Code(f"53010{county}00{n}") for county in (2, 3) for n in (1, 2)]
)
areas = st.sampled_from([*LINE, Code("530103"), Code("530102002"), Code("5303")])


def a_holding(pairs: Sequence[tuple[int, int]], division: Code = TOWNSHIP) -> Holding:
    """Return a sheet of (answer, flags) pairs."""
    return Holding(division, 5, [one for one, _ in pairs], [flag for _, flag in pairs])


def an_unlocking(
    authority: Code, within: Code, expires_at: datetime = NOW + timedelta(days=1)
) -> Unlocking:
    """Return leave to correct the period."""
    return Unlocking(
        UUID(int=1), authority, within, PERIOD, "审核员（模拟）", "", NOW, expires_at
    )


def test_each_tier_has_its_stage() -> None:
    """Township, county, city, province: 1 to 4, as the protos number them."""
    found = [rules.stage_of_unit(code) for code in LINE]

    assert found == [1, 2, 3, 4]


@given(cells, stages, st.integers(0, 6))
def test_an_approval_lifts_what_its_unit_knew_and_nothing_else(
    pairs: list[tuple[int, int]], stage: int, revision: int
) -> None:
    """Never down, never what a later answer gave, never another flag."""
    after = rules.lifted(a_holding(pairs), stage, revision)

    for (place, before), flag in zip(pairs, after, strict=True):
        assert flag & ~STAGES == before & ~STAGES
        wanted = max(before & STAGES, stage * STAGE if place <= revision else 0)
        assert flag & STAGES == wanted


@given(cells, st.permutations([(1, 2), (2, 2), (3, 1), (1, 4), (2, 3)]))
def test_approvals_come_to_the_same_in_any_order(
    pairs: list[tuple[int, int]], acts: list[tuple[int, int]]
) -> None:
    """An approval that was set aside and retried does no harm by coming late."""
    ends = []
    for order in (acts, sorted(acts)):
        holding = a_holding(pairs)
        for stage, revision in order:
            flags = rules.lifted(holding, stage, revision)
            holding = holding._replace(flags=flags)
        ends.append(holding)

    assert ends[0] == ends[1]


@given(st.dictionaries(townships, cells, min_size=1), st.sampled_from([PROVINCE, CITY]))
def test_nothing_is_approved_before_the_tier_below_did(
    sheets: dict[Code, list[tuple[int, int]]], division: Code
) -> None:
    """Every value is approved, was approved, or is counted where it lacks a stage."""
    holdings = [a_holding(pairs, code) for code, pairs in sheets.items()]
    decision = rules.approve(holdings, division)
    stage = rules.stage_of_unit(division)
    held = [flag & STAGES for one in holdings for flag in one.flags]
    lacking = sum(1 for each in held if each < (stage - 1) * STAGE)

    assert decision.approved + decision.unchanged == len(held)
    assert decision.unchanged == sum(1 for each in held if each >= stage * STAGE)
    assert sum(decision.short.values()) == lacking
    assert all(contains(division, code) for code in decision.short)
    assert {len(code) for code in decision.short} <= {len(division) + 2}
    assert decision.flags.keys() == decision.revisions.keys()
    for flags in decision.flags.values():
        assert min(flag & STAGES for flag in flags) >= stage * STAGE


def test_a_township_waits_for_nobody() -> None:
    """Villages and grids have no stage of their own."""
    sheets = [a_holding([(1, 0), (2, 4)]), a_holding([(1, 1)], VILLAGE)]
    decision = rules.approve(sheets, TOWNSHIP)

    assert decision.short == {}
    assert decision.approved == 3
    assert decision.flags == {TOWNSHIP: [16, 20], VILLAGE: [17]}
    assert decision.revisions == {TOWNSHIP: 5, VILLAGE: 5}


def test_after_a_correction_only_the_value_that_changed_is_approved_again() -> None:
    """The others were, and are counted as unchanged."""
    decision = rules.approve([a_holding([(1, 32), (5, 16), (1, 32)])], COUNTY)

    assert (decision.approved, decision.unchanged) == (1, 2)
    assert decision.flags == {TOWNSHIP: [32, 32, 32]}


@given(
    st.sets(st.sampled_from(LINE)),
    st.lists(st.builds(an_unlocking, areas, areas, st.sampled_from([NOW, NOW + timedelta(1)]))),
    st.sampled_from([TOWNSHIP, VILLAGE, Code("530103001")]),
)  # fmt: skip
def test_a_sheet_is_locked_unless_who_approved_highest_allows_it(
    approvers: set[Code], unlockings: list[Unlocking], division: Code
) -> None:
    """The highest counts, and only leave that stands, reaches here, and is high enough."""
    key = Act(division, PERIOD)
    found = rules.locks([key], {Act(one, PERIOD) for one in approvers}, unlockings, NOW)
    above = sorted((one for one in approvers if contains(one, division)), key=len)
    open_to = any(
        one.expires_at > NOW
        and contains(one.within, division)
        and len(one.authority) <= len(above[0])
        and contains(one.authority, above[0])
        for one in unlockings
        if above
    )

    assert found == ({key: above[0]} if above and not open_to else {})


def test_another_period_is_not_locked() -> None:
    """Neither by an approval of the same division, nor unlocked by its unlocking."""
    approved = {Act(COUNTY, PERIOD), Act(COUNTY, "2026-10")}
    keys = [Act(TOWNSHIP, "2026-09"), Act(TOWNSHIP, "2026-10")]
    found = rules.locks(keys, approved, [an_unlocking(COUNTY, COUNTY)], NOW)

    assert found == {keys[1]: COUNTY}


@pytest.mark.parametrize(
    ("authority", "area", "approvers", "refused"),
    [
        (COUNTY, COUNTY, [], (No.NOT_LOCKED, COUNTY)),
        (COUNTY, TOWNSHIP, [TOWNSHIP, COUNTY], None),
        (COUNTY, COUNTY, [TOWNSHIP], None),
        (PROVINCE, VILLAGE, [COUNTY, TOWNSHIP], None),
        (COUNTY, TOWNSHIP, [TOWNSHIP, CITY, COUNTY], (No.NOT_AUTHORITY, CITY)),
        (TOWNSHIP, TOWNSHIP, [PROVINCE], (No.NOT_AUTHORITY, PROVINCE)),
    ],
)  # fmt: skip
def test_who_approved_highest_unlocks_or_one_above_it(
    authority: Code,
    area: Code,
    approvers: list[Code],
    refused: tuple[No, Code] | None,
) -> None:
    """Nobody unlocks what a unit above approved, or what nobody did."""
    assert rules.refusal_to_unlock(authority, area, approvers) == refused


@pytest.mark.parametrize(
    ("after", "valid"),
    [
        (timedelta(0), False),
        (timedelta(seconds=1), True),
        (rules.LONGEST, True),
        (rules.LONGEST + timedelta(seconds=1), False),
        (timedelta(days=-1), False),
    ],
)
def test_an_unlocking_ends_within_thirty_days(
    after: timedelta,
    valid: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Not before it begins, and not never."""
    assert rules.is_expiry_valid(NOW + after, NOW) is valid


def test_who_holds_nothing_of_an_area_hears_nothing_of_it() -> None:
    """A child hears if it lies in the area, or the area in it."""
    children = [("a", [COUNTY]), ("b", [Code("530103")]), ("all", [PROVINCE])]

    assert rules.concerned(children, TOWNSHIP) == ("a", "all")
    assert rules.concerned(children, CITY) == ("a", "b", "all")
    assert rules.concerned(children, Code("5303")) == ("all",)


def test_an_approval_waits_for_answers_that_are_not_here() -> None:
    """A missing sheet and a missing answer alike."""
    holding = a_holding([(1, 0)])

    assert rules.unknown({TOWNSHIP: 5}, [holding]) is None
    assert rules.unknown({TOWNSHIP: 6}, [holding]) == (TOWNSHIP, 6)
    assert rules.unknown({VILLAGE: 1}, [holding]) == (VILLAGE, 1)


def test_a_unit_speaks_of_its_own_sheets_only() -> None:
    """And its sender of what it may tell of."""
    assert rules.is_own(COUNTY, [TOWNSHIP, VILLAGE], [CITY])
    assert not rules.is_own(COUNTY, [Code("530103001")], [CITY])
    assert not rules.is_own(CITY, [TOWNSHIP], [Code("530103")])
