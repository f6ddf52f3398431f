"""Rectification's gRPC door."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import grpc

from ducha.rectification.v1 import rectification_service_pb2 as pb
from ducha.rectification.v1.rectification_service_pb2_grpc import (
    RectificationServiceServicer,
    add_RectificationServiceServicer_to_server,
)
from tier import division
from tier.acting import call_of
from tier.app import App
from tier.calendar import Term, term_from
from tier.rectification import queries
from tier.rectification.actions import filing, judging, opening
from tier.rectification.actions.filing import Filing
from tier.rectification.actions.opening import Wanted
from tier.runtime import moments

Context = grpc.aio.ServicerContext[Any, Any]


class RectificationService(RectificationServiceServicer):
    """Serve `ducha.rectification.v1.RectificationService`."""

    def __init__(self, app: App) -> None:
        """Answer from the database of `app`."""
        self._app = app

    async def OpenRectifications(
        self, request: pb.OpenRectificationsRequest, context: Context
    ) -> pb.OpenRectificationsResponse:
        """Open points."""
        wanted = [
            Wanted(
                division.code(one.division, f"rectifications[{index}].division"),
                one.problem,
                one.requirement,
                _due(one),
            )
            for index, one in enumerate(request.rectifications)
        ]
        return await opening.open_points(
            self._app, call_of(request), UUID(request.item_id), wanted
        )

    async def ReportRectifications(
        self, request: pb.ReportRectificationsRequest, context: Context
    ) -> pb.ReportRectificationsResponse:
        """Report points."""
        filings = [
            Filing(UUID(one.rectification_id), one.round, one.report)
            for one in request.reports
        ]
        return await filing.report(self._app, call_of(request), filings)

    async def CloseRectifications(
        self, request: pb.CloseRectificationsRequest, context: Context
    ) -> pb.CloseRectificationsResponse:
        """Close points."""
        points = list(map(UUID, request.rectification_ids))
        return await judging.close(self._app, call_of(request), points, request.note)

    async def ReturnRectifications(
        self, request: pb.ReturnRectificationsRequest, context: Context
    ) -> pb.ReturnRectificationsResponse:
        """Send reports back."""
        points = list(map(UUID, request.rectification_ids))
        due = _due(request) if request.WhichOneof("due") else None
        return await judging.send_back(
            self._app, call_of(request), points, request.reason, due
        )

    async def ListRectifications(
        self, request: pb.ListRectificationsRequest, context: Context
    ) -> pb.ListRectificationsResponse:
        """Page through points."""
        return await queries.list_points(self._app, request)


def _due(
    message: pb.NewRectification | pb.ReturnRectificationsRequest,
) -> datetime | Term:
    """Read when a point is due."""
    if message.HasField("within"):
        return term_from(message.within)
    return moments.moment(message.deadline_time)


def add_service(app: App, server: grpc.aio.Server) -> str:
    """Mount rectification on a tier's server."""
    add_RectificationServiceServicer_to_server(RectificationService(app), server)
    return "ducha.rectification.v1.RectificationService"
