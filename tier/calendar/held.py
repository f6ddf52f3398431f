"""The calendar and the table of terms as a node holds them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ducha.calendar.v1 import calendar_pb2 as pb
from tier.calendar import known, store, wire
from tier.calendar.defaults import DEFAULTS
from tier.calendar.model import Calendar, Terms, Year
from tier.runtime.db import Tx


async def current(tx: Tx) -> Calendar:
    """Return the calendar as this transaction sees it."""
    return _calendar(await store.years(tx))


async def years(tx: Tx) -> list[Year]:
    """Return all that was published of years, oldest publication first."""
    return [_year(body) for body in await store.years(tx)]


async def write_years(tx: Tx, published: Sequence[Year]) -> None:
    """Keep years that are newer than what is held of them."""
    messages = [wire.year_to(one) for one in published]
    bodies = [one.SerializeToString(deterministic=True) for one in messages]
    await store.write_years(tx, published, bodies)


async def terms_of(tx: Tx, source_type: int, urgency: int) -> Terms:
    """Return the terms of items of a source type and urgency.

    Raises:
        KeyError: there is no such source type or urgency.
    """
    body = await store.terms(tx, source_type, urgency)
    return DEFAULTS[source_type, urgency] if body is None else _terms(body)


async def published_terms(tx: Tx) -> list[Terms]:
    """Return the rows that were published, oldest publication first."""
    return [_terms(body) for body in await store.all_terms(tx)]


async def write_terms(tx: Tx, rows: Sequence[Terms]) -> None:
    """Keep rows that are newer than those held."""
    messages = [wire.terms_to(row) for row in rows]
    bodies = [one.SerializeToString(deterministic=True) for one in messages]
    await store.write_terms(tx, rows, bodies)


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
