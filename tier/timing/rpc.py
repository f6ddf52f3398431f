"""The gRPC door of timers, and where they begin to run."""

from __future__ import annotations

from typing import Any

import grpc

from ducha.timing.v1 import timing_service_pb2 as pb
from ducha.timing.v1.timing_service_pb2_grpc import (
    TimingServiceServicer,
    add_TimingServiceServicer_to_server,
)
from tier.app import App
from tier.timing import queries
from tier.timing.sweeping import Sweeping

Context = grpc.aio.ServicerContext[Any, Any]


class TimingService(TimingServiceServicer):
    """Serve `ducha.timing.v1.TimingService`."""

    def __init__(self, app: App) -> None:
        """Answer from the database of `app`; its timers run from now on."""
        self._app = app
        app.tasks.create_task(Sweeping(app).run())

    async def ListTimers(
        self, request: pb.ListTimersRequest, context: Context
    ) -> pb.ListTimersResponse:
        """Page through the next steps of clocks."""
        return await queries.list_timers(self._app, request)

    async def ListEscalations(
        self, request: pb.ListEscalationsRequest, context: Context
    ) -> pb.ListEscalationsResponse:
        """Page through escalations."""
        return await queries.list_escalations(self._app, request)


def add_service(app: App, server: grpc.aio.Server) -> str:
    """Mount timers on a tier's server."""
    add_TimingServiceServicer_to_server(TimingService(app), server)
    return "ducha.timing.v1.TimingService"
