"""`GetServerInfo`: what a server is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any

import grpc

from ducha.server.v1 import server_service_pb2 as pb
from ducha.server.v1.server_service_pb2_grpc import (
    ServerServiceServicer,
    add_ServerServiceServicer_to_server,
)
from tier.node import Node
from tier.runtime import clock, moments
from tier.runtime.clock import REAL, Pace


class ServerService(ServerServiceServicer):
    """Serve `ducha.server.v1.ServerService`."""

    def __init__(
        self,
        node: Node,
        capabilities: Sequence[str],
        now: Callable[[], datetime],
        pace: Pace,
    ) -> None:
        """Describe `node`."""
        self._now = now
        self._info = pb.GetServerInfoResponse(
            version=version("ducha"),
            node=node.name,
            tier=node.level.name.lower(),
            hosted_divisions=node.hosts,
            capabilities=capabilities,
            parent=node.parent or "",
            children=[child.name for child in node.children],
        )
        if pace.is_simulated:
            simulated = pb.SimulatedClock(
                rate=pace.rate, epoch_time=moments.stamp(pace.epoch)
            )
            self._info.simulated_clock.CopyFrom(simulated)

    async def GetServerInfo(
        self,
        request: pb.GetServerInfoRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> pb.GetServerInfoResponse:
        """Describe this server."""
        told = pb.GetServerInfoResponse()
        told.CopyFrom(self._info)
        told.server_time.CopyFrom(moments.stamp_of(self._now()))
        return told


def add_info_service(
    node: Node,
    capabilities: Sequence[str],
    server: grpc.aio.Server,
    *,
    now: Callable[[], datetime] = clock.now,
    pace: Pace = REAL,
) -> str:
    """Mount the service."""
    service = ServerService(node, capabilities, now, pace)
    add_ServerServiceServicer_to_server(service, server)
    return "ducha.server.v1.ServerService"
