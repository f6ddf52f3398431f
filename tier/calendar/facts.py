"""The calendar's link door: what the keeper above published."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from google.protobuf.message import DecodeError

from ducha.calendar.v1 import calendar_facts_pb2 as facts
from tier import ledger
from tier.app import App, Arrived, Unfit, Verdict
from tier.calendar import held, known, rules, wire
from tier.calendar.defaults import DEFAULTS
from tier.calendar.model import Published, Terms, Year
from tier.runtime.db import Tx


async def calendar_published(app: App, tx: Tx, arrived: Sequence[Arrived]) -> Verdict:
    """Take years as the keeper says they are, and tell every child the same."""
    return await _published(app, arrived, lambda one: _take_years(tx, one))


async def terms_published(app: App, tx: Tx, arrived: Sequence[Arrived]) -> Verdict:
    """Take rows of terms as the keeper says they are, and tell every child the same."""
    return await _published(app, arrived, lambda one: _take_terms(tx, one))


async def _published(
    app: App,
    arrived: Sequence[Arrived],
    take: Callable[[Arrived], Awaitable[Unfit | None]],
) -> Verdict:
    """Take facts one by one, as each stands on what those before it wrote."""
    verdict = Verdict()
    children = tuple(child.name for child in app.node.children)
    for one in arrived:
        unfit = await take(one)
        if unfit is not None:
            verdict.unfit.append(unfit)
            continue
        kept = ledger.keep(one.fact, one.fact_id, one.body, onward=children)
        verdict.entries.append(kept)
    return verdict


async def _take_years(tx: Tx, arrived: Arrived) -> Unfit | None:
    """Write the years of a fact that are newer than those held."""
    years = _read(arrived, _years)
    if isinstance(years, Unfit):
        return years
    other = rules.other(years, await held.years(tx))
    if other is not None:
        return Unfit(arrived, "CALENDAR_DIFFERS", f"{other.year} is another here")
    await held.write_years(tx, years)
    return None


async def _take_terms(tx: Tx, arrived: Arrived) -> Unfit | None:
    """Write the rows of a fact that are newer than those held."""
    rows = _read(arrived, _rows)
    if isinstance(rows, Unfit):
        return rows
    other = rules.other(rows, await held.published_terms(tx))
    if other is not None:
        return Unfit(arrived, "TERMS_DIFFER", f"{other.key} is another here")
    await held.write_terms(tx, rows)
    return None


def _read(
    arrived: Arrived, read: Callable[[bytes], list[Published]]
) -> list[Published] | Unfit:
    """Read a fact, or say why it cannot be taken."""
    if not arrived.downward:
        return Unfit(
            arrived, "WRONG_DIRECTION", "only the tier above publishes the calendar"
        )
    try:
        return read(arrived.fact.payload)
    except (DecodeError, ValueError) as wrong:
        return Unfit(arrived, "UNREADABLE", str(wrong) or type(wrong).__name__)


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
