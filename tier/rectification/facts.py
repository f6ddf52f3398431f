"""The link door: points on their way down and up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from google.protobuf.message import Message

from ducha.rectification.v1 import rectification_facts_pb2 as pb
from tier import assignment, inbox
from tier.app import App, Arrived, Unfit
from tier.arriving import (
    UNKNOWN_ASSIGNMENT,
    UNKNOWN_ITEM,
    WRONG_JURISDICTION,
    Outcome,
    keep,
    kinds,
    pass_on,
)
from tier.assignment import Key
from tier.jurisdiction import Code, level_of, parse, within
from tier.ledger import Entry
from tier.rectification import folding, store, telling, wire
from tier.rectification.model import Change, Point
from tier.runtime import moments
from tier.runtime.db import Tx

UNKNOWN_RECTIFICATION = "UNKNOWN_RECTIFICATION"


async def _opened(app: App, tx: Tx, one: Arrived) -> Outcome:
    """Keep points that the assigner opened."""
    payload = pb.RectificationsOpened.FromString(one.fact.payload)
    points = wire.opened_from(payload)
    if any(_is_astray(app, one, point) for point in points):
        return Unfit(one, WRONG_JURISDICTION, f"opened by {payload.opener_division}")
    item_id = UUID(payload.item_id)
    if await assignment.item_of(tx, item_id) is None:
        return Unfit(one, UNKNOWN_ITEM, payload.item_id)
    keys = list({Key(item_id, point.division) for point in points})
    standing = await assignment.standing(tx, keys)
    missing = next((key for key in keys if key not in standing), None)
    if missing is not None:
        where = f"{missing.division} of {payload.item_id}"
        return Unfit(one, UNKNOWN_ASSIGNMENT, where)
    fresh = await folding.keep(tx, points)
    await inbox.deliver(app, tx, telling.opened(fresh, one.fact_id))
    return _onward(app, one, payload)


async def _reported(app: App, tx: Tx, one: Arrived) -> Outcome:
    """Take what an executor did."""
    payload = pb.RectificationsReported.FromString(one.fact.payload)
    changed = await _fold(app, tx, one, wire.reported_from(payload))
    if isinstance(changed, Unfit):
        return changed
    at = moments.moment(payload.report_time)
    await inbox.deliver(app, tx, telling.reported(changed, at, one.fact_id))
    return _onward(app, one, payload)


async def _closed(app: App, tx: Tx, one: Arrived) -> Outcome:
    """Close points, as who opened them did."""
    payload = pb.RectificationsClosed.FromString(one.fact.payload)
    changed = await _fold(app, tx, one, wire.closed_from(payload))
    if isinstance(changed, Unfit):
        return changed
    at = moments.moment(payload.close_time)
    await inbox.deliver(app, tx, telling.closed(changed, at, one.fact_id))
    return _onward(app, one, payload)


async def _returned(app: App, tx: Tx, one: Arrived) -> Outcome:
    """Begin new rounds, as who opened the points did."""
    payload = pb.RectificationsReturned.FromString(one.fact.payload)
    changed = await _fold(app, tx, one, wire.returned_from(payload))
    if isinstance(changed, Unfit):
        return changed
    at = moments.moment(payload.return_time)
    await inbox.deliver(app, tx, telling.returned(changed, at, one.fact_id))
    return _onward(app, one, payload)


async def _overdue(app: App, tx: Tx, one: Arrived) -> Outcome:
    """Mark what the executor's node noticed, and tell who opened it, unless it knows."""
    payload = pb.RectificationsOverdue.FromString(one.fact.payload)
    rounds = wire.rounds_from(payload)
    before = await store.load(tx, rounds)
    unfit = _unfit(one, payload.item_id, rounds, before)
    if unfit is not None:
        return unfit
    if any(_is_foreign(one, point) for point in before.values()):
        return Unfit(one, WRONG_JURISDICTION, "overdue is noticed where it is executed")
    found = await store.mark_reminded(tx, rounds)
    at = moments.moment(payload.raise_time)
    await inbox.deliver(app, tx, telling.overdue(found, at))
    return _onward(app, one, payload)


async def _fold(
    app: App, tx: Tx, one: Arrived, changes: Mapping[UUID, Change]
) -> Unfit | list[Point]:
    """Fold changes into points that are here, and that their author may change."""
    before = await store.load(tx, changes)
    unfit = _unfit(one, one.fact.subject, changes, before)
    if unfit is not None:
        return unfit
    is_up = one.fact.kind == REPORTED
    for point in before.values():
        wrong = _is_foreign(one, point) if is_up else _is_astray(app, one, point)
        if wrong:
            detail = f"{one.fact.division} on {point.point_id}"
            return Unfit(one, WRONG_JURISDICTION, detail)
    return await folding.fold(tx, before, changes)


def _unfit(
    one: Arrived,
    item_id: str,
    wanted: Mapping[UUID, object],
    here: Mapping[UUID, Point],
) -> Unfit | None:
    """Say which point is not here, not of the item, or not the sender's to speak of."""
    for point_id in wanted:
        point = here.get(point_id)
        if point is None:
            return Unfit(one, UNKNOWN_RECTIFICATION, str(point_id))
        if str(point.item_id) != item_id or not within(point.division, one.area):
            return Unfit(one, WRONG_JURISDICTION, f"not the sender's: {point_id}")
    return None


def _is_astray(app: App, one: Arrived, point: Point) -> bool:
    """Whether it is not its opener's word, or does not come from where that acts."""
    comes_right = not one.downward or level_of(point.opener) < app.node.level
    return (
        point.opener != parse(one.fact.division)
        or not comes_right
        or not within(point.division, one.area)
    )


def _is_foreign(one: Arrived, point: Point) -> bool:
    """Whether it is not its executor's word, from below."""
    return one.downward or point.division != one.fact.division


def _onward(app: App, one: Arrived, payload: Any) -> list[Entry]:
    """Pass the fact on: up as it is, down to each branch its own points."""
    if not one.downward:  # what an executor says names no divisions but its own
        return [keep(one, app.node.upward)]
    divisions = list(dict.fromkeys(parse(point.division) for point in payload.points))
    return pass_on(app, one, divisions, lambda codes: _part(payload, codes))


def _part(payload: Any, codes: Sequence[Code]) -> Message:
    """Return the payload for one branch: the same words about fewer points."""
    part: Any = type(payload)()
    part.CopyFrom(payload)
    del part.points[:]
    part.points.extend(one for one in payload.points if one.division in codes)
    made: Message = part
    return made


REPORTED = pb.RectificationsReported.DESCRIPTOR.full_name
DOORS = {
    pb.RectificationsOpened.DESCRIPTOR.full_name: _opened,
    REPORTED: _reported,
    pb.RectificationsClosed.DESCRIPTOR.full_name: _closed,
    pb.RectificationsReturned.DESCRIPTOR.full_name: _returned,
    pb.RectificationsOverdue.DESCRIPTOR.full_name: _overdue,
}
KINDS = kinds(DOORS)
