"""When things must be done: moments as given, as working days, or as the terms of the type say."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.calendar.v1 import calendar_pb2
from tier import calendar
from tier.assignment.errors import DeadlineInvalid
from tier.calendar import Calendar, Due, Term
from tier.runtime import moments
from tier.runtime.db import Tx


async def date(tx: Tx, item: pb.Item, now: datetime) -> None:
    """Give an item about to be issued its terms, and the moments it was not given.

    Raises:
        DeadlineInvalid: a moment and a term were given for the same.
    """
    terms = await calendar.terms_of(tx, item.source_type, item.urgency)
    item.terms.CopyFrom(calendar.terms_to(terms))
    if item.HasField("receive_by_time") and item.HasField("receive_within"):
        raise DeadlineInvalid(
            problem="give receive_by_time or receive_within, not both"
        )
    if item.HasField("deadline_time") and item.HasField("work_within"):
        raise DeadlineInvalid(problem="give deadline_time or work_within, not both")
    days = await calendar.current(tx)
    default_receipt = not item.HasField("receive_by_time") and not item.HasField(
        "receive_within"
    )
    if not item.HasField("deadline_time"):
        if not item.HasField("work_within"):
            item.work_within.CopyFrom(item.terms.work)
        _count(item.deadline_time, item, days, (item.work_within, now))
    if not item.HasField("receive_by_time"):
        if default_receipt:
            item.receive_within.CopyFrom(item.terms.receive)
        _count(item.receive_by_time, item, days, (item.receive_within, now))
    if default_receipt and _later(item.receive_by_time, item.deadline_time):
        item.receive_by_time.CopyFrom(item.deadline_time)
        item.ClearField("receive_within")


def _count(
    into: Timestamp,
    item: pb.Item,
    days: Calendar,
    asked: tuple[calendar_pb2.Term, datetime],
) -> None:
    """Set a moment by counting a term, and mark the item where the count is provisional."""
    term, start = asked
    due = calendar.after(days, start, calendar.term_from(term))
    into.FromDatetime(due.at)
    item.provisional = item.provisional or due.provisional


def _later(one: Timestamp, other: Timestamp) -> bool:
    return moments.moment(one) > moments.moment(other)


async def counted(
    tx: Tx, term: Term, given: datetime | None, now: datetime
) -> Due | None:
    """Return a moment as given, or as counted from `now`; None where nothing was asked.

    Raises:
        DeadlineInvalid: both were given.
    """
    if given is not None:
        if term:
            raise DeadlineInvalid(problem="give a moment or a term, not both")
        return Due(given, provisional=False)
    if not term:
        return None
    return calendar.after(await calendar.current(tx), now, term)
