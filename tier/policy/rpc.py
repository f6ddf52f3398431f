"""The gRPC door to the record of decisions."""

from __future__ import annotations

from typing import Any

import grpc

from ducha.access.v1 import access_service_pb2 as pb
from ducha.access.v1.access_service_pb2_grpc import (
    AccessServiceServicer,
    add_AccessServiceServicer_to_server,
)
from tier.app import App
from tier.policy import store, wire
from tier.runtime.pages import LARGEST, Page

Context = grpc.aio.ServicerContext[Any, Any]

PAGE_ROWS = 100


class AccessService(AccessServiceServicer):
    """Serve `ducha.access.v1.AccessService`."""

    def __init__(self, app: App) -> None:
        """Answer from the database of `app`."""
        self._app = app

    async def ListDecisions(
        self, request: pb.ListDecisionsRequest, context: Context
    ) -> pb.ListDecisionsResponse:
        """Page through decisions, newest first."""
        page = Page.read(
            request.page_size, request.page_token, default=PAGE_ROWS, fields=1
        )
        query = wire.query_from(request)
        before = page.number(0) if page.after else LARGEST
        async with self._app.db.reading() as tx:
            found = await store.page(tx, query, before, page.size + 1)
        shown = found[: page.size]
        return pb.ListDecisionsResponse(
            decisions=map(wire.decision_to, shown),
            next_page_token=page.next(
                found, [str(one.decision_id) for one in shown[-1:]]
            ),
        )


def add_service(app: App, server: grpc.aio.Server) -> str:
    """Mount the record of decisions on a node's server."""
    add_AccessServiceServicer_to_server(AccessService(app), server)
    return "ducha.access.v1.AccessService"
