"""Periods as they are written: one way each, and the days they cover."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tier.catalogue.model import PeriodType
from tier.registry import periods
from tier.registry.model import Period

DAYS = st.dates(date(1, 1, 1), date(9998, 12, 31))


@pytest.mark.parametrize(
    ("text", "kind", "start", "end"),
    [
        ("2026-11-23", PeriodType.DAY, date(2026, 11, 23), date(2026, 11, 24)),
        ("2024-02-29", PeriodType.DAY, date(2024, 2, 29), date(2024, 3, 1)),
        ("2026-W01", PeriodType.WEEK, date(2025, 12, 29), date(2026, 1, 5)),
        ("2026-W53", PeriodType.WEEK, date(2026, 12, 28), date(2027, 1, 4)),
        ("2026-11", PeriodType.MONTH, date(2026, 11, 1), date(2026, 12, 1)),
        ("2026-12", PeriodType.MONTH, date(2026, 12, 1), date(2027, 1, 1)),
        ("2026-Q1", PeriodType.QUARTER, date(2026, 1, 1), date(2026, 4, 1)),
        ("2026-Q4", PeriodType.QUARTER, date(2026, 10, 1), date(2027, 1, 1)),
        ("2026", PeriodType.YEAR, date(2026, 1, 1), date(2027, 1, 1)),
        ("2026-11-23/flood", PeriodType.EVENT, date(2026, 11, 23), date(2027, 11, 24)),
    ],
)
def test_a_period_covers_its_days(
    text: str, kind: PeriodType, start: date, end: date
) -> None:
    """From its first day to the day before its end."""
    assert periods.parse(text) == Period(text, kind, start, end)


@pytest.mark.parametrize(
    "text",
    [
        "", "26", "2026-13", "2026-00", "2026-2", "2026-02-30", "2025-W53", "2026-W00",
        "2026-Q0", "2026-Q5", "2026-q1", " 2026", "2026\n", "2026-11-23/", "0000",
        "2026-11-23/Flood", "2026-11-23/9", "2026-02-30/flood", "2026-11/flood", "9999",
        "9999-12-31", "9999-12", "9999-Q4", "9999-W52", "9999-06-01/flood", "２０２６",
        "2026-11-23/" + "a" * 29, "20261123", "2026-11-23T00:00", "2026-W48-1", "-2026",
        "2026-11-23/洪水",
    ],
)  # fmt: skip
def test_what_is_no_period_is_refused_and_says_how_it_is_written(text: str) -> None:
    """Also what no calendar holds, and digits that are none."""
    with pytest.raises(ValueError, match="is no period: write 2026-11-23"):
        periods.parse(text)


@given(DAYS)
def test_a_day_lies_in_its_week_month_quarter_and_year(day: date) -> None:
    """Each period that a day is written into covers it, and the next day begins after it."""
    year, week, _ = day.isocalendar()
    assume(1 <= year < 9999)
    texts = [
        f"{day.year:04}-{day.month:02}-{day.day:02}",
        f"{year:04}-W{week:02}",
        f"{day.year:04}-{day.month:02}",
        f"{day.year:04}-Q{(day.month + 2) // 3}",
        f"{day.year:04}",
    ]
    found = [periods.parse(text) for text in texts]

    assert [one.type for one in found] == list(PeriodType)[:5]
    assert all(one.start <= day < one.end for one in found)


@given(DAYS)
def test_periods_of_a_kind_neither_overlap_nor_leave_a_gap(day: date) -> None:
    """Where one ends, the next of its kind begins."""
    assume(day.year < 9990)
    month = periods.parse(f"{day.year:04}-{day.month:02}")
    following = periods.parse(f"{month.end.year:04}-{month.end.month:02}")
    year, week, _ = day.isocalendar()
    assume(year >= 1)
    this_week = periods.parse(f"{year:04}-W{week:02}")

    assert following.start == month.end
    assert this_week.end - this_week.start == timedelta(days=7)
    assert this_week.start.isoweekday() == 1


@given(st.text(max_size=20))
def test_any_text_is_a_period_or_refused(text: str) -> None:
    """Nothing else happens, whatever somebody sends; a period is kept as written."""
    try:
        found = periods.parse(text)
    except ValueError:
        return

    assert found.text == text
    assert found.start < found.end
