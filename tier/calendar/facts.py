"""The calendar's link door: what the keeper above published."""

from __future__ import annotations

from ducha.calendar.v1 import calendar_facts_pb2 as facts
from tier.app import App, Arrived, Unfit
from tier.arriving import Outcome, keep, kinds
from tier.calendar import held, known, rules, wire
from tier.calendar.defaults import DEFAULTS
from tier.calendar.model import Terms, Year
from tier.runtime.db import Tx


async def _calendar(app: App, tx: Tx, one: Arrived) -> Outcome:
    """Take years as the keeper says they are, and tell every child the same."""
    if not one.downward:
        return _misdirected(one)
    years = _years(one.fact.payload)
    other = rules.other(years, await held.years(tx))
    if other is not None:
        return Unfit(one, "CALENDAR_DIFFERS", f"{other.year} is another here")
    await held.write_years(tx, years)
    return [keep(one, _children(app))]


async def _terms(app: App, tx: Tx, one: Arrived) -> Outcome:
    """Take rows of terms as the keeper says they are, and tell every child the same."""
    if not one.downward:
        return _misdirected(one)
    rows = _rows(one.fact.payload)
    other = rules.other(rows, await held.published_terms(tx))
    if other is not None:
        return Unfit(one, "TERMS_DIFFER", f"{other.key} is another here")
    await held.write_terms(tx, rows)
    return [keep(one, _children(app))]


def _misdirected(one: Arrived) -> Unfit:
    return Unfit(one, "WRONG_DIRECTION", "only the tier above publishes the calendar")


def _children(app: App) -> tuple[str, ...]:
    return tuple(child.name for child in app.node.children)


def _years(payload: bytes) -> list[Year]:
    """Read years.

    Raises:
        ValueError: one cannot be reckoned with.
    """
    message = facts.CalendarPublished.FromString(payload)
    years = [wire.year_from(one) for one in message.years]
    for one in years:
        foreign = any(day.date.year != one.year for day in one.days)
        if one.version < 1 or one.year not in known.SPAN or foreign:
            raise ValueError(f"no publication of a year: {one.year}")
    return years


def _rows(payload: bytes) -> list[Terms]:
    """Read rows of terms.

    Raises:
        ValueError: one cannot be reckoned with.
    """
    message = facts.TermsPublished.FromString(payload)
    rows = [wire.terms_from(one) for one in message.rows]
    for one in rows:
        lacking = not (one.receive and one.work and one.dispute and one.review)
        if one.version < 1 or one.key not in DEFAULTS or lacking:
            raise ValueError(f"no publication of terms: {one.key}")
    return rows


KINDS = kinds(
    {
        facts.CalendarPublished.DESCRIPTOR.full_name: _calendar,
        facts.TermsPublished.DESCRIPTOR.full_name: _terms,
    }
)
