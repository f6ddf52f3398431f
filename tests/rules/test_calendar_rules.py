"""Which days are worked, and when terms end: known days, and laws over all calendars."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from holidays.countries.china import ChinaStaticHolidays
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tier.calendar import known
from tier.calendar.model import CHINA, Calendar, Term
from tier.calendar.rules import (
    SHIPPED,
    after,
    differing,
    is_working,
    passed,
    rises,
    working_days,
)

ONE_DAY = timedelta(days=1)
OFF, WORKED = False, True

# From the notices of the State Council's general office.
NOTICES = {
    # 2015: a day that was never off before or after, and its make-up day
    "2015-09-03": OFF,
    "2015-09-06": WORKED,
    # 2020: the Spring Festival that was prolonged
    "2020-01-31": OFF,
    "2020-02-03": WORKED,
    "2020-06-28": WORKED,
    # 2023: the festivals that met
    "2023-09-29": OFF,
    "2023-10-06": OFF,
    "2023-10-07": WORKED,
    "2023-10-08": WORKED,
    # 2026: New Year, and its make-up Sunday
    "2026-01-01": OFF,
    "2026-01-02": OFF,
    "2026-01-04": WORKED,
    # Spring Festival, 15 to 23 February, and both make-up Saturdays
    "2026-02-14": WORKED,
    "2026-02-15": OFF,
    "2026-02-16": OFF,
    "2026-02-20": OFF,
    "2026-02-23": OFF,
    "2026-02-24": WORKED,
    "2026-02-28": WORKED,
    # Qingming, Labour Day, Dragon Boat
    "2026-04-06": OFF,
    "2026-05-04": OFF,
    "2026-05-05": OFF,
    "2026-05-09": WORKED,
    "2026-06-19": OFF,
    # Mid-Autumn, and National Day, 1 to 7 October, with a Sunday and a Saturday for it
    "2026-09-20": WORKED,
    "2026-09-25": OFF,
    "2026-10-01": OFF,
    "2026-10-07": OFF,
    "2026-10-08": WORKED,
    "2026-10-10": WORKED,
    # weeks of which no notice says anything
    "2026-11-21": OFF,
    "2026-11-23": WORKED,
}


def at(text: str) -> datetime:
    """Return a moment in China."""
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


DAYS = st.dates(date(2001, 1, 1), date(2098, 12, 31))
CLOCK = st.builds(
    lambda day, minutes: datetime.combine(day, time(), CHINA) + minutes,
    DAYS,
    st.integers(0, 24 * 60 - 1).map(lambda minutes: timedelta(minutes=minutes)),
)
YEARS = st.frozensets(st.integers(2001, 2099))
DAYS_OF = st.integers(1, 60).map(lambda days: Term(working_days=days))
HOURS = st.integers(1, 400).map(lambda hours: Term(hours=hours))
TERMS = DAYS_OF | HOURS
CALENDARS = st.builds(
    Calendar, st.just(1), st.dictionaries(DAYS, st.booleans()), YEARS, YEARS
)


@st.composite
def lived(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """Draw a moment, and a calendar that says something of the days around it."""
    start = draw(CLOCK)
    near = st.integers(-5, 60).map(lambda days: start.date() + days * ONE_DAY)
    said = draw(st.dictionaries(near, st.booleans(), max_size=30))
    official = frozenset(draw(st.sets(st.integers(start.year - 1, start.year + 1))))
    whole = frozenset(draw(st.sets(st.integers(start.year - 1, start.year + 1))))
    return Calendar(1, said, official, whole), start


def test_known_days_are_those_of_the_notices() -> None:
    """Days off, and weekend days that are worked for them."""
    found = {day: is_working(SHIPPED, date.fromisoformat(day)) for day in NOTICES}

    assert found == NOTICES


def test_official_years_are_those_whose_notice_the_library_holds() -> None:
    """It fails when a newer library holds the next: then the constant grows by a year."""
    held = ChinaStaticHolidays.special_public_holidays

    assert held.keys() >= known.OFFICIAL
    assert max(known.OFFICIAL) == max(held)


def test_a_year_of_a_notice_has_as_many_working_days_as_it_orders() -> None:
    """2026: 365 days, 104 of them weekend, 19 working days off, 6 weekend days worked."""
    first = date(2026, 1, 1)
    days = [first + n * ONE_DAY for n in range(365)]
    differ = differing(SHIPPED, 2026)

    assert sum(is_working(SHIPPED, day) for day in days) == 365 - 104 - 19 + 6
    assert sum(one.working for one in differ) == 6
    assert len(differ) == 25
    assert all(one.name for one in differ)


def test_an_estimated_year_has_festivals_but_no_made_up_days() -> None:
    """Which weekends will be worked, nobody knows before the notice."""
    differ = {one.date: one for one in differing(SHIPPED, 2027)}

    assert date(2027, 2, 8) in differ
    assert not any(one.working for one in differ.values())
    assert 2027 not in SHIPPED.official


def test_years_of_which_nothing_is_known_have_plain_weeks() -> None:
    """Before the first notice, and after the last moon that was reckoned."""
    assert differing(SHIPPED, 1999) == differing(SHIPPED, 2100) == []


@pytest.mark.parametrize(
    ("start", "term", "end"),
    [
        pytest.param(
            "2026-11-23T09:00", Term(1), "2026-11-24T18:00", id="Monday morning"
        ),
        pytest.param(
            "2026-11-23T23:59", Term(1), "2026-11-24T18:00", id="Monday night"
        ),
        pytest.param("2026-11-20T12:00", Term(1), "2026-11-23T18:00", id="Friday"),
        pytest.param("2026-11-21T12:00", Term(1), "2026-11-23T18:00", id="Saturday"),
        pytest.param(
            "2026-02-12T10:00", Term(2), "2026-02-14T18:00", id="make-up Saturday"
        ),
        # 13, the make-up Saturday 14, then 24, 25
        pytest.param(
            "2026-02-12T10:00", Term(4), "2026-02-25T18:00", id="Spring Festival"
        ),
        # 30 September, 8 and 9 October, the make-up Saturday 10
        pytest.param(
            "2026-09-29T10:00", Term(4), "2026-10-10T18:00", id="National Day"
        ),
        # 31 December, then 4 January
        pytest.param("2026-12-30T10:00", Term(2), "2027-01-04T18:00", id="next year"),
        pytest.param(
            "2026-02-14T22:00", Term(hours=4), "2026-02-15T02:00", id="hours at night"
        ),
        pytest.param(
            "2026-11-20T17:00",
            Term(hours=24),
            "2026-11-21T17:00",
            id="hours on Saturday",
        ),
    ],
)
def test_terms_end_where_people_expect(start: str, term: Term, end: str) -> None:
    """Reckoned by hand."""
    assert after(SHIPPED, at(start), term).at == at(end)


def test_a_moment_is_provisional_if_a_day_of_such_a_year_was_looked_at() -> None:
    """Whether it was counted or passed over; the day of the start is not looked at."""
    told = {
        ("2026-12-29T10:00", 2): False,  # ends on the last day of an official year
        ("2026-12-30T10:00", 2): True,
        ("2026-12-31T10:00", 1): True,
        ("2014-12-31T10:00", 3): False,
        ("2014-12-30T10:00", 3): True,  # the first day that is counted is
    }
    found = {
        (start, days): after(SHIPPED, at(start), Term(days)).provisional
        for start, days in told
    }

    assert found == told


def test_what_the_province_publishes_goes_before_what_is_known() -> None:
    """A day more off, an estimate that is void, a year that is official from then on."""
    strike = date(2026, 11, 24)
    overlay = Calendar(1, {strike: False}, known.OFFICIAL)
    stated = Calendar(
        2, {date(2027, 2, 5): False}, known.OFFICIAL | {2027}, frozenset({2027})
    )

    assert after(overlay, at("2026-11-23T09:00"), Term(1)).at == at("2026-11-25T18:00")
    assert [one.date for one in differing(stated, 2027)] == [date(2027, 2, 5)]
    assert is_working(stated, date(2027, 2, 8))
    assert not is_working(SHIPPED, date(2027, 2, 8))
    assert not after(stated, at("2026-12-30T10:00"), Term(9)).provisional


@given(lived(), DAYS_OF)
def test_working_days_end_at_the_close_of_a_day_that_is_worked(
    life: tuple[Calendar, datetime], term: Term
) -> None:
    """Never on a day off; and exactly so many working days have closed since the start's."""
    calendar, start = life
    due = after(calendar, start, term)
    end = due.at.astimezone(CHINA)
    midnight = datetime.combine(start.date() + ONE_DAY, time(), CHINA)

    assert due.at.tzinfo is UTC
    assert end.time() == time(18)
    assert is_working(calendar, end.date())
    assert working_days(calendar, midnight, due.at) == term.working_days


