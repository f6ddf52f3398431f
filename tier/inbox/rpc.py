"""The inbox's gRPC door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import grpc

from ducha.inbox.v1 import inbox_pb2
from ducha.inbox.v1 import inbox_service_pb2 as pb
from ducha.inbox.v1.inbox_service_pb2_grpc import (
    InboxServiceServicer,
    add_InboxServiceServicer_to_server,
)
from tier.acting import call_of, must_host
from tier.app import App
from tier.division import names as division_names
from tier.inbox import actions, store, wire
from tier.inbox.model import Kept
from tier.inbox.watch import Watches
from tier.runtime.db import Tx
from tier.runtime.pages import Page

Context = grpc.aio.ServicerContext[Any, Any]

PAGE_ROWS = 100


class InboxService(InboxServiceServicer):
    """Serve `ducha.inbox.v1.InboxService`."""

    def __init__(self, app: App, watches: Watches) -> None:
        """Answer from the database of `app`."""
        self._app = app
        self._watches = watches

    async def ListNotices(
        self, request: pb.ListNoticesRequest, context: Context
    ) -> pb.ListNoticesResponse:
        """Page through notices."""
        query = wire.query_from(request)
        must_host(self._app, query.scope.division)
        page = Page.read(
            request.page_size, request.page_token, default=PAGE_ROWS, fields=1
        )
        async with self._app.db.reading() as tx:
            found = await store.page(tx, query, page.number(0), page.size + 1)
            shown = await _shown(tx, found[: page.size])
        last = [str(kept.serial) for kept in found[: page.size][-1:]]
        return pb.ListNoticesResponse(
            notices=shown, next_page_token=page.next(found, last)
        )

    async def CountNotices(
        self, request: pb.CountNoticesRequest, context: Context
    ) -> pb.CountNoticesResponse:
        """Count what is unread."""
        scope = wire.scope_from(request)
        must_host(self._app, scope.division)
        async with self._app.db.reading() as tx:
            counts = await store.counts(tx, scope)
        return pb.CountNoticesResponse(
            unread_count=sum(count.unread for count in counts),
            counts=map(wire.count_to, counts),
        )

    async def AcknowledgeNotices(
        self, request: pb.AcknowledgeNoticesRequest, context: Context
    ) -> pb.AcknowledgeNoticesResponse:
        """Note what was read."""
        notice_ids = list(dict.fromkeys(map(UUID, request.notice_ids)))
        return await actions.acknowledge(self._app, call_of(request), notice_ids)

    async def WatchNotices(
        self, request: pb.WatchNoticesRequest, context: Context
    ) -> AsyncIterator[pb.WatchNoticesResponse]:
        """Stream notices as they come."""
        scope = wire.scope_from(request)
        must_host(self._app, scope.division)
        async for token, found in self._watches.notices(scope, request.resume_token):
            async with self._app.db.reading() as tx:
                shown = await _shown(tx, found)
            yield pb.WatchNoticesResponse(resume_token=token, notices=shown)


async def _shown(tx: Tx, found: Sequence[Kept]) -> list[inbox_pb2.Notice]:
    """Write notices, with the names of their divisions."""
    names = await division_names(tx, {kept.notice.division for kept in found})
    return [wire.notice_to(kept, names) for kept in found]


def add_service(app: App, server: grpc.aio.Server) -> str:
    """Mount the inbox on a tier's server."""
    watches = Watches(app)
    app.tasks.create_task(watches.run())
    add_InboxServiceServicer_to_server(InboxService(app, watches), server)
    return "ducha.inbox.v1.InboxService"
