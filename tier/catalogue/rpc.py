"""The catalogue's gRPC door: what can be asked."""

from __future__ import annotations

from typing import Any

import grpc

from ducha.catalogue.v1 import catalogue_pb2
from ducha.catalogue.v1 import catalogue_service_pb2 as pb
from ducha.catalogue.v1.catalogue_service_pb2_grpc import (
    CatalogueServiceServicer,
    add_CatalogueServiceServicer_to_server,
)
from tier.app import App
from tier.catalogue.actions import held
from tier.catalogue.errors import ElementUnknown
from tier.catalogue.model import Catalogue, Element, Indicator
from tier.runtime.pages import Page

Context = grpc.aio.ServicerContext[Any, Any]

PAGE_SIZE = 100


class CatalogueService(CatalogueServiceServicer):
    """Serve `ducha.catalogue.v1.CatalogueService`."""

    def __init__(self, app: App) -> None:
        """Answer from the catalogue of `app`."""
        self._app = app

    async def GetElement(
        self, request: pb.GetElementRequest, context: Context
    ) -> pb.GetElementResponse:
        """Return one element, as a version had it."""
        catalogue = await self._catalogue()
        found = catalogue.elements.get(request.code)
        if found is not None and request.version:
            found = catalogue.numbered(found.number, request.version)
        if found is None:
            version = request.version or catalogue.version
            raise ElementUnknown(element=request.code, version=version)
        message = catalogue_pb2.Element.FromString(found.body)
        return pb.GetElementResponse(element=message)

    async def ListElements(
        self, request: pb.ListElementsRequest, context: Context
    ) -> pb.ListElementsResponse:
        """Page through elements, by code."""
        page = Page.read(
            request.page_size, request.page_token, default=PAGE_SIZE, fields=1
        )
        catalogue, after = await self._catalogue(), page.text(0)
        matching = (
            one
            for one in catalogue.elements.values()
            if one.code > after and _wanted(one, request)
        )
        found = sorted(matching, key=lambda one: one.code)[: page.size + 1]
        shown = found[: page.size]
        read = catalogue_pb2.Element.FromString
        return pb.ListElementsResponse(
            elements=[read(one.body) for one in shown],
            next_page_token=page.next(found, [shown[-1].code] if shown else []),
            catalogue_version=catalogue.version,
        )

    async def ListIndicators(
        self, request: pb.ListIndicatorsRequest, context: Context
    ) -> pb.ListIndicatorsResponse:
        """Page through indicators that are shown, by code."""
        page = Page.read(
            request.page_size, request.page_token, default=PAGE_SIZE, fields=1
        )
        catalogue, after = await self._catalogue(), page.text(0)
        matching = (
            one
            for one in catalogue.indicators.values()
            if one.code > after and not one.retired and _says(one, request.text)
        )
        found = sorted(matching, key=lambda one: one.code)[: page.size + 1]
        shown = found[: page.size]
        read = catalogue_pb2.Indicator.FromString
        return pb.ListIndicatorsResponse(
            indicators=[read(one.body) for one in shown],
            next_page_token=page.next(found, [shown[-1].code] if shown else []),
            catalogue_version=catalogue.version,
        )

    async def _catalogue(self) -> Catalogue:
        async with self._app.db.reading() as tx:
            return await held(tx, self._app.db)


def _wanted(element: Element, request: pb.ListElementsRequest) -> bool:
    """Whether a listing asks for an element."""
    return (
        (request.include_retired or not element.retired)
        and request.period_type in {0, element.period_type}
        and request.collect_level in {0, element.collect_level}
        and _says(element, request.text)
    )


def _says(one: Element | Indicator, text: str) -> bool:
    """Whether a code or name contains a text, in whatever case."""
    sought = text.casefold()
    return any(
        sought in name.casefold() for name in (one.code, one.name_zh, one.name_en)
    )


def add_catalogue_service(app: App, server: grpc.aio.Server) -> str:
    """Mount what every tier answers."""
    add_CatalogueServiceServicer_to_server(CatalogueService(app), server)
    return "ducha.catalogue.v1.CatalogueService"
