"""Calendar model <-> protobuf. Years and rows are kept as published; models are read from them."""

from __future__ import annotations

from datetime import date

from ducha.calendar.v1 import calendar_pb2 as pb
from tier.calendar.model import Day, Term, Terms, Year


def term_from(message: pb.Term) -> Term:
    """Read a term; one that is absent is none."""
    return Term(message.working_days, message.hours)


def term_to(term: Term) -> pb.Term | None:
    """Write a term; none is absent."""
    if term.hours:
        return pb.Term(hours=term.hours)
    return pb.Term(working_days=term.working_days) if term else None


def terms_from(message: pb.Terms) -> Terms:
    """Read a row of the table of terms."""
    return Terms(
        source_type=message.source_type,
        urgency=message.urgency,
        receive=term_from(message.receive),
        work=term_from(message.work),
        receipt_near_percent=message.receipt_near_percent,
        near_percent=message.near_percent,
        ladder=tuple(map(term_from, message.ladder)),
        max_extensions=message.max_extensions,
        max_extension_days=message.max_extension_days,
        dispute=term_from(message.dispute),
        review=term_from(message.review),
        urge_overdue=message.urge_overdue,
        version=message.version,
    )


def terms_to(terms: Terms) -> pb.Terms:
    """Write a row of the table of terms."""
    steps = [term_to(step) for step in terms.ladder]
    return pb.Terms(
        source_type=terms.source_type,
        urgency=terms.urgency,
        receive=term_to(terms.receive),
        work=term_to(terms.work),
        receipt_near_percent=terms.receipt_near_percent,
        near_percent=terms.near_percent,
        ladder=[step for step in steps if step is not None],
        max_extensions=terms.max_extensions,
        max_extension_days=terms.max_extension_days,
        dispute=term_to(terms.dispute),
        review=term_to(terms.review),
        urge_overdue=terms.urge_overdue,
        version=terms.version,
    )


def year_from(message: pb.Year) -> Year:
    """Read a published year.

    Raises:
        ValueError: a date is none.
    """
    days = (
        Day(date.fromisoformat(one.date), working=one.working, name=one.name)
        for one in message.days
    )
    return Year(
        year=message.year,
        official=message.official,
        whole=message.whole,
        days=tuple(sorted(days, key=lambda one: one.date)),
        version=message.version,
    )


def year_to(year: Year) -> pb.Year:
    """Write a published year."""
    return pb.Year(
        year=year.year,
        official=year.official,
        whole=year.whole,
        days=map(day_to, year.days),
        version=year.version,
    )


def day_to(day: Day) -> pb.Day:
    """Write a day."""
    return pb.Day(date=day.date.isoformat(), working=day.working, name=day.name)
