"""Periods as they are written, and the days they cover. Pure.

ISO 8601: `2026-11-23`, `2026-W48`, `2026-11`, `2026`; a quarter as `2026-Q4`; an event as the
day it began and a name, `2026-11-23/flood`, open for a year.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache

from tier.catalogue.model import PeriodType
from tier.registry.model import Period

DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
WEEK = re.compile(r"(\d{4})-W(\d{2})")
MONTH = re.compile(r"(\d{4})-(\d{2})")
QUARTER = re.compile(r"(\d{4})-Q([1-4])")
YEAR = re.compile(r"\d{4}")
EVENT = re.compile(r"(\d{4}-\d{2}-\d{2})/[a-z][a-z0-9_-]{0,27}")
EVENT_DAYS = 366
LAST_MONTH = 12


@lru_cache(maxsize=4096)
def parse(text: str) -> Period:
    """Return the period that `text` names.

    Raises:
        ValueError: it is none; the text says how periods are written.
    """
    if not text.isascii():
        raise ValueError(_wrong(text))
    try:
        if DAY.fullmatch(text):
            day = date.fromisoformat(text)
            return Period(text, PeriodType.DAY, day, day + timedelta(days=1))
        if found := WEEK.fullmatch(text):
            monday = date.fromisocalendar(int(found[1]), int(found[2]), 1)
            return Period(text, PeriodType.WEEK, monday, monday + timedelta(days=7))
        if found := MONTH.fullmatch(text):
            return _months(text, PeriodType.MONTH, int(found[1]), int(found[2]), 1)
        if found := QUARTER.fullmatch(text):
            first = 3 * int(found[2]) - 2
            return _months(text, PeriodType.QUARTER, int(found[1]), first, 3)
        if YEAR.fullmatch(text):
            return _months(text, PeriodType.YEAR, int(text), 1, LAST_MONTH)
        if found := EVENT.fullmatch(text):
            day = date.fromisoformat(found[1])
            return Period(text, PeriodType.EVENT, day, day + timedelta(days=EVENT_DAYS))
    except (ValueError, OverflowError) as wrong:
        raise ValueError(_wrong(text)) from wrong
    raise ValueError(_wrong(text))


def _months(text: str, kind: PeriodType, year: int, month: int, count: int) -> Period:
    """Return the period of `count` months from the first of `month` on."""
    years, index = divmod(month - 1 + count, LAST_MONTH)
    return Period(text, kind, date(year, month, 1), date(year + years, index + 1, 1))


def _wrong(text: str) -> str:
    return (
        f"{text!r} is no period: write 2026-11-23, 2026-W48, 2026-11, 2026-Q4, 2026, or "
        "2026-11-23/name for an event"
    )
