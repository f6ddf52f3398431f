"""What an import of divisions may say, and what it does to the tree."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tier.division import rules
from tier.division.model import Division, Plan, Row
from tier.jurisdiction import Code, contains, level_of, parent_of

FIRST = date(2023, 6, 30)
LATER = date(2025, 1, 1)
HOSTS = (Code("53"),)


def a_row(code: str, name: str = "某地", parent: str | None = None) -> Row:
    above = parent_of(Code(code)) if len(code) in {2, 4, 6, 9, 12, 15} else None
    return Row(
        code=code,
        name=name,
        level=level_of(Code(code)) if above or len(code) == 2 else 1,
        parent=(above or "") if parent is None else parent,
        valid_from=FIRST.isoformat(),
    )


def planned(rows: list[Row], known: tuple[Division, ...] = ()) -> Plan:
    divisions, faults = rules.read(rows)
    assert faults == []
    plan, faults = rules.plan(divisions, known, HOSTS)
    assert faults == []
    return plan


def faulty(rows: list[Row], known: tuple[Division, ...] = ()) -> list[str]:
    """Return the fields at fault."""
    divisions, faults = rules.read(rows)
    if not faults:
        _, faults = rules.plan(divisions, known, HOSTS)
    assert all("（" in fault.problem for fault in faults), "both languages"
    return [fault.field for fault in faults]


TREE = planned([a_row("53"), a_row("5301"), a_row("530102")]).writes


@st.composite
def trees(draw: st.DrawFn) -> list[Row]:
    """Draw rows of a tree that fits, in any order: every code brings its path."""
    tails = st.sampled_from(["01", "0102", "0102001", "02", "0201", "0201003001"])
    drawn = draw(st.sets(tails, min_size=1))
    whole = {Code("53")}
    for tail in drawn:
        code: Code | None = Code("53" + tail)
        while code is not None:
            whole.add(code)
            code = parent_of(code)
    names = st.text(st.sampled_from("昆明五华盘龙官渡"), min_size=1, max_size=6)
    rows = [a_row(code, draw(names)) for code in sorted(whole)]
    return draw(st.permutations(rows))


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    """Draw entries of one province on different days, open ones mostly."""
    days = draw(st.lists(st.integers(0, 2000), unique=True, min_size=1, max_size=6))
    return [
        replace(a_row("53", f"第{n}名"), valid_from=str(FIRST + timedelta(n)))
        for n in days
    ]


@given(trees())
def test_a_tree_that_fits_is_taken_whole(rows: list[Row]) -> None:
    """Parents may come before or beside their children, in any order."""
    plan = planned(rows)

    assert plan.imported == len(rows)
    assert [entry.code for entry in plan.writes] == sorted(row.code for row in rows)


@given(trees())
def test_importing_again_changes_nothing(rows: list[Row]) -> None:
    """The second import of a file writes no row and tells no one."""
    again = planned(rows, planned(rows).writes)

    assert again == Plan((), 0, len(rows))


@given(trees(), st.data())
def test_an_import_in_two_parts_ends_the_same(
    rows: list[Row], data: st.DataObject
) -> None:
    """Pages of a file, parents first, make the tree that one page would."""
    ordered = sorted(rows, key=lambda row: row.code)
    cut = data.draw(st.integers(0, len(ordered)))
    first = planned(ordered[:cut]).writes
    second = planned(ordered[cut:], first).writes

    assert [*first, *second] == list(planned(rows).writes)


@given(histories())
def test_entries_one_by_one_end_as_in_one_import(rows: list[Row]) -> None:
    """Renamed year by year, or all history at once: the same tree."""
    ordered = sorted(rows, key=lambda row: row.valid_from)
    held: dict[date, Division] = {}
    for row in ordered:
        held |= {e.valid_from: e for e in planned([row], (*held.values(),)).writes}

    assert list(held.values()) == list(planned(rows).writes)


@given(histories())
def test_one_import_of_a_history_closes_each_entry_by_the_next(
    rows: list[Row],
) -> None:
    """On every day from the first on, exactly one entry stands."""
    writes = planned(rows).writes
    days = [entry.valid_from + timedelta(d) for entry in writes for d in (-1, 0, 1)]
    first = min(entry.valid_from for entry in writes)

    assert all(
        sum(entry.stands(day) for entry in writes) == (day >= first) for day in days
    )


@given(trees(), st.sampled_from(["53", "5301", "530102", "5302", "530201003"]))
def test_a_branch_holds_its_own_and_the_path_above(rows: list[Row], area: str) -> None:
    """A child is told no more than its branch, and never an orphan of it."""
    writes = planned(rows).writes
    told = rules.concerning(Code(area), writes)
    codes = {entry.code for entry in told}

    assert all(
        contains(Code(area), code) or contains(code, Code(area)) for code in codes
    )
    assert all(entry.parent is None or entry.parent in codes for entry in told)


def test_a_new_entry_closes_the_former() -> None:
    """A renamed county keeps its history under its code."""
    row = replace(a_row("530102", "新名"), valid_from=str(LATER))
    former, latter = planned([row], TREE).writes

    assert (former.name, former.valid_to) == ("某地", LATER)
    assert (latter.name, latter.valid_to) == ("新名", None)
    assert planned([row], TREE).imported == 1


def test_an_old_file_does_not_reopen_what_was_ended() -> None:
    """Importing the file of 2023 again leaves a county of 2025 ended."""
    ended = replace(TREE[2], valid_to=LATER, successors=(Code("5301"),))

    assert planned([a_row("530102")], (*TREE[:2], ended)) == Plan((), 0, 1)


def test_an_ended_division_may_return_by_a_new_entry() -> None:
    """It begins on or after the day the former one ended."""
    ended = replace(TREE[2], valid_to=LATER)
    row = replace(a_row("530102"), valid_from=str(LATER))
    (back,) = planned([row], (*TREE[:2], ended)).writes

    assert back.valid_from == LATER


def test_a_corrected_name_is_a_change() -> None:
    """The same code and first day with another name replaces the entry."""
    plan = planned([a_row("530102", "五华区")], TREE)

    assert (plan.imported, plan.unchanged) == (1, 0)
    assert [entry.name for entry in plan.writes] == ["五华区"]


TODAY = date(2024, 3, 1)


def undated(row: Row, known: tuple[Division, ...] = TREE) -> Plan:
    rows = [replace(row, valid_from="")]
    divisions, faults = rules.read(rows, today=TODAY)
    assert faults == []
    plan, faults = rules.plan(rules.dated(rows, divisions, known), known, HOSTS)
    assert faults == []
    return plan


def test_a_row_without_a_day_that_says_what_stands_changes_nothing() -> None:
    """The list of 2023, imported today, does not begin everything anew."""
    assert undated(a_row("530102")) == Plan((), 0, 1)


def test_a_row_without_a_day_does_not_reopen_what_was_ended() -> None:
    """An old list may still name what is no more."""
    ended = replace(TREE[2], valid_to=LATER, successors=(Code("5301"),))

    assert undated(a_row("530102"), (*TREE[:2], ended)) == Plan((), 0, 1)


def test_what_a_row_without_a_day_changes_begins_today() -> None:
    """A list of four columns says nothing of the past, so the past stays."""
    former, latter = undated(a_row("530102", "新名")).writes
    (new,) = undated(a_row("530103")).writes

    assert (former.name, former.valid_to) == ("某地", TODAY)
    assert (latter.name, latter.valid_from) == ("新名", TODAY)
    assert new.valid_from == TODAY


def test_a_fact_without_a_day_is_at_fault() -> None:
    """What came over a link was dated by its keeper."""
    _, faults = rules.read([replace(a_row("53"), valid_from="")])

    assert [fault.field for fault in faults] == ["divisions[0].valid_from"]


def test_a_missing_level_is_allowed_where_none_stands() -> None:
    """Some cities have townships and no counties."""
    plan = planned([a_row("5301"), a_row("530199001", parent="5301")], TREE[:1])

    assert [entry.parent for entry in plan.writes] == ["53", "5301"]


BAD_ROWS = [
    ("code", {"code": "53010"}),
    ("code", {"code": "53010x"}),
    ("code", {"code": ""}),
    ("name", {"name": ""}),
    ("name", {"name": "  "}),
    ("name", {"name": "昆\x00明"}),
    ("name", {"name": "长" * 101}),
    ("level", {"level": 2}),
    ("level", {"level": 0}),
    ("parent_code", {"parent": "530"}),
    ("parent_code", {"parent": ""}),
    ("parent_code", {"parent": "5302"}),
    ("parent_code", {"parent": "530102"}),
    ("parent_code", {"parent": "530102001"}),
    ("parent_code", {"parent": "53"}),
    ("valid_from", {"valid_from": "20230630"}),
    ("valid_from", {"valid_from": "2023-02-30"}),
    ("valid_from", {"valid_from": "2023-W01-1"}),
    ("parent_code", {"valid_from": "2020-01-01"}),
    ("valid_to", {"valid_to": "2023-06-30"}),
    ("valid_to", {"valid_to": "soon"}),
    ("successor_codes", {"successors": ("5301",)}),
    ("successor_codes[0]", {"successors": ("53x",)}),
    ("successor_codes[1]", {"successors": ("5301", "5309"), "valid_to": str(LATER)}),
]


@pytest.mark.parametrize(("field", "change"), BAD_ROWS)
def test_what_is_wrong_with_a_row_is_named(
    field: str, change: dict[str, object]
) -> None:
    """The field of the second row is named as the caller wrote it."""
    good = a_row("5301")
    bad = replace(a_row("530102"), **change)  # type: ignore[arg-type] # drawn above

    assert faulty([good, bad], TREE[:1]) == [f"divisions[1].{field}"]


def test_a_parent_in_the_same_import_is_known() -> None:
    """And one that is nowhere is not."""
    assert faulty([a_row("5301"), a_row("530102")], TREE[:1]) == []
    assert faulty([a_row("530102")], TREE[:1]) == ["divisions[0].parent_code"]


def test_a_parent_that_has_ended_takes_no_new_children() -> None:
    """Known once is not standing now."""
    ended = replace(TREE[1], valid_to=LATER)
    row = replace(a_row("530103"), valid_from=str(LATER))

    assert faulty([row], (TREE[0], ended)) == ["divisions[0].parent_code"]


def test_a_repeated_row_is_named() -> None:
    """One entry for a code and a day: which of two would hold?"""
    rows = [a_row("5301"), a_row("5301", "别名")]

    assert faulty(rows, TREE[:1]) == ["divisions[1].code"]


def test_rows_outside_the_keepers_area_are_refused() -> None:
    """Yunnan does not write Guizhou's tree."""
    assert faulty([a_row("52")]) == ["divisions[0].code"]


