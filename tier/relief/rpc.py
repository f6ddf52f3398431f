"""Relief's gRPC door."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import grpc

from ducha.relief.v1 import relief_service_pb2 as pb
from ducha.relief.v1.relief_service_pb2_grpc import (
    ReliefServiceServicer,
    add_ReliefServiceServicer_to_server,
)
from tier.app import App
from tier.jurisdiction import parse
from tier.relief import store, wire
from tier.relief.model import Counts, Key
from tier.runtime import area, fields
from tier.runtime.pages import Page

Context = grpc.aio.ServicerContext[Any, Any]

PAGE_ROWS = 200
DIFFERENCES = 1000


class ReliefService(ReliefServiceServicer):
    """Serve `ducha.relief.v1.ReliefService`."""

    def __init__(self, app: App) -> None:
        """Answer from the database of `app`."""
        self._app = app

    async def ListSavings(
        self, request: pb.ListSavingsRequest, context: Context
    ) -> pb.ListSavingsResponse:
        """Page through savings, by division, requester and month."""
        for field in ("within", "requester_division"):
            if code := getattr(request, field):
                fields.read(field, parse, code)
        seen = area.narrowed(request.within)
        query = replace(wire.query_from(request), within=seen or "")
        if seen is None or area.is_above(query.level):
            return pb.ListSavingsResponse(total=wire.total_to(query, Counts()))
        page = Page.read(
            request.page_size, request.page_token, default=PAGE_ROWS, fields=3
        )
        after = Key(page.text(0), page.text(1), page.text(2))
        async with self._app.db.reading() as tx:
            found = await store.page(tx, query, after, page.size + 1)
            total = await store.total(tx, query)
        shown = found[: page.size]
        return pb.ListSavingsResponse(
            savings=map(wire.saving_to, shown),
            next_page_token=page.next(found, shown[-1].key if shown else ()),
            total=wire.total_to(query, total),
        )

    async def AuditSavings(
        self, request: pb.AuditSavingsRequest, context: Context
    ) -> pb.AuditSavingsResponse:
        """Compare the counts with a recomputation."""
        async with self._app.db.reading() as tx:
            compared, differences = await store.audit(tx, DIFFERENCES)
        return pb.AuditSavingsResponse(
            compared_count=compared, differences=map(wire.difference_to, differences)
        )


def add_service(app: App, server: grpc.aio.Server) -> str:
    """Mount relief on a tier's server."""
    add_ReliefServiceServicer_to_server(ReliefService(app), server)
    return "ducha.relief.v1.ReliefService"
