"""What the keeper of the catalogue does: publish rows, and tell every tier below."""

from __future__ import annotations

import asyncio

from ducha.catalogue.v1 import catalogue_service_pb2 as pb
from services.province.catalogue.plan import Rows, plan
from tier.app import App
from tier.catalogue import held
from tier.catalogue.actions import write
from tier.runtime import requests
from tier.runtime.db import Tx
from tier.runtime.errors import RequestIdReused
from tier.runtime.requests import Request


async def publish(
    app: App, request: Request, actor: str, rows: Rows, *, validate_only: bool = False
) -> pb.PublishCatalogueResponse:
    """Add or change rows, all or none; or only say what that would do.

    Rows are judged on the catalogue as it is, before the writing transaction begins: it
    takes a second for thousands, and others write meanwhile.

    Raises:
        CatalogueRowsInvalid, RuleRefused, TwinUnexplained: as `plan` finds.
        Contended: another publication was first.
        RequestIdReused: the id was used for other content.
    """
    async with app.db.reading() as tx:
        answer = await _answered(tx, request)
        if answer is not None:
            return answer
        catalogue = await held(tx, app.db)
    planned = await asyncio.to_thread(plan, rows, catalogue)
    response = pb.PublishCatalogueResponse(
        published_count=planned.published,
        unchanged_count=planned.unchanged,
        catalogue_version=planned.version,
    )
    if validate_only:
        return response
    async with app.db.transaction() as tx:
        answer = await _answered(tx, request)
        if answer is not None:
            return answer
        await requests.keep(tx, [(request, response.SerializeToString())])
        new = (planned.elements, planned.indicators)
        await write(app, tx, actor, catalogue.version, new)
    return response


async def _answered(tx: Tx, request: Request) -> pb.PublishCatalogueResponse | None:
    """Return what the same request was answered before, if it was."""
    answer = (await requests.answered(tx, [request])).get(request.request_id)
    if isinstance(answer, RequestIdReused):
        raise answer
    if answer is None:
        return None
    return pb.PublishCatalogueResponse.FromString(answer)
