"""What counts mean, and which months they are asked for. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tier.statistics.model import Counts, Measure

CHINA = ZoneInfo("Asia/Shanghai")
EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)
"""A day inside of what Python's calendar holds, so that every time zone can say them."""


def month_of(at: datetime) -> str:
    """Return the month of a moment in China, such as `2026-11`."""
    return f"{at.astimezone(CHINA):%Y-%m}"


def span(first_month: str, last_month: str) -> tuple[datetime, datetime]:
    """Return from when on and until before when events of these months happened.

    An empty month leaves that side open; months are of the years 1000 to 2999.
    """
    begin = _begin(first_month) if first_month else EARLIEST
    if not last_month:
        return begin, LATEST
    inside = _begin(last_month) + timedelta(days=31)
    return begin, _begin(month_of(inside))


def _begin(month: str) -> datetime:
    year, number = month.split("-")
    return datetime(int(year), int(number), 1, tzinfo=CHINA).astimezone(UTC)


def completeness(counts: Counts) -> float:
    """Return what is finished by now over what was assigned and not taken back."""
    return _of_assigned(counts, Measure.ASSIGNED_FINISHED)


def timeliness(counts: Counts) -> float:
    """Return what was finished on time over what was assigned and not taken back."""
    return _of_assigned(counts, Measure.ASSIGNED_FINISHED_ON_TIME)


def _of_assigned(counts: Counts, measure: Measure) -> float:
    number = dict(zip(Measure, counts, strict=True))
    standing = number[Measure.ASSIGNED] - number[Measure.ASSIGNED_WITHDRAWN]
    return number[measure] / standing if standing > 0 else 0.0
