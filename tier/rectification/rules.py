"""Decisions about rectification. Pure: values in, a decision out.

Down go openings, returns and closings, from the one who assigned; up go reports, from the
one who executes. Each sets fields of its own, and the highest round wins, so facts that
cross on the links end in the same row everywhere.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from tier.calendar.model import Calendar, Due, Term
from tier.calendar.rules import after
from tier.jurisdiction import Code
from tier.rectification.model import (
    Change,
    Closed,
    No,
    Point,
    Reported,
    Returned,
    State,
)


def fold(point: Point, change: Change) -> Point:
    """Return the point after `change`; folding a change twice is folding it once."""
    match change:
        case Reported(number, at, report) if number > point.reported_round:
            return replace(point, reported_round=number, reported_at=at, report=report)
        case Returned(number, reason, deadline, provisional) if number > point.round:
            moved = replace(point, round=number, return_reason=reason)
            if deadline is None:
                return moved
            return replace(moved, deadline=deadline, provisional=provisional)
        case Closed(at, note) if point.closed_at is None:
            return replace(point, closed_at=at, note=note)
    return point


def may_report(point: Point, acting: Code, number: int) -> No | None:
    """Say why `acting` cannot report what it did in round `number` (0: whatever stands)."""
    if point.division != acting:
        return No.NOT_YOURS
    if number and number != point.round:
        return No.STALE_ROUND
    return None if point.state is State.OPEN else No.STATE


def may_judge(point: Point, acting: Code) -> No | None:
    """Say why `acting` cannot close or return a point."""
    if point.opener != acting:
        return No.NOT_YOURS
    return None if point.state is State.REPORTED else No.STATE


def due(wanted: datetime | Term, calendar: Calendar, now: datetime) -> Due:
    """Return when a point is due: at the moment wanted, or after the term."""
    if isinstance(wanted, Term):
        return after(calendar, now, wanted)
    return Due(wanted, provisional=False)


def is_deadline_valid(deadline: datetime, now: datetime) -> bool:
    """Whether there is time left."""
    return deadline > now


def released(before: Point, after: Point) -> bool:
    """Whether a point held the closing of its item, and no longer does."""
    return before.stands and not after.stands
