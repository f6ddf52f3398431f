"""`GetServerInfo`: what a server is."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import grpc

from ducha.server.v1 import server_service_pb2 as pb
from ducha.server.v1.server_service_pb2_grpc import (
    ServerServiceServicer,
    add_ServerServiceServicer_to_server,
)
from tier.node import Node


class ServerService(ServerServiceServicer):
    """Serve `ducha.server.v1.ServerService`."""

    def __init__(self, node: Node, capabilities: Sequence[str]) -> None:
        """Describe `node`."""
        self._info = pb.GetServerInfoResponse(
            version=version("ducha"),
            node=node.name,
            tier=node.level.name.lower(),
            hosted_divisions=node.hosts,
            capabilities=capabilities,
            parent=node.parent or "",
            children=[child.name for child in node.children],
        )

    async def GetServerInfo(
        self,
        request: pb.GetServerInfoRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> pb.GetServerInfoResponse:
        """Describe this server."""
        return self._info


def add_info_service(
    node: Node, capabilities: Sequence[str], server: grpc.aio.Server
) -> str:
    """Mount the service."""
    add_ServerServiceServicer_to_server(ServerService(node, capabilities), server)
    return "ducha.server.v1.ServerService"
