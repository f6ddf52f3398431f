"""The indicators' gRPC door."""

from __future__ import annotations

from typing import Any

import grpc

from ducha.indicator.v1 import indicator_service_pb2 as pb
from ducha.indicator.v1.indicator_service_pb2_grpc import (
    IndicatorServiceServicer,
    add_IndicatorServiceServicer_to_server,
)
from ducha.reporting.v1 import reporting_pb2
from tier import catalogue as catalogues
from tier.app import App
from tier.catalogue import Catalogue
from tier.indicator import actions, wire
from tier.indicator.model import Query, Subject
from tier.jurisdiction import Code, Level, contains, overlap, parse, within
from tier.registry import Period, PeriodMismatch, parse_period
from tier.runtime import area, fields, moments
from tier.runtime.pages import Page

Context = grpc.aio.ServicerContext[Any, Any]

PAGE_ROWS = 200


class IndicatorService(IndicatorServiceServicer):
    """Serve `ducha.indicator.v1.IndicatorService`."""

    def __init__(self, app: App) -> None:
        """Answer from the database of `app`."""
        self._app = app

    async def ListIndicatorValues(
        self, request: pb.ListIndicatorValuesRequest, context: Context
    ) -> pb.ListIndicatorValuesResponse:
        """Page through the values of an indicator, by area."""
        page = Page.read(
            request.page_size, request.page_token, default=PAGE_ROWS, fields=1
        )
        async with self._app.db.reading() as tx:
            held = await catalogues.held(tx, self._app.db)
            query = self._query(request, held, page)
            reading = await actions.begin(self._app, tx, held, query)
            found = await actions.values(reading)
        shown = found[: page.size]
        return pb.ListIndicatorValuesResponse(
            values=map(wire.value_to, shown),
            next_page_token=page.next(found, [one.area for one in shown[-1:]]),
            as_of_time=moments.stamp_of(query.as_of or reading.now),
            out_of_contact=self._out_of_contact(query.within),
        )

    def _query(
        self, request: pb.ListIndicatorValuesRequest, held: Catalogue, page: Page
    ) -> Query:
        """Read what is computed, where and when."""
        period = fields.read("period", parse_period, request.period)
        subject = wire.subject_from(request, held)
        _must_fit(subject, period)
        there = request.HasField("as_of_time")
        as_of = moments.optional_moment(request.as_of_time, there=there)
        return Query(
            subject=subject,
            period=period,
            level=Level(request.level),
            within=self._areas(request.within, Level(request.level)),
            as_of=None if as_of is None or as_of >= self._app.now() else as_of,
            recast=request.recast,
            after=page.text(0),
            size=page.size,
        )

    def _areas(self, text: str, level: Level) -> tuple[Code, ...]:
        """Return the areas that are asked for, as far as this node answers and they are seen."""
        node = self._app.node
        if text:
            fields.read("within", parse, text)
        seen = area.narrowed(text)
        if seen is None or level < node.level or area.is_above(level):
            return ()
        if not seen:
            return node.hosts
        code = Code(seen)
        if within(code, node.hosts):
            return (code,)
        return tuple(host for host in node.hosts if contains(code, host))

    def _out_of_contact(
        self, areas: tuple[Code, ...]
    ) -> list[reporting_pb2.OutOfContact]:
        """Return the silent child nodes whose divisions the values may cover."""
        hosts = {child.name: child.hosts for child in self._app.node.children}
        return [
            reporting_pb2.OutOfContact(
                node=name,
                divisions=hosts[name],
                last_contact_time=moments.stamp(heard),
            )
            for name, heard in self._app.silent()
            if any(overlap(host, area) for host in hosts[name] for area in areas)
        ]


def _must_fit(subject: Subject, period: Period) -> None:
    """Refuse a period that is not one of the elements' type.

    Raises:
        PeriodMismatch: write it as their type wants it.
    """
    for element in subject.elements:
        if element.period_type is not period.type:
            wanted = element.period_type.name.lower()
            raise PeriodMismatch(
                element=element.code, wanted=wanted, period=period.text
            )


def add_service(app: App, server: grpc.aio.Server) -> str:
    """Mount indicators on a tier's server."""
    add_IndicatorServiceServicer_to_server(IndicatorService(app), server)
    return "ducha.indicator.v1.IndicatorService"
