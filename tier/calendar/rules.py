"""Which days are worked, and when terms end. Pure: the clock is an argument."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from tier.calendar import known
from tier.calendar.model import (
    CHINA,
    CLOSE_OF_WORK,
    Calendar,
    Day,
    Due,
    Plan,
    Published,
    Term,
    Terms,
)

SHIPPED = Calendar(0, {}, known.OFFICIAL)
"""The calendar while the province has published nothing."""

ONE_DAY = timedelta(days=1)
HOURS_BEFORE_CLOSE = 18
HOURS_A_DAY = 24


def is_working(calendar: Calendar, day: date) -> bool:
    """Whether a day is worked."""
    said = calendar.overrides.get(day)
    if said is not None:
        return said
    if day.year not in calendar.whole:
        one = known.days(day.year).get(day)
        if one is not None:
            return one.working
    return not known.is_weekend(day)


def after(calendar: Calendar, start: datetime, term: Term) -> Due:
    """Return when a term ends that starts at a moment.

    Hours run on the clock, through nights and days off. Working days are counted from the
    day after that of the start; the term ends at the close of work of the last. The
    moment is provisional if any of the days looked at lies in a provisional year.

    Raises:
        ValueError: there is no term.
    """
    if not term:
        raise ValueError("no term: neither working days nor hours")
    if term.hours:
        end = start + timedelta(hours=term.hours)
        return Due(end.astimezone(UTC), provisional=False)
    first = day = _day_of(start) + ONE_DAY
    left = term.working_days - is_working(calendar, day)
    while left:
        day += ONE_DAY
        left -= is_working(calendar, day)
    touched = range(first.year, day.year + 1)
    return Due(_close(day), any(year not in calendar.official for year in touched))


def working_days(calendar: Calendar, start: datetime, end: datetime) -> int:
    """Return how many working days close after `start` and not after `end`.

    Negative if `end` lies before `start`: counted backwards.
    """
    if end < start:
        return -working_days(calendar, end, start)
    return sum(
        is_working(calendar, day) and start < _close(day) <= end
        for day in _days(_day_of(start), _day_of(end))
    )


def passed(calendar: Calendar, start: datetime, due: Due) -> list[Day]:
    """Return the days off after the day of a start, up to that of the end."""
    first, last = _day_of(start) + ONE_DAY, _day_of(due.at)
    return [
        _named(calendar, day)
        for day in _days(first, last)
        if not is_working(calendar, day)
    ]


def differing(calendar: Calendar, year: int) -> list[Day]:
    """Return the days of a year that differ from plain weeks, by date."""
    said = {day for day in calendar.overrides if day.year == year}
    days = sorted(said.union(() if year in calendar.whole else known.days(year)))
    return [
        _named(calendar, day)
        for day in days
        if is_working(calendar, day) is known.is_weekend(day)
    ]


def _named(calendar: Calendar, day: date) -> Day:
    """Return what a day is, with the name that is known of it."""
    working = is_working(calendar, day)
    one = None if day.year in calendar.whole else known.days(day.year).get(day)
    if one is not None and one.working is working:
        return one
    return Day(day, working=working)


def rises(earlier: Term, later: Term) -> bool:
    """Whether a term ends later than another, whenever both start and whatever days are off.

    From any moment, the close of work of the n-th next working day is more than 18 hours
    and n - 1 days away; it can be any number of days more.
    """
    if later.hours:
        return 0 < earlier.hours < later.hours
    if earlier.hours:
        least = HOURS_BEFORE_CLOSE + HOURS_A_DAY * (later.working_days - 1)
        return earlier.hours <= least
    return 0 < earlier.working_days < later.working_days


def flaws(terms: Terms) -> Iterator[tuple[str, str]]:
    """Yield the fields of a row that do not fit each other, each with the problem."""
    if not rises(terms.receive, terms.work):
        yield "work", "is not surely longer than the time to receive"
    for step, (one, other) in enumerate(pairwise(terms.ladder)):
        if not rises(one, other):
            yield f"ladder[{step + 1}]", "is not surely later than the step before"
    if bool(terms.max_extensions) is not bool(terms.max_extension_days):
        yield "max_extension_days", "and max_extensions are both 0, or neither is"


def plan(given: Sequence[Published], held: Sequence[Published]) -> Plan[Published]:
    """Decide what publishing something does to what was published before.

    All that is new or changed gets the next version; where nothing is, there is none.
    """
    known_rows = {one.key: replace(one, version=0) for one in held}
    before = max((one.version for one in held), default=0)
    changed = [
        replace(one, version=before + 1)
        for one in given
        if known_rows.get(one.key) != replace(one, version=0)
    ]
    version = before + bool(changed)
    return Plan(version, changed, unchanged=len(given) - len(changed))


def other(came: Iterable[Published], held: Iterable[Published]) -> Published | None:
    """Return what came under the version of something else that is held, if anything did.

    As after a restore of the province that lost a publication: its next one has the same
    version, and says something else.
    """
    known_rows = {one.key: one for one in held}
    for one in came:
        before = known_rows.get(one.key)
        if before is not None and before.version == one.version and before != one:
            return one
    return None


def _day_of(moment: datetime) -> date:
    return moment.astimezone(CHINA).date()


def _close(day: date) -> datetime:
    return datetime.combine(day, CLOSE_OF_WORK, CHINA).astimezone(UTC)


def _days(first: date, last: date) -> Iterator[date]:
    """Yield the days from one to another, both included."""
    while first <= last:
        yield first
        first += ONE_DAY
