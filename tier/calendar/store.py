"""Every SQL statement of the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ducha.calendar.v1 import calendar_pb2 as pb
from tier.calendar import known, wire
from tier.calendar.defaults import DEFAULTS
from tier.calendar.model import Calendar, Terms, Year
from tier.runtime.db import Tx

YEARS = "SELECT body FROM calendar_year ORDER BY version, year"

# A publication replaces an older one, never a newer.
WRITE_YEARS = """
    INSERT INTO calendar_year AS held (year, version, body)
    SELECT * FROM unnest($1::smallint[], $2::integer[], $3::bytea[])
    ON CONFLICT (year) DO UPDATE SET version = excluded.version, body = excluded.body
     WHERE held.version < excluded.version
"""

ALL_TERMS = "SELECT body FROM calendar_terms ORDER BY version, source_type, urgency"
TERMS = "SELECT body FROM calendar_terms WHERE source_type = $1 AND urgency = $2"

WRITE_TERMS = """
    INSERT INTO calendar_terms AS held (source_type, urgency, version, body)
    SELECT * FROM unnest($1::smallint[], $2::smallint[], $3::integer[], $4::bytea[])
    ON CONFLICT (source_type, urgency) DO UPDATE
       SET version = excluded.version, body = excluded.body
     WHERE held.version < excluded.version
"""


async def current(tx: Tx) -> Calendar:
    """Return the calendar as this transaction sees it."""
    rows = await tx.fetch(YEARS)
    return _calendar(tuple(row["body"] for row in rows))


async def years(tx: Tx) -> list[Year]:
    """Return all that was published of years, oldest publication first."""
    return [_year(row["body"]) for row in await tx.fetch(YEARS)]


async def write_years(tx: Tx, published: Sequence[Year]) -> None:
    """Keep years that are newer than what is held of them."""
    await tx.execute(
        WRITE_YEARS,
        [one.year for one in published],
        [one.version for one in published],
        [wire.year_to(one).SerializeToString(deterministic=True) for one in published],
    )


async def terms_of(tx: Tx, source_type: int, urgency: int) -> Terms:
    """Return the terms of items of a source type and urgency.

    Raises:
        KeyError: there is no such source type or urgency.
    """
    body = await tx.fetchval(TERMS, source_type, urgency)
    return DEFAULTS[source_type, urgency] if body is None else _terms(body)


async def published_terms(tx: Tx) -> list[Terms]:
    """Return the rows that were published, oldest publication first."""
    return [_terms(row["body"]) for row in await tx.fetch(ALL_TERMS)]


async def write_terms(tx: Tx, rows: Sequence[Terms]) -> None:
    """Keep rows that are newer than those held."""
    await tx.execute(
        WRITE_TERMS,
        [row.source_type for row in rows],
        [row.urgency for row in rows],
        [row.version for row in rows],
        [wire.terms_to(row).SerializeToString(deterministic=True) for row in rows],
    )


@lru_cache(maxsize=8)
def _calendar(bodies: tuple[bytes, ...]) -> Calendar:
    """Read a calendar; it changes once a year, and is asked for all day."""
    read = [_year(body) for body in bodies]
    said = {day.date: day.working for year in read for day in year.days}
    official = {year.year for year in read if year.official}
    return Calendar(
        version=max((year.version for year in read), default=0),
        overrides=said,
        official=known.OFFICIAL | official,
        whole=frozenset(year.year for year in read if year.whole),
    )


@lru_cache(maxsize=256)
def _year(body: bytes) -> Year:
    return wire.year_from(pb.Year.FromString(body))


@lru_cache(maxsize=256)
def _terms(body: bytes) -> Terms:
    return wire.terms_from(pb.Terms.FromString(body))
