"""Listings of approvals and unlockings."""

from __future__ import annotations

from uuid import UUID

from ducha.approval.v1 import approval_service_pb2 as pb
from tier import division
from tier.app import App
from tier.approval import store, wire
from tier.registry import parse_period
from tier.runtime import fields
from tier.runtime.errors import PageTokenInvalid
from tier.runtime.pages import Page

DEFAULT = 100


async def list_approvals(
    app: App, request: pb.ListApprovalsRequest
) -> pb.ListApprovalsResponse:
    """Page through approvals of a period, by division."""
    page = Page.read(request.page_size, request.page_token, default=DEFAULT, fields=1)
    within = division.code(request.within, "within") if request.within else ""
    period = fields.read("period", parse_period, request.period).text
    async with app.db.reading() as tx:
        found = await store.approvals(tx, period, within, page.text(0), page.size + 1)
    shown = found[: page.size]
    return pb.ListApprovalsResponse(
        approvals=map(wire.approval_to, shown),
        next_page_token=page.next(found, [one.act.division for one in shown[-1:]]),
    )


async def list_unlockings(
    app: App, request: pb.ListUnlockingsRequest
) -> pb.ListUnlockingsResponse:
    """Page through unlockings, newest first."""
    page = Page.read(request.page_size, request.page_token, default=DEFAULT, fields=1)
    before = _uuid(page.text(0)) if page.after else None
    within = division.code(request.within, "within") if request.within else ""
    period = request.period and fields.read("period", parse_period, request.period).text
    async with app.db.reading() as tx:
        found = await store.unlockings(tx, period, within, before, page.size + 1)
    shown = found[: page.size]
    return pb.ListUnlockingsResponse(
        unlockings=map(wire.unlocking_to, shown),
        next_page_token=page.next(found, [str(one.unlocking_id) for one in shown[-1:]]),
    )


def _uuid(text: str) -> UUID:
    """Read a UUID of a page token.

    Raises:
        PageTokenInvalid: it is none.
    """
    try:
        return UUID(text)
    except ValueError as broken:
        raise PageTokenInvalid from broken
