"""What can be asked about timers, from the node's own database."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from ducha.timing.v1 import timing_service_pb2 as pb
from tier import calendar, division
from tier.app import App
from tier.calendar import Calendar
from tier.runtime import area, fields, moments
from tier.runtime.errors import PageTokenInvalid
from tier.runtime.pages import Page
from tier.timing import items, query_store, rules, wire
from tier.timing.model import Known, Place, Query, Running, Timer

PAGE_ROWS = 50
SMALLINT, INTEGER = 2**15, 2**31
LONG_AGO = datetime.min.replace(tzinfo=UTC)


async def list_timers(app: App, request: pb.ListTimersRequest) -> pb.ListTimersResponse:
    """Page through the next steps of clocks that run, by deadline."""
    page = Page.read(request.page_size, request.page_token, default=PAGE_ROWS, fields=2)
    after = (_moment(page.text(0)), page.number(1)) if page.after else (LONG_AGO, 0)
    query = _query(request.item_id, request.within)
    if query is None:
        return pb.ListTimersResponse()
    now = app.now()
    async with app.db.reading() as tx:
        found = await query_store.running(tx, query, after, page.size + 1)
        days = await calendar.current(tx)
        shown = found[: page.size]
        known = await items.known(tx, [one.group.item_id for one in shown])
    upcoming = [(one, _next(one, known[one.group.item_id], days, now)) for one in shown]
    last = (
        (shown[-1].group.window.deadline.isoformat(), str(shown[-1].clock_id))
        if shown
        else ()
    )
    return pb.ListTimersResponse(
        timers=[
            wire.timer_to(one, timer, known[one.group.item_id].title)
            for one, timer in upcoming
            if timer is not None
        ],
        next_page_token=page.next(found, last),
    )


def _next(
    running: Running, known: Known, days: Calendar, now: datetime
) -> Timer | None:
    """Return the next step that a clock still holds for somebody; None after the last."""
    timers = rules.schedule(running.group.window, known.terms, days)
    return rules.upcoming(timers, now, unreceived=running.unreceived)


async def list_escalations(
    app: App, request: pb.ListEscalationsRequest
) -> pb.ListEscalationsResponse:
    """Page through escalations, newest first."""
    page = Page.read(request.page_size, request.page_token, default=PAGE_ROWS, fields=5)
    before = _place(page) if page.after else None
    since = moments.optional_moment(
        request.since_time, there=request.HasField("since_time")
    )
    query = _query(request.item_id, request.within, since)
    if query is None:
        return pb.ListEscalationsResponse()
    async with app.db.reading() as tx:
        found = await query_store.escalations(tx, query, before, page.size + 1)
        shown = found[: page.size]
        known = await items.known(tx, [one.place.item_id for one in shown])
    last = [_text(part) for one in shown[-1:] for part in one.place]
    return pb.ListEscalationsResponse(
        escalations=[
            wire.escalation_to(one, known[one.place.item_id].title) for one in shown
        ],
        next_page_token=page.next(found, last),
    )


def _query(item_id: str, within: str, since: datetime | None = None) -> Query | None:
    """Read what is sought; None where nothing of it may be seen.

    Raises:
        InvalidInput: the item is no id, or the division no code.
    """
    asked = division.code(within, "within") if within else ""
    seen = area.narrowed(asked)
    item = fields.read_uuid("item_id", item_id) if item_id else None
    return None if seen is None else Query(item, seen, since)


def _place(page: Page) -> Place:
    """Read the last place of the page before.

    Raises:
        PageTokenInvalid: it names none.
    """
    return Place(
        _moment(page.text(0)),
        _uuid(page.text(1)),
        page.text(2),
        _number(page, 3, INTEGER),
        _number(page, 4, SMALLINT),
    )


def _number(page: Page, index: int, bound: int) -> int:
    number = page.number(index)
    if number >= bound:
        raise PageTokenInvalid
    return number


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as broken:
        raise PageTokenInvalid from broken


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as broken:
        raise PageTokenInvalid from broken


def _text(part: object) -> str:
    return part.isoformat() if isinstance(part, datetime) else str(part)