def test_overlaps_are_named_on_the_row_that_brings_them() -> None:
    """Neither beginning inside an ended entry nor ending inside a later one."""
    ended = replace(TREE[1], valid_to=LATER)
    inside = replace(a_row("5301"), valid_from="2024-01-01")
    tail = replace(TREE[1], valid_from=LATER)
    over = replace(a_row("5301"), valid_to="2026-01-01")

    assert faulty([inside], (TREE[0], ended)) == ["divisions[0].valid_from"]
    assert faulty([over], (TREE[0], tail)) == ["divisions[0].valid_to"]


@given(st.sets(st.integers(0, 5), min_size=1))
def test_every_bad_row_is_named(bad: set[int]) -> None:
    """Nobody corrects a file of 5,000 rows one refusal at a time."""
    rows = [a_row("5301" + f"{n:02}", "" if n in bad else "名") for n in range(6)]

    assert faulty(rows, TREE) == [f"divisions[{n}].name" for n in sorted(bad)]


@given(st.dates(), st.lists(st.sampled_from(["53", "5301", "5309", "530102"])))
def test_an_end_comes_after_the_beginning_and_leaves_somebody(
    last: date, texts: list[str]
) -> None:
    """A county ends on a later day, for successors that stand on it, not itself."""
    county = TREE[2]
    ended, faults = rules.end(county, last, [Code(text) for text in texts], TREE)
    lost = [
        f"successor_codes[{place}]"
        for place, text in enumerate(texts)
        if text in {"5309", "530102"}
    ]

    if last <= county.valid_from:
        assert [fault.field for fault in faults] == ["valid_to"]
    else:
        assert [fault.field for fault in faults] == lost
        assert ended.valid_to == last
        assert not ended.stands(last)


def test_the_day_is_the_day_in_china() -> None:
    """At 16:00 UTC it is tomorrow in Kunming."""
    assert rules.today(datetime(2025, 1, 1, 15, 59, tzinfo=UTC)) == date(2025, 1, 1)
    assert rules.today(datetime(2025, 1, 1, 16, 0, tzinfo=UTC)) == date(2025, 1, 2)