@given(lived(), DAYS_OF)
def test_a_moment_is_provisional_exactly_if_a_year_it_touched_is(
    life: tuple[Calendar, datetime], term: Term
) -> None:
    """Looked at are the days after the start, up to the last."""
    calendar, start = life
    due = after(calendar, start, term)
    last, day = due.at.astimezone(CHINA).date(), start.date() + ONE_DAY
    looked_at = set()
    while day <= last:
        looked_at.add(day.year)
        day += ONE_DAY

    assert due.provisional is not looked_at.issubset(calendar.official)


@given(lived(), TERMS, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_who_starts_later_never_ends_sooner(
    life: tuple[Calendar, datetime], term: Term, later: timedelta
) -> None:
    """And nothing ends before it starts."""
    calendar, start = life
    end = after(calendar, start, term).at

    assert start < end <= after(calendar, start + later, term).at


@given(lived(), HOURS)
def test_hours_run_through_nights_and_days_off(
    life: tuple[Calendar, datetime], term: Term
) -> None:
    """No calendar is asked, so nothing of it is provisional."""
    calendar, start = life
    due = after(calendar, start, term)

    assert due.at - start == timedelta(hours=term.hours)
    assert not due.provisional


@given(lived(), DAYS_OF)
def test_days_passed_over_and_days_counted_are_all_days(
    life: tuple[Calendar, datetime], term: Term
) -> None:
    """Between the day of the start and that of the end."""
    calendar, start = life
    due = after(calendar, start, term)
    days = (due.at.astimezone(CHINA).date() - start.date()).days
    skipped = passed(calendar, start, due)

    assert len(skipped) + term.working_days == days
    assert not any(one.working for one in skipped)


def test_a_day_counts_from_its_close_of_work_on() -> None:
    """For who ends at 18:00 sharp it has been worked; for who starts then it is over."""
    before, close, later = (
        at(f"2026-11-23T{clock}") for clock in ("17:59", "18:00", "18:01")
    )

    assert working_days(SHIPPED, before, close) == 1
    assert working_days(SHIPPED, close, later) == 0
    assert working_days(SHIPPED, before, at("2026-11-30T17:59")) == 5


@given(lived(), st.lists(st.timedeltas(timedelta(0), timedelta(40)), min_size=3))
def test_working_days_between_moments_add_up(
    life: tuple[Calendar, datetime], steps: list[timedelta]
) -> None:
    """From one to the next is from the first to the last; and backwards, as many less."""
    calendar, start = life
    first, middle, last = sorted(start + step for step in steps[:3])
    whole = working_days(calendar, first, last)
    parts = (
        working_days(calendar, first, middle),
        working_days(calendar, middle, last),
    )

    assert whole == sum(parts)
    assert working_days(calendar, last, first) == -whole
    assert 0 <= whole <= (last - first).days + 1


@given(CALENDARS, DAYS)
def test_what_differs_from_plain_weeks_is_all_that_does(
    calendar: Calendar, day: date
) -> None:
    """A calendar is its weeks and these days; whoever has both has it whole."""
    differ = {one.date: one.working for one in differing(calendar, day.year)}
    stated = Calendar(2, differ, frozenset(), frozenset({day.year}))

    assert is_working(stated, day) is is_working(calendar, day)
    assert all(working is known.is_weekend(one) for one, working in differ.items())


@given(lived(), TERMS, TERMS)
@example((SHIPPED, at("2026-11-23T23:59")), Term(hours=18), Term(1))
@example((SHIPPED, at("2026-11-23T23:59")), Term(hours=42), Term(2))
def test_a_ladder_that_rises_rises_on_every_day_of_every_calendar(
    life: tuple[Calendar, datetime], one: Term, other: Term
) -> None:
    """Whenever the clock starts, and whatever days are off."""
    assume(rises(one, other))
    calendar, start = life

    assert after(calendar, start, one).at < after(calendar, start, other).at


@given(TERMS, TERMS)
def test_of_two_terms_at_most_one_is_surely_longer(one: Term, other: Term) -> None:
    """And none than itself, nor than none."""
    assert not (rises(one, other) and rises(other, one))
    assert not rises(one, one)
    assert not rises(Term(), one)
    assert not rises(one, Term())


def test_hours_may_come_before_a_working_day_but_never_surely_after() -> None:
    """The next close of work is 18 hours away at least, and days at most."""
    assert rises(Term(hours=18), Term(1))
    assert not rises(Term(hours=19), Term(1))
    assert rises(Term(hours=42), Term(2))
    assert not rises(Term(1), Term(hours=400))


def test_no_term_never_ends() -> None:
    """Whoever reckons with it forgot to ask whether there is one."""
    assert not Term()
    with pytest.raises(ValueError, match="no term"):
        after(SHIPPED, at("2026-11-23T09:00"), Term())


@pytest.mark.parametrize("lengths", [(1, 1), (-1, 0), (0, -1)])
def test_a_term_is_days_or_hours(lengths: tuple[int, int]) -> None:
    """Not both, nor less than nothing."""
    with pytest.raises(ValueError, match="is no term"):
        Term(*lengths)
