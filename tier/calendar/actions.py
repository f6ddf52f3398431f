"""What every tier does with the calendar: hold it, change it as told, tell its children."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ducha.calendar.v1 import calendar_facts_pb2 as messages
from tier import ledger
from tier.acting import Work
from tier.app import App
from tier.calendar import held, rules, wire
from tier.calendar.model import Plan, Terms, Year
from tier.jurisdiction import DIGITS, Level
from tier.ledger import Author, Entry
from tier.runtime.db import Tx

SUBJECT = "calendar"
FACT_YEARS = 10  # a year is up to 366 named days: a fact of ten fits any bundle
FACT_ROWS = 100


async def plan_years(tx: Tx, years: Sequence[Year]) -> Plan[Year]:
    """Return what publishing years would do here."""
    return rules.plan(years, await held.years(tx))


async def publish_years(work: Work, years: Sequence[Year]) -> Plan[Year]:
    """Keep years as the keeper publishes them, and record that for every child."""
    plan = await plan_years(work.tx, years)
    await held.write_years(work.tx, plan.rows)
    work.entries += _year_facts(*_from(work), plan.rows)
    return plan


async def plan_terms(tx: Tx, rows: Sequence[Terms]) -> Plan[Terms]:
    """Return what publishing rows of terms would do here."""
    return rules.plan(rows, await held.published_terms(tx))


async def publish_terms(work: Work, rows: Sequence[Terms]) -> Plan[Terms]:
    """Keep rows as the keeper publishes them, and record that for every child."""
    plan = await plan_terms(work.tx, rows)
    await held.write_terms(work.tx, plan.rows)
    work.entries += _terms_facts(*_from(work), plan.rows)
    return plan


async def greet(app: App, tx: Tx, neighbour: str) -> list[Entry]:
    """Return the facts that a child with a new link needs: all that was published."""
    area = app.node.area_of(neighbour)
    if neighbour == app.node.parent or not area:
        return []
    author = Author.at(app.now(), app.node.name, app.node.name)
    # Of the top, so that its children may be told too.
    top = area[0][: DIGITS[Level.PROVINCE]]
    years, rows = await held.years(tx), await held.published_terms(tx)
    return [
        *_year_facts(author, top, (neighbour,), years),
        *_terms_facts(author, top, (neighbour,), rows),
    ]


def _from(work: Work) -> tuple[Author, str, tuple[str, ...]]:
    """Return who records a publication, of which division, and who hears of it."""
    app, call = work.app, work.call
    author = Author.at(app.now(), app.node.name, call.actor)
    return author, call.division, tuple(child.name for child in app.node.children)


def _year_facts(
    author: Author, division: str, onward: tuple[str, ...], years: Sequence[Year]
) -> Iterator[Entry]:
    """Make facts of years, oldest publication first, a bounded number in each.

    A fact says the version that it completes.
    """
    for start in range(0, len(years), FACT_YEARS):
        part = years[start : start + FACT_YEARS]
        payload = messages.CalendarPublished(
            version=part[-1].version, years=map(wire.year_to, part)
        )
        yield ledger.record(
            author, payload, division=division, subject=SUBJECT, onward=onward
        )


def _terms_facts(
    author: Author, division: str, onward: tuple[str, ...], rows: Sequence[Terms]
) -> Iterator[Entry]:
    """Make facts of rows, as of years."""
    for start in range(0, len(rows), FACT_ROWS):
        part = rows[start : start + FACT_ROWS]
        payload = messages.TermsPublished(
            version=part[-1].version, rows=map(wire.terms_to, part)
        )
        yield ledger.record(
            author, payload, division=division, subject=SUBJECT, onward=onward
        )
