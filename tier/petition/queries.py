"""What can be asked about petitions, from the node's own database."""

from __future__ import annotations

from uuid import UUID

from ducha.petition.v1 import petition_service_pb2 as pb
from tier import division
from tier.app import App
from tier.petition import store, wire
from tier.petition.errors import PetitionUnknown
from tier.petition.store import Query
from tier.runtime import fields
from tier.runtime.errors import PageTokenInvalid
from tier.runtime.pages import Page

DEFAULT = 50


async def get_petition(app: App, petition_id: UUID) -> pb.GetPetitionResponse:
    """Return a petition.

    Raises:
        PetitionUnknown: it is not here.
    """
    async with app.db.reading() as tx:
        one = (await store.load(tx, [petition_id])).get(petition_id)
    if one is None:
        raise PetitionUnknown(petition_id=petition_id)
    return pb.GetPetitionResponse(petition=wire.petition_to(one))


async def list_petitions(
    app: App, request: pb.ListPetitionsRequest
) -> pb.ListPetitionsResponse:
    """Page through petitions, newest first."""
    page = Page.read(request.page_size, request.page_token, default=DEFAULT, fields=1)
    before = _uuid(page.text(0)) if page.after else None
    query = Query(
        _code(request.within, "within"),
        _code(request.decider_division, "decider_division"),
        fields.read_uuid("item_id", request.item_id) if request.item_id else None,
        tuple(kind for kind in request.kinds if kind),
        request.pending_only,
    )
    async with app.db.reading() as tx:
        found = await store.page(tx, query, before, page.size + 1)
    shown = found[: page.size]
    return pb.ListPetitionsResponse(
        petitions=map(wire.petition_to, shown),
        next_page_token=page.next(found, [str(one.petition_id) for one in shown[-1:]]),
    )


def _code(text: str, field: str) -> str:
    return division.code(text, field) if text else ""


def _uuid(text: str) -> UUID:
    """Read a UUID of a page token.

    Raises:
        PageTokenInvalid: it is none.
    """
    try:
        return UUID(text)
    except ValueError as broken:
        raise PageTokenInvalid from broken
