"""Urging's gRPC door."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import grpc

from ducha.urging.v1 import urging_service_pb2 as pb
from ducha.urging.v1.urging_service_pb2_grpc import (
    UrgingServiceServicer,
    add_UrgingServiceServicer_to_server,
)
from tier import division
from tier.acting import call_of
from tier.app import App
from tier.urging import actions, queries

Context = grpc.aio.ServicerContext[Any, Any]


class UrgingService(UrgingServiceServicer):
    """Serve `ducha.urging.v1.UrgingService`."""

    def __init__(self, app: App) -> None:
        """Answer from the database of `app`."""
        self._app = app

    async def UrgeAssignments(
        self, request: pb.UrgeAssignmentsRequest, context: Context
    ) -> pb.UrgeAssignmentsResponse:
        """Urge executors."""
        return await actions.urge(
            self._app,
            call_of(request),
            UUID(request.item_id),
            division.codes(request.divisions, "divisions"),
            request.message,
        )

    async def ListUrges(
        self, request: pb.ListUrgesRequest, context: Context
    ) -> pb.ListUrgesResponse:
        """Page through urges."""
        return await queries.list_urges(self._app, request)

    async def ListDigests(
        self, request: pb.ListDigestsRequest, context: Context
    ) -> pb.ListDigestsResponse:
        """Page through digests."""
        return await queries.list_digests(self._app, request)


def add_service(app: App, server: grpc.aio.Server) -> str:
    """Mount urging on a tier's server."""
    add_UrgingServiceServicer_to_server(UrgingService(app), server)
    return "ducha.urging.v1.UrgingService"
