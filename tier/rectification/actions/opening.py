"""Down: the assigner opens points at executors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import uuid_utils

from ducha.rectification.v1 import rectification_service_pb2 as pb
from tier import assignment, calendar
from tier.acting import Call, Work, once
from tier.app import App
from tier.assignment import Item, Key
from tier.assignment.actions.calls import open_item
from tier.assignment.errors import AssignmentUnknown, MoveNotAllowed
from tier.assignment.model import State as AssignmentState
from tier.calendar import Term
from tier.jurisdiction import Code, contains
from tier.rectification import folding, rules, telling, wire
from tier.rectification.actions.calls import Held, by_item, tell
from tier.rectification.errors import (
    RectificationDeadlineInvalid,
    RectificationNotYours,
)
from tier.rectification.model import Point

MOVE = "open"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be put right, by whom, and by when: at a moment, or after a term."""

    division: Code
    problem: str
    requirement: str
    due: datetime | Term


async def open_points(
    app: App, call: Call, item_id: UUID, wanted: Sequence[Wanted]
) -> pb.OpenRectificationsResponse:
    """Open points; until they are closed, their item cannot be.

    Raises:
        TierError: ITEM_UNKNOWN, ITEM_ENDED, ASSIGNMENT_UNKNOWN, MOVE_NOT_ALLOWED,
            RECTIFICATION_NOT_YOURS, RECTIFICATION_DEADLINE_INVALID.
    """
    response = pb.OpenRectificationsResponse()
    async with once(app, call, response) as work:
        if work is not None:
            item = await open_item(work, item_id)
            await _check(work, item, {one.division for one in wanted})
            points = await _made(work, item, wanted)
            await folding.keep(work.tx, points)
            for _, some in by_item(points, [Held(points[0], item)]):
                await tell(work, item, some, wire.opened_to, telling.opened)
            now = app.now()
            response.rectifications.extend(wire.point_to(one, now) for one in points)
    return response


async def _check(work: Work, item: Item, divisions: set[Code]) -> None:
    """Refuse to open points where the acting division assigned nothing."""
    acting = work.call.division
    keys = [Key(item.item_id, code) for code in sorted(divisions)]
    standing = await assignment.standing(work.tx, keys)
    for key in keys:
        # Whether others have the item is none of the acting division's business.
        if key not in standing or not contains(acting, key.division):
            raise AssignmentUnknown(division=key.division, item_id=item.item_id)
        one = standing[key].assignment
        if one.assigner != acting:
            raise RectificationNotYours(
                rightful=one.assigner, move=MOVE, division=key.division
            )
        if one.state is AssignmentState.WITHDRAWN:
            raise MoveNotAllowed(division=key.division, state=one.state.name, move=MOVE)


async def _made(work: Work, item: Item, wanted: Sequence[Wanted]) -> list[Point]:
    """Return the points, each with its moment."""
    now = work.app.now()
    days = await calendar.current(work.tx)
    points = []
    for one in wanted:
        due = rules.due(one.due, days, now)
        if not rules.is_deadline_valid(due.at, now):
            raise RectificationDeadlineInvalid(deadline=due.at.isoformat())
        point = Point(
            UUID(int=uuid_utils.uuid7().int),
            item.item_id,
            one.division,
            work.call.division,
            one.problem,
            one.requirement,
            now,
            due.at,
            due.provisional,
        )
        points.append(point)
    return points
