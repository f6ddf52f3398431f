"""Decisions about urging. Pure: values in, a decision out.

Who is urged hears of it once a day, however many urge and about however many items; only
what is past its deadline is told each time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta

from tier.assignment.model import Assignment, State
from tier.calendar.model import CHINA, Calendar
from tier.calendar.rules import is_working
from tier.jurisdiction import Code
from tier.urging.model import No

WAITING = frozenset({State.ISSUED, State.RECEIVED, State.RETURNED})
"""States in which an executor still has something to report."""

LONGEST_REST = 30
"""Days; no holiday is as long."""


def refusal(assignment: Assignment, issuer: Code, acting: Code) -> No | None:
    """Say why `acting` may not urge an assignment of an item that `issuer` issued."""
    if acting not in {assignment.assigner, issuer}:
        return No.NOT_YOURS
    return None if assignment.state in WAITING else No.NOTHING


def day_of(at: datetime) -> date:
    """Return the day that a moment belongs to, where people live."""
    return at.astimezone(CHINA).date()


def alerted(
    first: Collection[Code], red: Collection[Code], waiting: Iterable[Code]
) -> list[Code]:
    """Return who of those who wait is alerted: on the first urge of the day, or if red."""
    return [code for code in waiting if code in first or code in red]


def rule_day(calendar: Calendar, now: datetime) -> date:
    """Return since which day another urge by rule is one too many.

    At most one a working day; a day off belongs to the working day before it.
    """
    today = day_of(now)
    for back in range(LONGEST_REST):
        day = today - timedelta(days=back)
        if is_working(calendar, day):
            return day
    return today
