"""What is known of China's working days before the province publishes any. Pure.

The library `holidays` holds, for every year since 2001, the notice in which the State
Council orders the days off and the weekend days that are worked for them. The notice of a
year appears in the autumn before it. Of later years it knows the festivals by law and moon,
but not which weekends will be worked: an estimate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import lru_cache

from holidays import country_holidays

from tier.calendar.model import Day

OFFICIAL = frozenset(range(2015, 2027))
"""Years whose notice the library holds. It marks none as estimated, so they are named here;
a test compares them with its tables, and says when a newer one holds the next notice. Older
years are left out: no moment of an item lies there, and nobody here has checked them."""

SPAN = range(2001, 2100)
"""Years of which anything is known; of others every week is a plain one."""

MADE_UP = "调休上班"
SATURDAY = 5


def is_weekend(day: date) -> bool:
    """Whether a day is a Saturday or a Sunday."""
    return day.weekday() >= SATURDAY


@lru_cache(maxsize=len(SPAN))
def days(year: int) -> Mapping[date, Day]:
    """Return the days of a year that are known to differ from plain weeks, by date."""
    if year not in SPAN:
        return {}
    # A notice may have days of the end of the year before worked.
    pair = (year, year + 1)
    table = country_holidays("CN", years=pair, expand=False, language="zh_CN")
    known: dict[date, Day] = {}
    for day in _all(year):
        if not is_weekend(day) and day in table:
            known[day] = Day(day, working=False, name=table[day])
        elif is_weekend(day) and day in table.weekend_workdays:
            known[day] = Day(day, working=True, name=MADE_UP)
    return known


def _all(year: int) -> Iterator[date]:
    """Yield every day of a year."""
    day = date(year, 1, 1)
    while day.year == year:
        yield day
        day += timedelta(days=1)
