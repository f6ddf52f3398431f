"""The gRPC door of the calendar's keeper."""

from __future__ import annotations

from typing import Any

import grpc

from ducha.calendar.v1 import calendar_service_pb2 as pb
from ducha.calendar.v1.calendar_service_pb2_grpc import (
    CalendarKeepingServiceServicer,
    add_CalendarKeepingServiceServicer_to_server,
)
from services.province.calendar import actions
from tier.acting import Call
from tier.app import App
from tier.calendar import wire
from tier.runtime import fields, requests

Context = grpc.aio.ServicerContext[Any, Any]


class CalendarKeepingService(CalendarKeepingServiceServicer):
    """Serve `ducha.calendar.v1.CalendarKeepingService`."""

    def __init__(self, app: App) -> None:
        """Keep the calendar of `app`."""
        self._app = app

    async def PublishCalendar(
        self, request: pb.PublishCalendarRequest, context: Context
    ) -> pb.PublishCalendarResponse:
        """Say which days of years are worked."""
        years = [
            fields.read(f"years[{place}].days", wire.year_from, year)
            for place, year in enumerate(request.years)
        ]
        return await actions.publish_calendar(
            self._app,
            self._call(request),
            years,
            validate_only=request.validate_only,
        )

    async def PublishTerms(
        self, request: pb.PublishTermsRequest, context: Context
    ) -> pb.PublishTermsResponse:
        """Change rows of the table of terms."""
        return await actions.publish_table(
            self._app,
            self._call(request),
            [wire.terms_from(row) for row in request.rows],
            validate_only=request.validate_only,
        )

    def _call(
        self, request: pb.PublishCalendarRequest | pb.PublishTermsRequest
    ) -> Call:
        """Read who keeps: the division at the top acts, whoever does it."""
        identity = requests.identify(request, request.request_id)
        return Call(identity, self._app.node.hosts[0], request.actor)


def add_keeping_service(app: App, server: grpc.aio.Server) -> str:
    """Mount what only the keeper of the calendar takes."""
    add_CalendarKeepingServiceServicer_to_server(CalendarKeepingService(app), server)
    return "ducha.calendar.v1.CalendarKeepingService"
