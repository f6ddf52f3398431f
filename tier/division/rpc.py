"""The division tree's gRPC doors: one for everybody, one for its keeper."""

from __future__ import annotations

from datetime import date
from typing import Any

import grpc

from ducha.division.v1 import division_service_pb2 as pb
from ducha.division.v1.division_service_pb2_grpc import (
    DivisionKeepingServiceServicer,
    DivisionServiceServicer,
    add_DivisionKeepingServiceServicer_to_server,
    add_DivisionServiceServicer_to_server,
)
from tier.app import App
from tier.division import actions, rules, store, wire
from tier.division.errors import DivisionUnknown
from tier.division.model import Query
from tier.jurisdiction import Level, parse
from tier.runtime import fields, requests
from tier.runtime.pages import Page

Context = grpc.aio.ServicerContext[Any, Any]

PAGE_SIZE = 100


class DivisionService(DivisionServiceServicer):
    """Serve `ducha.division.v1.DivisionService`."""

    def __init__(self, app: App) -> None:
        """Answer from the tree of `app`."""
        self._app = app

    async def GetDivision(
        self, request: pb.GetDivisionRequest, context: Context
    ) -> pb.GetDivisionResponse:
        """Return one division as it stood."""
        code = fields.read("code", parse, request.code)
        on = self._day(request.as_of)
        async with self._app.db.reading() as tx:
            division = await store.as_of(tx, code, on)
        if division is None:
            raise DivisionUnknown(division=code, day=on)
        return pb.GetDivisionResponse(division=wire.division_to(division))

    async def ListDivisions(
        self, request: pb.ListDivisionsRequest, context: Context
    ) -> pb.ListDivisionsResponse:
        """Page through divisions, by code."""
        page = Page.read(
            request.page_size, request.page_token, default=PAGE_SIZE, fields=1
        )
        query = Query(
            on=self._day(request.as_of),
            within=fields.read("within", parse, request.within)
            if request.within
            else None,
            level=Level(request.level) if request.level else None,
        )
        async with self._app.db.reading() as tx:
            found = await store.page(tx, query, page.text(0), page.size + 1)
        shown = found[: page.size]
        return pb.ListDivisionsResponse(
            divisions=[wire.division_to(division) for division in shown],
            next_page_token=page.next(found, [shown[-1].code] if shown else []),
        )

    def _day(self, text: str) -> date:
        """Read the day that is asked about; today if none is."""
        if not text:
            return rules.today(self._app.now())
        return fields.read("as_of", rules.day, text)


class DivisionKeepingService(DivisionKeepingServiceServicer):
    """Serve `ducha.division.v1.DivisionKeepingService`."""

    def __init__(self, app: App) -> None:
        """Keep the tree of `app`."""
        self._app = app

    async def ImportDivisions(
        self, request: pb.ImportDivisionsRequest, context: Context
    ) -> pb.ImportDivisionsResponse:
        """Take rows into the tree."""
        done = await actions.import_divisions(
            self._app,
            requests.identify(request, request.request_id),
            request.actor,
            [wire.row_from(row) for row in request.divisions],
        )
        return wire.counts_to(done)

    async def RetireDivision(
        self, request: pb.RetireDivisionRequest, context: Context
    ) -> pb.RetireDivisionResponse:
        """End a division."""
        code = fields.read("code", parse, request.code)
        last = fields.read("valid_to", rules.day, request.valid_to)
        division = await actions.retire(
            self._app,
            requests.identify(request, request.request_id),
            request.actor,
            code,
            (last, request.successor_codes),
        )
        return pb.RetireDivisionResponse(division=wire.division_to(division))


def add_division_service(app: App, server: grpc.aio.Server) -> str:
    """Mount what every tier answers."""
    add_DivisionServiceServicer_to_server(DivisionService(app), server)
    return "ducha.division.v1.DivisionService"


def add_keeping_service(app: App, server: grpc.aio.Server) -> str:
    """Mount what only the keeper of the tree takes."""
    add_DivisionKeepingServiceServicer_to_server(DivisionKeepingService(app), server)
    return "ducha.division.v1.DivisionKeepingService"
