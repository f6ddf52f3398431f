"""The gRPC door of the catalogue's keeper."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from ducha.catalogue.v1 import catalogue_pb2
from ducha.catalogue.v1 import catalogue_service_pb2 as pb
from ducha.catalogue.v1.catalogue_service_pb2_grpc import (
    CatalogueKeepingServiceServicer,
    add_CatalogueKeepingServiceServicer_to_server,
)
from services.province.catalogue import actions, workbook
from services.province.catalogue.plan import Rows
from tier.app import App
from tier.catalogue import Catalogue, held
from tier.runtime import requests

Context = grpc.aio.ServicerContext[Any, Any]


class CatalogueKeepingService(CatalogueKeepingServiceServicer):
    """Serve `ducha.catalogue.v1.CatalogueKeepingService`."""

    def __init__(self, app: App) -> None:
        """Keep the catalogue of `app`."""
        self._app = app

    async def PublishCatalogue(
        self, request: pb.PublishCatalogueRequest, context: Context
    ) -> pb.PublishCatalogueResponse:
        """Add or change rows."""
        return await actions.publish(
            self._app,
            requests.identify(request, request.request_id),
            request.actor,
            Rows(request.elements, request.indicators),
            validate_only=request.validate_only,
        )

    async def ImportWorkbook(
        self, request: pb.ImportWorkbookRequest, context: Context
    ) -> pb.ImportWorkbookResponse:
        """Add or change what a workbook says."""
        result = await actions.publish(
            self._app,
            requests.identify(request, request.request_id),
            request.actor,
            await asyncio.to_thread(workbook.read, request.workbook),
            validate_only=request.validate_only,
        )
        return pb.ImportWorkbookResponse(result=result)

    async def ExportWorkbook(
        self, request: pb.ExportWorkbookRequest, context: Context
    ) -> pb.ExportWorkbookResponse:
        """Return the whole catalogue as a workbook."""
        async with self._app.db.reading() as tx:
            catalogue = await held(tx, self._app.db)
        body = await asyncio.to_thread(_exported, catalogue)
        return pb.ExportWorkbookResponse(
            workbook=body, catalogue_version=catalogue.version
        )


def _exported(catalogue: Catalogue) -> bytes:
    """Write a catalogue as a workbook, by code."""
    elements = sorted(catalogue.elements.values(), key=lambda one: one.code)
    indicators = sorted(catalogue.indicators.values(), key=lambda one: one.code)
    return workbook.write(
        [catalogue_pb2.Element.FromString(one.body) for one in elements],
        [catalogue_pb2.Indicator.FromString(one.body) for one in indicators],
    )


def add_keeping_service(app: App, server: grpc.aio.Server) -> str:
    """Mount what only the keeper of the catalogue takes."""
    add_CatalogueKeepingServiceServicer_to_server(CatalogueKeepingService(app), server)
    return "ducha.catalogue.v1.CatalogueKeepingService"
