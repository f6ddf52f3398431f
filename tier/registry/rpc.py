"""The registry's gRPC door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import UUID

import grpc

from ducha.registry.v1 import registry_service_pb2 as pb
from ducha.registry.v1.registry_service_pb2_grpc import (
    RegistryServiceServicer,
    add_RegistryServiceServicer_to_server,
)
from tier import division
from tier.acting import call_of
from tier.app import App
from tier.registry import audit, observations, queries, wire
from tier.registry.actions import asking
from tier.registry.actions.asking import Asked
from tier.registry.watch import Watches

Context = grpc.aio.ServicerContext[Any, Any]


class RegistryService(RegistryServiceServicer):
    """Serve `ducha.registry.v1.RegistryService`."""

    def __init__(self, app: App, watches: Watches) -> None:
        """Answer from the database of `app`."""
        self._app = app
        self._watches = watches

    async def RequestData(
        self, request: pb.RequestDataRequest, context: Context
    ) -> pb.RequestDataResponse:
        """Pass a request through the gate, or only say what it would decide."""
        asked = Asked(
            request.data_request, request.targets, request.expect_nothing_held
        )
        if request.validate_only:
            requester = division.code(request.division, "division")
            return await asking.validate(self._app, requester, asked)
        return await asking.request(self._app, call_of(request), asked)

    async def GetDataRequest(
        self, request: pb.GetDataRequestRequest, context: Context
    ) -> pb.GetDataRequestResponse:
        """Return one data request."""
        return await queries.get_request(self._app, UUID(request.data_request_id))

    async def ListDataRequests(
        self, request: pb.ListDataRequestsRequest, context: Context
    ) -> pb.ListDataRequestsResponse:
        """Page through data requests."""
        return await queries.list_requests(self._app, request)

    async def WatchDataRequest(
        self, request: pb.WatchDataRequestRequest, context: Context
    ) -> AsyncIterator[pb.WatchDataRequestResponse]:
        """Stream how far a request is."""
        request_id = UUID(request.data_request_id)
        async with aclosing(self._watches.request(request_id)) as states:
            async for counted in states:
                yield pb.WatchDataRequestResponse(data_request=wire.counted_to(counted))

    async def ListNeeds(
        self, request: pb.ListNeedsRequest, context: Context
    ) -> pb.ListNeedsResponse:
        """Page through what a request waits for."""
        return await queries.list_needs(self._app, request)

    async def ListObservations(
        self, request: pb.ListObservationsRequest, context: Context
    ) -> pb.ListObservationsResponse:
        """Page through values."""
        return await observations.list_observations(self._app, request)

    async def ListVersions(
        self, request: pb.ListVersionsRequest, context: Context
    ) -> pb.ListVersionsResponse:
        """Return every version of one value."""
        return await observations.list_versions(self._app, request)

    async def ListConflicts(
        self, request: pb.ListConflictsRequest, context: Context
    ) -> pb.ListConflictsResponse:
        """Page through conflicts."""
        return await observations.list_conflicts(self._app, request)

    async def AuditRegistry(
        self, request: pb.AuditRegistryRequest, context: Context
    ) -> pb.AuditRegistryResponse:
        """Compare what is folded with a recomputation."""
        return await audit.audit(self._app, request)

    async def WithdrawDataRequest(
        self, request: pb.WithdrawDataRequestRequest, context: Context
    ) -> pb.WithdrawDataRequestResponse:
        """Take a request back."""
        return await asking.withdraw(
            self._app, call_of(request), UUID(request.data_request_id), request.reason
        )


def add_service(app: App, server: grpc.aio.Server) -> str:
    """Mount the registry on a tier's server."""
    watches = Watches(app)
    app.tasks.create_task(watches.run())
    add_RegistryServiceServicer_to_server(RegistryService(app, watches), server)
    return "ducha.registry.v1.RegistryService"
