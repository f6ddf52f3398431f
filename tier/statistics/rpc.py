"""Statistics' gRPC door."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import grpc

from ducha.statistics.v1 import statistics_service_pb2 as pb
from ducha.statistics.v1.statistics_service_pb2_grpc import (
    StatisticsServiceServicer,
    add_StatisticsServiceServicer_to_server,
)
from tier.app import App
from tier.division import names as division_names
from tier.jurisdiction import Code, parse
from tier.reporting.contact import out_of_contact
from tier.runtime import area, fields, moments
from tier.runtime.errors import PageTokenInvalid
from tier.runtime.pages import Page
from tier.statistics import actions, store, wire
from tier.statistics.model import NOTHING, Key, Query, Statistic

Context = grpc.aio.ServicerContext[Any, Any]

PAGE_ROWS = 200
LARGEST = 2**15 - 1  # PostgreSQL's smallint


class StatisticsService(StatisticsServiceServicer):
    """Serve `ducha.statistics.v1.StatisticsService`."""

    def __init__(self, app: App) -> None:
        """Answer from the database of `app`."""
        self._app = app

    async def ListStatistics(
        self, request: pb.ListStatisticsRequest, context: Context
    ) -> pb.ListStatisticsResponse:
        """Page through counts, by the groups that are asked for."""
        for field in ("within", "issuer_division"):
            if code := getattr(request, field):
                fields.read(field, parse, code)
        page = Page.read(
            request.page_size, request.page_token, default=PAGE_ROWS, fields=6
        )
        seen = area.narrowed(request.within)
        query = replace(wire.query_from(request), within=seen or "")
        response = pb.ListStatisticsResponse(
            as_of_time=moments.stamp(self._app.now()),
            out_of_contact=out_of_contact(self._app, request.within),
        )
        if seen is not None:
            await self._fill(response, query, page)
        elif not page.after:
            response.total.CopyFrom(wire.statistic_to(Statistic(Key(), NOTHING)))
        return response

    async def _fill(
        self, response: pb.ListStatisticsResponse, query: Query, page: Page
    ) -> None:
        """Put a page of groups into a response; the first brings the sum of all."""
        async with self._app.db.reading() as tx:
            found = await store.page(tx, query, _after(page), page.size + 1)
            if not page.after:
                whole = Statistic(Key(), await store.total(tx, query))
                response.total.CopyFrom(wire.statistic_to(whole))
            shown = found[: page.size]
            codes = [Code(one.key.division) for one in shown]
            names = await division_names(tx, codes)
        response.statistics.extend(wire.statistic_to(one, names) for one in shown)
        last = [str(part) for one in shown[-1:] for part in one.key]
        response.next_page_token = page.next(found, last)

    async def AuditStatistics(
        self, request: pb.AuditStatisticsRequest, context: Context
    ) -> pb.AuditStatisticsResponse:
        """Compare the counts with what the facts of the ledger make them."""
        async with self._app.db.reading() as tx:
            audited = await actions.audit(tx)
        return pb.AuditStatisticsResponse(
            compared_count=audited.compared,
            fact_count=audited.facts,
            differences=map(wire.difference_to, audited.differences),
        )


def _after(page: Page) -> Key | None:
    """Return the last group of the page before; None before the first.

    Raises:
        PageTokenInvalid: the token names none.
    """
    if not page.after:
        return None
    source_type, urgency = page.number(3), page.number(4)
    if max(source_type, urgency) > LARGEST:
        raise PageTokenInvalid
    return Key(
        page.text(0), page.text(1), page.text(2), source_type, urgency, page.text(5)
    )


def add_service(app: App, server: grpc.aio.Server) -> str:
    """Mount statistics on a tier's server."""
    add_StatisticsServiceServicer_to_server(StatisticsService(app), server)
    return "ducha.statistics.v1.StatisticsService"
