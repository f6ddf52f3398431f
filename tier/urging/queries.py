"""Listings of urges and digests."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from ducha.urging.v1 import urging_service_pb2 as pb
from tier import assignment, division
from tier.app import App
from tier.assignment import Key
from tier.runtime import fields
from tier.runtime.errors import PageTokenInvalid
from tier.runtime.pages import Page
from tier.urging import actions, store, wire
from tier.urging.model import Place, Query

DEFAULT = 100
FIRST = UUID(int=0)
LAST = UUID(int=2**128 - 1)


async def list_urges(app: App, request: pb.ListUrgesRequest) -> pb.ListUrgesResponse:
    """Page through urges, newest first."""
    page = Page.read(request.page_size, request.page_token, default=DEFAULT, fields=2)
    before = (_uuid(page.text(0)) if page.after else LAST, page.text(1))
    item_id = fields.read_uuid("item_id", request.item_id) if request.item_id else None
    within = _within(request.within)
    async with app.db.reading() as tx:
        found = await store.urges(tx, item_id, within, before, page.size + 1)
    shown = found[: page.size]
    last = [
        part for one in shown[-1:] for part in (str(one.urge.urge_id), one.division)
    ]
    return pb.ListUrgesResponse(
        urges=map(wire.urge_to, shown), next_page_token=page.next(found, last)
    )


async def list_digests(
    app: App, request: pb.ListDigestsRequest
) -> pb.ListDigestsResponse:
    """Page through the lines of digests, newest day first."""
    page = Page.read(request.page_size, request.page_token, default=DEFAULT, fields=3)
    query = Query(
        _within(request.within),
        _day("from_day", request.from_day, date.min),
        _day("to_day", request.to_day, date.max),
    )
    after = Place(date.max, "", FIRST)
    if page.after:
        after = Place(_place(page.text(0)), page.text(1), _uuid(page.text(2)))
    async with app.db.reading() as tx:
        found = await store.lines(tx, query, after, page.size + 1)
        shown = found[: page.size]
        keys = [Key(line.item_id, line.division) for line in shown]
        standing = await assignment.standing(tx, keys)
    now = app.now()
    lines = list(map(wire.line_to, shown))
    for line, key in zip(lines, keys, strict=True):
        held = standing.get(key)
        if held is not None:
            line.MergeFrom(wire.standing_to(held, actions.shown(held, now)))
    last = [
        part
        for line in shown[-1:]
        for part in (line.day.isoformat(), line.division, str(line.item_id))
    ]
    return pb.ListDigestsResponse(lines=lines, next_page_token=page.next(found, last))


def _within(text: str) -> str:
    return division.code(text, "within") if text else ""


def _day(field: str, text: str, default: date) -> date:
    """Return the day in a field.

    Raises:
        InvalidInput: it is none.
    """
    return fields.read(field, date.fromisoformat, text) if text else default


def _place(text: str) -> date:
    """Read a day of a page token.

    Raises:
        PageTokenInvalid: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as broken:
        raise PageTokenInvalid from broken


def _uuid(text: str) -> UUID:
    """Read a UUID of a page token.

    Raises:
        PageTokenInvalid: it is none.
    """
    try:
        return UUID(text)
    except ValueError as broken:
        raise PageTokenInvalid from broken
