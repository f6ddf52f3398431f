"""The timeline's gRPC door."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import grpc

from ducha.timeline.v1 import timeline_service_pb2 as pb
from ducha.timeline.v1.timeline_service_pb2_grpc import (
    TimelineServiceServicer,
    add_TimelineServiceServicer_to_server,
)
from tier.app import App
from tier.jurisdiction import parse
from tier.runtime import area, fields
from tier.runtime.pages import Page
from tier.timeline import queries, wire
from tier.timeline.model import Place

Context = grpc.aio.ServicerContext[Any, Any]

PAGE_ROWS = 100


class TimelineService(TimelineServiceServicer):
    """Serve `ducha.timeline.v1.TimelineService`."""

    def __init__(self, app: App) -> None:
        """Answer from the ledger of `app`."""
        self._app = app

    async def ListEvents(
        self, request: pb.ListEventsRequest, context: Context
    ) -> pb.ListEventsResponse:
        """Page through what happened to an item."""
        if request.within:
            fields.read("within", parse, request.within)
        page = Page.read(
            request.page_size, request.page_token, default=PAGE_ROWS, fields=2
        )
        seen = area.narrowed(request.within)
        if seen is None:
            return pb.ListEventsResponse()
        found = await queries.events(
            self._app,
            UUID(request.item_id),
            seen,
            Place(page.number(0), page.number(1)),
            page.size + 1,
        )
        shown = found[: page.size]
        last = [str(part) for _, at in shown[-1:] for part in (at.position, at.skip)]
        return pb.ListEventsResponse(
            events=[wire.event_to(event) for event, _ in shown],
            next_page_token=page.next(found, last),
        )


def add_service(app: App, server: grpc.aio.Server) -> str:
    """Mount the timeline on a tier's server."""
    add_TimelineServiceServicer_to_server(TimelineService(app), server)
    return "ducha.timeline.v1.TimelineService"
