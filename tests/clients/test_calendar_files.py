"""Calendars and terms in files: what a keeper writes is what is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.cli import calendar_files
from clients.cli.words import UsageProblem
from ducha.calendar.v1 import calendar_pb2 as pb
from services.province.calendar.rules import year_faults
from tier.calendar.defaults import DEFAULTS
from tier.calendar.model import Term
from tier.calendar.rules import flaws
from tier.calendar.wire import terms_to, year_from

SAMPLE = Path(__file__).parents[2] / "data" / "calendar-2027-simulated.toml"
TOML = """
[2027]
official = true
working = ["2027-02-14"]
[2027.off]
"元旦" = "2027-01-01"
"春节" = ["2027-02-05..2027-02-07", "2027-02-09"]
[2026]
off = {"停工" = "2026-11-24"}
[2028]
official = true
whole = false
"""
ROW = """
[[rows]]
source_type = "plan-line"
urgency = "routine"
receive = "2wd"
work = "20wd"
receipt_near_percent = 80
near_percent = 75
ladder = ["4h", "1wd"]
max_extensions = 2
max_extension_days = 10
dispute = "2wd"
review = "5wd"
urge_overdue = false
"""
TERMS = st.one_of(
    st.integers(1, 250).map(Term), st.integers(1, 2400).map(lambda n: Term(0, n))
)


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8-sig")  # as a spreadsheet saves it
    return file


def test_a_year_is_read_as_a_notice_says_it(tmp_path: Path) -> None:
    """Ranges of days off by name; an official year is whole unless the file says otherwise."""
    notice, storm, partly = calendar_files.years(written(tmp_path, "c.toml", TOML))
    off = [(day.date, day.name) for day in notice.days if not day.working]

    assert (notice.year, notice.official, notice.whole) == (2027, True, True)
    assert off == [
        ("2027-01-01", "元旦"),
        ("2027-02-05", "春节"),
        ("2027-02-06", "春节"),
        ("2027-02-07", "春节"),
        ("2027-02-09", "春节"),
    ]
    assert [day.date for day in notice.days if day.working] == ["2027-02-14"]
    assert (storm.year, storm.official, storm.whole) == (2026, False, False)
    assert (partly.official, partly.whole) == (True, False)


def test_a_table_of_days_is_read_year_by_year(tmp_path: Path) -> None:
    """Whether it is official is said beside it."""
    text = "date,working,name\n2027-01-01,休,元旦\n2028-01-03,true,\n2027-01-04,班,\n"
    file = written(tmp_path, "c.csv", text)
    first, second = calendar_files.years(file, official=True)
    days = [(day.date, day.working, day.name) for day in first.days]

    assert days == [("2027-01-01", False, "元旦"), ("2027-01-04", True, "")]
    assert (first.year, first.official, first.whole) == (2027, True, True)
    assert (second.year, second.days[0].working) == (2028, True)
    assert not calendar_files.years(file)[0].official


def test_the_sample_may_be_published() -> None:
    """Simulated days of 2027: nothing is wrong with them."""
    (sample,) = calendar_files.years(SAMPLE)
    days = {date.fromisoformat(day.date): day.working for day in sample.days}

    assert list(year_faults([year_from(sample)])) == []
    assert sum(days.values()) == 4
    assert all(day.weekday() >= 5 for day, working in days.items() if working)


def test_a_row_of_terms_is_read_whole(tmp_path: Path) -> None:
    """Days and hours, numbers, yes and no."""
    (row,) = calendar_files.terms(written(tmp_path, "t.toml", ROW))

    assert row == pb.Terms(
        source_type=1,
        urgency=1,
        receive=pb.Term(working_days=2),
        work=pb.Term(working_days=20),
        receipt_near_percent=80,
        near_percent=75,
        ladder=[pb.Term(hours=4), pb.Term(working_days=1)],
        max_extensions=2,
        max_extension_days=10,
        dispute=pb.Term(working_days=2),
        review=pb.Term(working_days=5),
        urge_overdue=False,
    )


@given(
    st.sampled_from(sorted(DEFAULTS)),
    st.lists(TERMS, max_size=9),
    TERMS,
    st.booleans(),
)
def test_what_is_shown_as_csv_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    key: tuple[int, int],
    ladder: list[Term],
    work: Term,
    urged: bool,  # noqa: FBT001 - drawn
) -> None:
    """So that a table is changed by writing it out, editing it, and publishing it."""
    row = replace(DEFAULTS[key], ladder=tuple(ladder), work=work, urge_overdue=urged)
    file = tmp_path_factory.getbasetemp() / "terms.csv"
    file.write_text(calendar_files.form([terms_to(row)]), encoding="utf-8")

    assert calendar_files.terms(file) == [terms_to(row)]
    assert list(flaws(DEFAULTS[key])) == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c.json", "{}", "neither .toml nor .csv"),
        ("c.toml", "[2027", "docs/calendar.md"),
        ("c.toml", "[next]\n", "invalid literal"),
        ("c.toml", "year = 2027\n", "docs/calendar.md"),
        ("c.toml", "[2027]\nholidays = []\n", "holidays"),
        ("c.toml", '[2027]\nworking = ["14 Feb"]\n', "14 Feb"),
        ("c.toml", '[2027]\noff = "2027-01-01"\n', "docs/calendar.md"),
        ("c.toml", '[2027]\nworking = "2027-02-02..2027-02-01"\n', "no range"),
        ("c.toml", '[2027]\nworking = "0001-01-01..9999-12-31"\n', "no range"),
        ("c.csv", "day,working\n2027-01-01,true\n", "date is missing"),
        ("c.csv", "date,working\n2027-01-01,maybe\n", "neither true nor false"),
    ],
    ids=[
        "neither",
        "no toml",
        "no year",
        "no table",
        "no such key",
        "no date",
        "days without a name",
        "backwards",
        "for ever",
        "no column",
        "no yes or no",
    ],
)
def test_a_calendar_that_cannot_be_read_says_why(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    """Before anything is sent."""
    with pytest.raises(UsageProblem, match=said):
        calendar_files.years(written(tmp_path, name, text))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("2wd", "2 days"), "2 days"),
        (("2wd", "0wd"), "0wd"),
        (("plan-line", "rumour"), "RUMOUR"),
        (('urgency = "routine"\n', ""), "urgency is missing"),
        (("near_percent = 75", 'near_percent = "most"'), "most"),
        (("[[rows]]", "[[row]]"), "rows is missing"),
    ],
    ids=["no term", "none", "no source", "no urgency", "no number", "no rows"],
)
def test_terms_that_cannot_be_read_say_why(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    """Before anything is sent."""
    file = written(tmp_path, "t.toml", ROW.replace(*change))
    with pytest.raises(UsageProblem, match=said):
        calendar_files.terms(file)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """As an old spreadsheet saves Chinese."""
    file = tmp_path / "c.csv"
    file.write_bytes("date,working,name\n2027-01-01,休,元旦\n".encode("gbk"))

    with pytest.raises(UsageProblem, match="UTF-8"):
        calendar_files.years(file)
