"""Values as they stand, as they stood, in all their versions and in conflict.

A sheet says what is in force; the fact of its answer, in the ledger, says where it came
from. What stood at a moment is folded from these facts alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from ducha.registry.v1 import registry_service_pb2 as pb
from tier import catalogue as catalogues
from tier.app import App
from tier.registry import periods
from tier.registry.provenance import Source
from tier.registry.queries import area
from tier.runtime import fields, moments
from tier.runtime.pages import Page

DIVISIONS = 100
CONFLICTS = 50
PAGE_BYTES = 2 * 1024 * 1024
BREATH = 64
"""So many sheets are written before others may work."""

Sources = dict[UUID, Source]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which values are asked: none of no element, those of a period, at a moment or now."""

    elements: frozenset[int]
    within: str
    period: str
    at: datetime | None


async def list_observations(
    app: App, request: pb.ListObservationsRequest
) -> pb.ListObservationsResponse:
    """Page through values, by division and element; a page is bounded in bytes too.

    Raises:
        ElementUnknown: the catalogue has none of that code.
    """
    page = Page.read(request.page_size, request.page_token, default=DIVISIONS, fields=1)
    within = area("within", request.within)
    period = fields.read("period", periods.parse, request.period).text
    there = request.HasField("as_of_time")
    now = app.now()
    at = moments.optional_moment(request.as_of_time, there=there)
    at = None if at is None or at >= now else at
    response = pb.ListObservationsResponse(as_of_time=moments.stamp_of(at or now))
    async with app.db.reading() as tx:
        catalogue = await catalogues.held(tx, app.db)
        elements = frozenset(_number(catalogue, code) for code in request.elements)
        if not _is_ours(app, within):
            return response
        wanted = Wanted(elements, within, period, at)
        while True:
            found = await _held(tx, wanted, page)
            shown = found[: page.size]
            count = await _show(tx, catalogue, wanted, shown, response)
            page = replace(page, size=count)
            token = page.next(
                found, [one.key.division for one in shown[count - 1 :]][:1]
            )
            if response.observations or not token:
                break
            page = Page.read(len(shown), token, default=DIVISIONS, fields=1)
    response.next_page_token = token
    return response
