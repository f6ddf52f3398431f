"""The listing of points."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from ducha.rectification.v1 import rectification_service_pb2 as pb
from tier import division
from tier.app import App
from tier.rectification import store, wire
from tier.rectification.model import Query, State
from tier.runtime import fields
from tier.runtime.errors import PageTokenInvalid
from tier.runtime.pages import Page

DEFAULT = 100
FIRST = UUID(int=0)


async def list_points(
    app: App, request: pb.ListRectificationsRequest
) -> pb.ListRectificationsResponse:
    """Page through points, oldest first."""
    page = Page.read(request.page_size, request.page_token, default=DEFAULT, fields=1)
    after = _uuid(page.text(0)) if page.after else FIRST
    now = app.now()
    query = Query(
        fields.read_uuid("item_id", request.item_id) if request.item_id else None,
        division.code(request.within, "within") if request.within else "",
        fields.read("states", _states, request.states),
        now if request.overdue_only else None,
    )
    async with app.db.reading() as tx:
        found = await store.page(tx, query, after, page.size + 1)
    shown = found[: page.size]
    return pb.ListRectificationsResponse(
        rectifications=[wire.point_to(point, now) for point in shown],
        next_page_token=page.next(found, [str(one.point_id) for one in shown[-1:]]),
    )


def _states(numbers: Iterable[int]) -> tuple[State, ...]:
    return tuple(State(number) for number in numbers)


def _uuid(text: str) -> UUID:
    """Read a UUID of a page token.

    Raises:
        PageTokenInvalid: it is none.
    """
    try:
        return UUID(text)
    except ValueError as broken:
        raise PageTokenInvalid from broken
