"""The registry's gRPC door."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import grpc

from ducha.registry.v1 import registry_service_pb2 as pb
from ducha.registry.v1.registry_service_pb2_grpc import (
    RegistryServiceServicer,
    add_RegistryServiceServicer_to_server,
)
from tier import division
from tier.acting import Call
from tier.app import App
from tier.registry.actions import asking
from tier.registry.actions.asking import Asked
from tier.runtime import requests

Context = grpc.aio.ServicerContext[Any, Any]


class RegistryService(RegistryServiceServicer):
    """Serve `ducha.registry.v1.RegistryService`."""

    def __init__(self, app: App) -> None:
        """Answer from the database of `app`."""
        self._app = app

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
        return await asking.request(self._app, _call(request), asked)

    async def WithdrawDataRequest(
        self, request: pb.WithdrawDataRequestRequest, context: Context
    ) -> pb.WithdrawDataRequestResponse:
        """Take a request back."""
        return await asking.withdraw(
            self._app, _call(request), UUID(request.data_request_id), request.reason
        )


def _call(request: Any) -> Call:
    """Read what every write of an acting division has."""
    acting = division.code(request.division, "division")
    return Call(requests.identify(request, request.request_id), acting, request.actor)


def add_service(app: App, server: grpc.aio.Server) -> str:
    """Mount the registry on a tier's server."""
    add_RegistryServiceServicer_to_server(RegistryService(app), server)
    return "ducha.registry.v1.RegistryService"
