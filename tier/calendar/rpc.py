"""The calendar's gRPC door: which days are worked, and when terms end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import grpc

from ducha.calendar.v1 import calendar_pb2
from ducha.calendar.v1 import calendar_service_pb2 as pb
from ducha.calendar.v1.calendar_service_pb2_grpc import (
    CalendarServiceServicer,
    add_CalendarServiceServicer_to_server,
)
from tier.app import App
from tier.calendar import held, rules, wire
from tier.calendar.defaults import DEFAULTS
from tier.calendar.model import CHINA, Day, Year
from tier.runtime.moments import moment, stamp_of

Context = grpc.aio.ServicerContext[Any, Any]


class CalendarService(CalendarServiceServicer):
    """Serve `ducha.calendar.v1.CalendarService`."""

    def __init__(self, app: App) -> None:
        """Answer from the calendar of `app`."""
        self._app = app

    async def GetCalendar(
        self, request: pb.GetCalendarRequest, context: Context
    ) -> pb.GetCalendarResponse:
        """Return the days of a year that differ from plain weeks."""
        year = request.year or self._app.now().astimezone(CHINA).year
        async with self._app.db.reading() as tx:
            calendar, published = await held.current(tx), await held.years(tx)
        names = _names(published)
        days = rules.differing(calendar, year)
        versions = (one.version for one in published if one.year == year)
        return pb.GetCalendarResponse(
            year=year,
            official=year in calendar.official,
            days=[_day(one, names) for one in days],
            year_version=next(versions, 0),
            calendar_version=calendar.version,
        )

    async def ListTerms(
        self, request: pb.ListTermsRequest, context: Context
    ) -> pb.ListTermsResponse:
        """Return the whole table of terms."""
        async with self._app.db.reading() as tx:
            published = await held.published_terms(tx)
        table = {**DEFAULTS, **{row.key: row for row in published}}
        return pb.ListTermsResponse(
            rows=[wire.terms_to(table[key]) for key in sorted(table)],
            terms_version=max((row.version for row in published), default=0),
        )

    async def ComputeDue(
        self, request: pb.ComputeDueRequest, context: Context
    ) -> pb.ComputeDueResponse:
        """Say when a term ends, and which days it passes over."""
        given = request.HasField("start_time")
        start = moment(request.start_time) if given else self._app.now()
        term = wire.term_from(request.term)
        async with self._app.db.reading() as tx:
            calendar, published = await held.current(tx), await held.years(tx)
        due = rules.after(calendar, start, term)
        days = rules.passed(calendar, start, due) if term.working_days else []
        names = _names(published)
        return pb.ComputeDueResponse(
            due_time=stamp_of(due.at),
            provisional=due.provisional,
            passed=[_day(one, names) for one in days],
            calendar_version=calendar.version,
        )


def _names(published: Iterable[Year]) -> Mapping[date, str]:
    """Return what the province calls days."""
    return {day.date: day.name for year in published for day in year.days}


def _day(day: Day, names: Mapping[date, str]) -> calendar_pb2.Day:
    """Write a day, under the province's name for it if it has one."""
    return wire.day_to(replace(day, name=names.get(day.date) or day.name))


def add_calendar_service(app: App, server: grpc.aio.Server) -> str:
    """Mount what every tier answers."""
    add_CalendarServiceServicer_to_server(CalendarService(app), server)
    return "ducha.calendar.v1.CalendarService"
