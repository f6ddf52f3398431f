"""What can be asked about items and assignments, from the node's own database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from asyncpg import Record

from ducha.assignment.v1 import assignment_pb2
from ducha.assignment.v1 import assignment_service_pb2 as pb
from tier import division
from tier.app import App
from tier.assignment import clock_store, item_store, reports, store, wire
from tier.assignment.errors import AssignmentUnknown, ItemUnknown
from tier.assignment.model import Key, State
from tier.registry import asking
from tier.registry import wire as registry_wire
from tier.runtime import fields, moments
from tier.runtime.errors import PageTokenInvalid
from tier.runtime.pages import Page

FIRST = UUID(int=0)
LAST = UUID(int=2**128 - 1)
FOREVER = datetime.max.replace(tzinfo=UTC)


async def get_item(app: App, item_id: UUID) -> pb.GetItemResponse:
    """Return an item and how many execute it here and below.

    Raises:
        ItemUnknown: it is not here.
    """
    async with app.db.reading() as tx:
        item = (await item_store.items(tx, [item_id])).get(item_id)
        if item is None:
            raise ItemUnknown(item_id=item_id)
        count = await item_store.target_count(tx, item_id)
        asked = await asking.of_item(tx, item_id)
    response = pb.GetItemResponse(item=wire.item_to(item), target_count=count)
    if asked:
        response.data_request.CopyFrom(registry_wire.counted_to(asked[-1]))
    return response


async def list_items(app: App, request: pb.ListItemsRequest) -> pb.ListItemsResponse:
    """Page through items, newest first."""
    page = Page.read(request.page_size, request.page_token, default=50, fields=2)
    issuer = (
        division.code(request.issuer_division, "issuer_division")
        if request.issuer_division
        else ""
    )
    before = (
        (_moment(page.text(0)), _uuid(page.text(1), LAST))
        if page.after
        else (FOREVER, LAST)
    )
    async with app.db.reading() as tx:
        found = await item_store.newest(
            tx,
            issuer=issuer,
            state=request.state,
            before=before,
            limit=page.size + 1,
        )
    shown = found[: page.size]
    last = (shown[-1].issued_at.isoformat(), str(shown[-1].item_id)) if shown else ()
    return pb.ListItemsResponse(
        items=[wire.item_to(item) for item in shown],
        next_page_token=page.next(found, last),
    )


async def get_assignment(app: App, key: Key) -> pb.GetAssignmentResponse:
    """Return an assignment with its report, which lies in the ledger.

    Raises:
        AssignmentUnknown: it is not here.
    """
    async with app.db.reading() as tx:
        loaded = (await store.load(tx, [key])).get(key)
        if loaded is None:
            raise AssignmentUnknown(division=key.division, item_id=key.item_id)
        item = (await item_store.items(tx, [key.item_id]))[key.item_id]
        found = await reports.of(tx, [loaded.assignment.report_fact])
    message = wire.assignment_to(loaded.assignment, item.body, app.now())
    for report in found.values():
        message.report.CopyFrom(report)
    return pb.GetAssignmentResponse(assignment=message)


async def list_assignments(
    app: App, request: pb.ListAssignmentsRequest
) -> pb.ListAssignmentsResponse:
    """Page through assignments, by division and item."""
    page = Page.read(request.page_size, request.page_token, default=50, fields=2)
    within = division.code(request.within, "within") if request.within else ""
    async with app.db.reading() as tx:
        found = await store.page(
            tx,
            item_id=_item_id(request.item_id),
            within=within,
            states=fields.read("states", _states, request.states),
            after=(page.text(0), _uuid(page.text(1), FIRST)),
            limit=page.size + 1,
        )
    shown, now = found[: page.size], app.now()
    keys = [loaded.assignment.key for loaded, _ in shown[-1:]]
    last = [part for key in keys for part in (key.division, str(key.item_id))]
    return pb.ListAssignmentsResponse(
        assignments=[
            wire.assignment_to(loaded.assignment, item, now) for loaded, item in shown
        ],
        next_page_token=page.next(found, last),
    )


async def list_fenced(
    app: App, request: pb.ListFencedWorkRequest
) -> pb.ListFencedWorkResponse:
    """Page through fenced work, oldest first."""
    page = Page.read(request.page_size, request.page_token, default=50, fields=1)
    item_id = _item_id(request.item_id)
    async with app.db.reading() as tx:
        found = await store.fenced(tx, page.number(0), item_id, page.size + 1)
    shown = found[: page.size]
    work = [
        pb.FencedWork(
            assignment=assignment_pb2.AssignmentRef(
                item_id=str(row["item_id"]), division=row["division"]
            ),
            epoch=row["epoch"],
            current_epoch=row["current_epoch"],
            fence_time=moments.stamp(row["fenced_at"]),
            fact_id=str(row["fact_id"]),
        )
        for row in shown
    ]
    last = (str(shown[-1]["fence_id"]),) if shown else ()
    return pb.ListFencedWorkResponse(work=work, next_page_token=page.next(found, last))


async def list_deadline_moves(
    app: App, request: pb.ListDeadlineMovesRequest
) -> pb.ListDeadlineMovesResponse:
    """Page through moved deadlines, newest first."""
    page = Page.read(request.page_size, request.page_token, default=50, fields=3)
    within = division.code(request.within, "within") if request.within else ""
    before = (
        (_moment(page.text(0)), _uuid(page.text(1), LAST), page.text(2))
        if page.after
        else (FOREVER, LAST, "")
    )
    async with app.db.reading() as tx:
        found = await clock_store.moves(
            tx,
            item_id=_item_id(request.item_id),
            within=within,
            cause=request.cause,
            calendar_version=request.calendar_version,
            before=before,
            limit=page.size + 1,
        )
    shown = found[: page.size]
    last = (
        (
            shown[-1]["moved_at"].isoformat(),
            str(shown[-1]["item_id"]),
            shown[-1]["division"],
        )
        if shown
        else ()
    )
    return pb.ListDeadlineMovesResponse(
        moves=[_deadline_move(row) for row in shown],
        next_page_token=page.next(found, last),
    )


def _deadline_move(row: Record) -> assignment_pb2.DeadlineMove:
    return assignment_pb2.DeadlineMove(
        item_id=str(row["item_id"]),
        division=row["division"],
        old_deadline_time=moments.stamp(row["old_deadline_at"]),
        new_deadline_time=moments.stamp(row["new_deadline_at"]),
        cause=row["cause"],
        reason=row["reason"],
        move_time=moments.stamp(row["moved_at"]),
        provisional=row["provisional"],
        calendar_version=row["calendar_version"],
    )


def _item_id(text: str) -> UUID | None:
    """Read the item of a filter, if there is one.

    Raises:
        InvalidInput: it is no UUID.
    """
    return fields.read_uuid("item_id", text) if text else None


def _states(numbers: Iterable[int]) -> list[State]:
    return [State(number) for number in numbers]


def _uuid(text: str, default: UUID) -> UUID:
    """Read a UUID of a page token.

    Raises:
        PageTokenInvalid: it is none.
    """
    try:
        return UUID(text) if text else default
    except ValueError as broken:
        raise PageTokenInvalid from broken


def _moment(text: str) -> datetime:
    """Read a moment of a page token.

    Raises:
        PageTokenInvalid: it is none.
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as broken:
        raise PageTokenInvalid from broken
