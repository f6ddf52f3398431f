"""What may be published as a calendar, and as terms. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tier.calendar import known
from tier.calendar.model import Fault, Terms, Year
from tier.calendar.rules import flaws


def year_faults(years: Sequence[Year]) -> Iterator[Fault]:
    """Yield what of years cannot be taken."""
    times = Counter(year.year for year in years)
    for place, year in enumerate(years):
        where = f"years[{place}]"
        if times[year.year] > 1:
            yield Fault(f"{where}.year", f"{year.year} is given twice")
        if year.official and not year.whole and year.year not in known.OFFICIAL:
            yield Fault(
                f"{where}.whole",
                f"{year.year} is only estimated here: to make it official, give all its"
                " days off and make-up days, and say that they are whole",
            )
        yield from _day_faults(where, year)


def terms_faults(rows: Sequence[Terms]) -> Iterator[Fault]:
    """Yield what of rows of terms cannot be taken."""
    times = Counter(row.key for row in rows)
    for place, row in enumerate(rows):
        where = f"rows[{place}]"
        if times[row.key] > 1:
            problem = "its source type and urgency are given twice"
            yield Fault(f"{where}.urgency", problem)
        for field, problem in flaws(row):
            yield Fault(f"{where}.{field}", problem)


def _day_faults(where: str, year: Year) -> Iterator[Fault]:
    """Yield what of the days of a year cannot be taken; days are named, for they are sorted."""
    times = Counter(day.date for day in year.days)
    for day, count in times.items():
        if count > 1:
            yield Fault(f"{where}.days", f"{day} is given twice")
        if day.year != year.year:
            yield Fault(f"{where}.days", f"{day} does not lie in {year.year}")
