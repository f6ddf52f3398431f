"""The table of terms, and what is published: each row fits itself, each version is one thing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ducha.assignment.v1.assignment_pb2 import SourceType, Urgency
from tier.calendar import rules
from tier.calendar.defaults import DEFAULTS, SOURCE_TYPES, URGENCIES
from tier.calendar.model import Term, Terms, Year
from tier.calendar.rules import plan

PAGE = Path(__file__).parents[2] / "docs" / "calendar.md"


def test_the_defaults_have_a_row_for_each_source_and_urgency() -> None:
    """And none with a flaw."""
    wanted = {(source, urgency) for source in SOURCE_TYPES for urgency in URGENCIES}

    assert DEFAULTS.keys() == wanted
    assert [list(rules.flaws(row)) for row in DEFAULTS.values()] == [[]] * len(wanted)
    assert {row.version for row in DEFAULTS.values()} == {0}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"receive": Term(15)}, "work"),
        ({"ladder": (Term(1), Term(1))}, "ladder[1]"),
        ({"ladder": (Term(1), Term(3), Term(hours=4))}, "ladder[2]"),
        ({"max_extensions": 0}, "max_extension_days"),
        ({"max_extension_days": 0}, "max_extension_days"),
    ],
)
def test_fields_that_do_not_fit_each_other_are_named(
    change: dict[str, object], field: str
) -> None:
    """Each is right by itself."""
    row: Terms = replace(DEFAULTS[3, 1], **{"work": Term(15), **change})  # type: ignore[arg-type] # any field

    assert [name for name, _ in rules.flaws(row)] == [field]


PUBLISHED = st.builds(
    Year,
    st.integers(2027, 2030),
    st.booleans(),
    st.booleans(),
    st.just(()),
    st.integers(1, 3),
)
HELD = st.lists(PUBLISHED, unique_by=lambda one: one.key)
DRAFTS = HELD.map(lambda years: [replace(one, version=0) for one in years])


@given(DRAFTS, HELD)
def test_publishing_what_stands_already_changes_nothing(
    given_years: list[Year], held: list[Year]
) -> None:
    """And what is new or changed gets one version, above all that were."""
    first = plan(given_years, held)
    kept = {year.key: year for year in [*held, *first.rows]}
    again = plan(given_years, list(kept.values()))

    assert len(first.rows) + first.unchanged == len(given_years)
    assert {row.version for row in first.rows} <= {first.version}
    assert all(year.version < first.version for year in held) or not first.rows
    assert (again.rows, again.version) == ([], first.version)


@given(HELD, HELD)
def test_another_year_under_the_same_version_is_seen(
    came: list[Year], held: list[Year]
) -> None:
    """What is older, newer or the same is no contradiction."""
    both = {year.key: year for year in held}
    against = [
        year
        for year in came
        if (other := both.get(year.key)) is not None
        and other.version == year.version
        and other != year
    ]

    assert rules.other(came, held) == (against[0] if against else None)


def shown(term: Term) -> str:
    return f"{term.hours} h" if term.hours else f"{term.working_days} wd"


def test_the_documented_table_is_the_one_that_holds() -> None:
    """Row by row; and what it says of all rows."""
    lines = []
    for (source, urgency), row in sorted(DEFAULTS.items()):
        cells = (
            SourceType.Name(SourceType.ValueType(source))[len("SOURCE_TYPE_") :],
            Urgency.Name(Urgency.ValueType(urgency))[len("URGENCY_") :],
            shown(row.receive),
            shown(row.work),
            " / ".join(map(shown, row.ladder)),
            f"{row.max_extensions} x {row.max_extension_days} wd",
            shown(row.dispute),
            shown(row.review),
        )
        names = (cell.lower().replace("_", " ") for cell in cells)
        lines.append(f"| {' | '.join(names)} |")
    page = PAGE.read_text(encoding="utf-8")
    common = {
        (row.receipt_near_percent, row.near_percent, row.urge_overdue)
        for row in DEFAULTS.values()
    }

    assert "\n".join(lines) in page
    assert common == {(80, 80, True)}
