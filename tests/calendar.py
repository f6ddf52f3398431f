"""Sound calendars and rows of terms, and how to publish them at a province's node.

What is published here is harmless to who reckons with 2026: a year far away, and a row as
it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import uuid4

from ducha.calendar.v1 import calendar_pb2 as pb
from ducha.calendar.v1 import calendar_service_pb2 as api
from services.province.calendar import actions
from tier import calendar
from tier.acting import Call
from tier.app import App
from tier.calendar import Calendar, Term, Terms
from tier.calendar.defaults import DEFAULTS
from tier.calendar.model import Day, Year
from tier.calendar.wire import terms_to
from tier.runtime.requests import Request

KEEPER = "日历管理员（模拟）"
STRIKE = "2050-11-23"  # a Wednesday


def year(
    number: int = 2050, *days: tuple[str, bool], official: bool = False
) -> pb.Year:
    """Return a year with days off and make-up days; official ones are whole."""
    return pb.Year(
        year=number,
        official=official,
        whole=official,
        days=[pb.Day(date=day, working=working) for day, working in days],
    )


def a_calendar(*years: pb.Year, **over: Any) -> api.PublishCalendarRequest:
    """Return a publication of years; by default of one far away."""
    fields: dict[str, Any] = {
        "request_id": str(uuid4()),
        "actor": KEEPER,
        "years": years or [year(2050, (STRIKE, False))],
    }
    return api.PublishCalendarRequest(**fields | over)


def a_row(source_type: int = 1, urgency: int = 1, **over: Any) -> Terms:
    """Return a row as it came with the software, changed."""
    return replace(DEFAULTS[source_type, urgency], **over)


def a_table(*rows: Terms, **over: Any) -> api.PublishTermsRequest:
    """Return a publication of rows; by default of one as it stands."""
    fields: dict[str, Any] = {
        "request_id": str(uuid4()),
        "actor": KEEPER,
        "rows": map(terms_to, rows or [a_row(4, 3)]),
    }
    return api.PublishTermsRequest(**fields | over)


async def publish(app: App, *days: tuple[str, bool], official: bool = False) -> int:
    """Publish the days of one year, that of the first; return the version."""
    told = [Day(date.fromisoformat(day), working=working) for day, working in days]
    one = Year(told[0].date.year, official, official, tuple(told))
    done = await actions.publish_calendar(app, _call(app), [one])
    return done.calendar_version


async def publish_rows(app: App, *rows: Terms) -> int:
    """Publish rows of terms; return the version."""
    return (await actions.publish_table(app, _call(app), rows)).terms_version


async def held(app: App) -> Calendar:
    """Return the calendar as a node holds it."""
    async with app.db.reading() as tx:
        return await calendar.current(tx)


async def terms_held(app: App, key: tuple[int, int] = (1, 1)) -> Terms:
    """Return a row of terms as a node holds it."""
    async with app.db.reading() as tx:
        return await calendar.terms_of(tx, *key)


def _call(app: App) -> Call:
    return Call(Request(uuid4(), "test", b""), app.node.hosts[0], KEEPER)


LONGER: Sequence[Term] = (Term(2), Term(4), Term(8))
"""A ladder that is not the one the software came with."""
