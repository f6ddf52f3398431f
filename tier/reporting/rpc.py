"""Reporting's gRPC door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import grpc

from ducha.reporting.v1 import reporting_service_pb2 as pb
from ducha.reporting.v1.reporting_service_pb2_grpc import (
    ReportingServiceServicer,
    add_ReportingServiceServicer_to_server,
)
from tier.app import App
from tier.division import names as division_names
from tier.jurisdiction import parse
from tier.reporting import actions, store, wire
from tier.reporting.actions import ItemView
from tier.reporting.contact import out_of_contact
from tier.reporting.model import Key
from tier.reporting.watch import Watches
from tier.runtime import fields
from tier.runtime.errors import PageTokenInvalid
from tier.runtime.pages import Page

Context = grpc.aio.ServicerContext[Any, Any]

PAGE_ROWS = 200


class ReportingService(ReportingServiceServicer):
    """Serve `ducha.reporting.v1.ReportingService`."""

    def __init__(self, app: App, watches: Watches) -> None:
        """Answer from the database of `app`."""
        self._app = app
        self._watches = watches

    async def ListProgress(
        self, request: pb.ListProgressRequest, context: Context
    ) -> pb.ListProgressResponse:
        """Page through an item's counts."""
        item_id = UUID(request.item_id)
        within = fields.read("within", parse, request.within) if request.within else ""
        page = Page.read(
            request.page_size, request.page_token, default=PAGE_ROWS, fields=2
        )
        after = _after(page)
        async with self._app.db.reading() as tx:
            await actions.known(tx, item_id)
            found = await store.listed(
                tx,
                item_id,
                within=within,
                level=wire.level_from(request.division_level),
                after=after,
                limit=page.size + 1,
            )
            shown = found[: page.size]
            names = await division_names(tx, [row.division for row in shown])
        now = self._app.now()
        last = [
            part for row in shown[-1:] for part in (row.division, str(int(row.level)))
        ]
        return pb.ListProgressResponse(
            progress=wire.progress_to(shown, names, now),
            next_page_token=page.next(found, last),
            as_of_time=wire.moment_to(now),
            out_of_contact=out_of_contact(self._app, within),
        )

    async def WatchItem(
        self, request: pb.WatchItemRequest, context: Context
    ) -> AsyncIterator[pb.WatchItemResponse]:
        """Stream an item's changes and counts."""
        view = ItemView(UUID(request.item_id), wire.level_from(request.division_level))
        async for token, found in self._watches.item(view, request.resume_token):
            yield pb.WatchItemResponse(
                resume_token=token,
                changes=map(wire.change_to, found.changes),
                progress=wire.progress_to(found.progress, found.names, self._app.now()),
            )

    async def WatchDivision(
        self, request: pb.WatchDivisionRequest, context: Context
    ) -> AsyncIterator[pb.WatchDivisionResponse]:
        """Stream what changes within a division."""
        division = fields.read("division", parse, request.division)
        async for token, found in self._watches.division(
            division, request.resume_token
        ):
            yield pb.WatchDivisionResponse(
                resume_token=token, changes=map(wire.change_to, found.changes)
            )

    async def AuditProgress(
        self, request: pb.AuditProgressRequest, context: Context
    ) -> pb.AuditProgressResponse:
        """Compare the counts with a recomputation."""
        item_id = (
            fields.read_uuid("item_id", request.item_id) if request.item_id else None
        )
        async with self._app.db.reading() as tx:
            compared, differences = await actions.audit(tx, item_id)
        return pb.AuditProgressResponse(
            compared_count=compared,
            differences=map(wire.difference_to, differences),
        )


def _after(page: Page) -> Key:
    """Return the last row of the page before.

    Raises:
        PageTokenInvalid: the token names none.
    """
    key = Key(page.text(0), page.number(1))
    if key.level not in range(7):
        raise PageTokenInvalid
    return key


def add_service(app: App, server: grpc.aio.Server) -> str:
    """Mount reporting on a tier's server."""
    watches = Watches(app)
    app.tasks.create_task(watches.run())
    add_ReportingServiceServicer_to_server(ReportingService(app, watches), server)
    return "ducha.reporting.v1.ReportingService"
