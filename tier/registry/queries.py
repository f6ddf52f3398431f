"""What can be asked about data requests, from the node's own database."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as pb
from tier import catalogue as catalogues
from tier import division
from tier.app import App
from tier.registry import request_store, wire
from tier.registry.errors import DataRequestUnknown
from tier.runtime import fields, moments
from tier.runtime.errors import PageTokenInvalid
from tier.runtime.pages import Page

REQUESTS = 50
NEEDS = 100


async def get_request(app: App, request_id: UUID) -> pb.GetDataRequestResponse:
    """Return a data request and how far it is.

    Raises:
        DataRequestUnknown: it is not here.
    """
    async with app.db.reading() as tx:
        counted = await request_store.get(tx, request_id)
    if counted is None:
        raise DataRequestUnknown(data_request_id=request_id)
    return pb.GetDataRequestResponse(data_request=wire.counted_to(counted))


async def list_requests(
    app: App, request: pb.ListDataRequestsRequest
) -> pb.ListDataRequestsResponse:
    """Page through data requests, newest first."""
    page = Page.read(request.page_size, request.page_token, default=REQUESTS, fields=2)
    item_id = fields.read_uuid("item_id", request.item_id) if request.item_id else None
    async with app.db.reading() as tx:
        found = await request_store.page(
            tx,
            requester=area("requester_division", request.requester_division),
            item_id=item_id,
            state=request.state,
            after=moment_and_id(page),
            limit=page.size + 1,
        )
    shown = found[: page.size]
    last = [
        part
        for one in shown[-1:]
        for part in (one.request.created_at.isoformat(), str(one.request.request_id))
    ]
    return pb.ListDataRequestsResponse(
        data_requests=map(wire.counted_to, shown),
        next_page_token=page.next(found, last),
    )


async def list_needs(app: App, request: pb.ListNeedsRequest) -> pb.ListNeedsResponse:
    """Page through what a request waits for, by division.

    Raises:
        DataRequestUnknown: it is not here.
    """
    page = Page.read(request.page_size, request.page_token, default=NEEDS, fields=1)
    request_id = UUID(request.data_request_id)
    within = area("within", request.within)
    async with app.db.reading() as tx:
        if await request_store.get(tx, request_id) is None:
            raise DataRequestUnknown(data_request_id=request_id)
        found = await request_store.needs_page(
            tx,
            request_id,
            after=page.text(0),
            within=within,
            waiting_only=request.waiting_only,
            limit=page.size + 1,
        )
        catalogue = await catalogues.held(tx, app.db)
    shown = found[: page.size]
    needs = [
        registry_pb2.Need(
            data_request_id=request.data_request_id,
            division=row["division"],
            outcomes=registry_pb2.Outcomes(
                served=row["served"],
                joined=row["joined"],
                confirm=row["confirm"],
                collect=row["collect"],
            ),
            waiting=[
                element.code
                for element in map(catalogue.numbered, row["waiting"])
                if element is not None
            ],
            due_time=moments.stamp(row["deadline_at"]) if row["waiting"] else None,
            confirmed_count=row["confirmed"],
        )
        for row in shown
    ]
    last = [row["division"] for row in shown[-1:]]
    return pb.ListNeedsResponse(needs=needs, next_page_token=page.next(found, last))


def area(field: str, text: str) -> str:
    """Read the division that a listing is restricted to; empty for none.

    Raises:
        InvalidInput: it is no code.
    """
    return division.code(text, field) if text else ""


def moment_and_id(page: Page) -> tuple[datetime, UUID] | None:
    """Return the moment and id of the last row shown; None before the first page.

    Raises:
        PageTokenInvalid: the token names none.
    """
    if not page.after:
        return None
    try:
        at = datetime.fromisoformat(page.text(0)).astimezone(UTC)
        return at, UUID(page.text(1))
    except (ValueError, OverflowError) as broken:
        raise PageTokenInvalid from broken
