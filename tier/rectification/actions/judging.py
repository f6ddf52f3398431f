"""Down again: who opened points closes them, or sends their reports back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from google.protobuf.message import Message

from ducha.rectification.v1 import rectification_facts_pb2 as facts
from ducha.rectification.v1 import rectification_service_pb2 as pb
from tier import calendar
from tier.acting import Call, Work, once
from tier.app import App
from tier.calendar import Due, Term
from tier.inbox import Notice
from tier.rectification import folding, rules, telling, wire
from tier.rectification.actions.calls import Held, by_item, denied, held, tell
from tier.rectification.errors import RectificationDeadlineInvalid
from tier.rectification.model import Closed, Point, Returned
from tier.runtime import moments


async def close(
    app: App, call: Call, point_ids: Sequence[UUID], note: str
) -> pb.CloseRectificationsResponse:
    """Close points that were reported.

    Raises:
        TierError: RECTIFICATION_UNKNOWN, ITEM_ENDED, RECTIFICATION_NOT_YOURS,
            RECTIFICATION_MOVE_NOT_ALLOWED.
    """
    response = pb.CloseRectificationsResponse()
    async with once(app, call, response) as work:
        if work is not None:
            response.closed_count = await _close(work, point_ids, note)
    return response


async def _close(work: Work, point_ids: Sequence[UUID], note: str) -> int:
    now = work.app.now()
    found = await _judged(work, point_ids, "close")
    before = {one.point.point_id: one.point for one in found}
    changed = await folding.fold(
        work.tx, before, dict.fromkeys(before, Closed(now, note))
    )

    def told(points: Sequence[Point]) -> Message:
        return facts.RectificationsClosed(
            item_id=str(points[0].item_id),
            opener_division=work.call.division,
            close_time=moments.stamp_of(now),
            note=note,
            points=wire.judged_to(points),
        )

    def noticed(points: Sequence[Point], source: UUID) -> list[Notice]:
        return telling.closed(points, now, source)

    for item, points in by_item(changed, found):
        await tell(work, item, points, told, noticed)
    return len(changed)


async def send_back(
    app: App,
    call: Call,
    point_ids: Sequence[UUID],
    reason: str,
    due: datetime | Term | None,
) -> pb.ReturnRectificationsResponse:
    """Return points; each begins a new round, with a new deadline if one is given.

    Raises:
        TierError: RECTIFICATION_UNKNOWN, ITEM_ENDED, RECTIFICATION_NOT_YOURS,
            RECTIFICATION_MOVE_NOT_ALLOWED, RECTIFICATION_DEADLINE_INVALID.
    """
    response = pb.ReturnRectificationsResponse()
    async with once(app, call, response) as work:
        if work is not None:
            until = await _until(work, due)
            response.returned_count = await _send_back(work, point_ids, reason, until)
    return response


async def _until(work: Work, due: datetime | Term | None) -> Due | None:
    """Return the new deadline, if there is one."""
    if due is None:
        return None
    now = work.app.now()
    until = rules.due(due, await calendar.current(work.tx), now)
    if not rules.is_deadline_valid(until.at, now):
        raise RectificationDeadlineInvalid(deadline=until.at.isoformat())
    return until


async def _send_back(
    work: Work, point_ids: Sequence[UUID], reason: str, until: Due | None
) -> int:
    now = work.app.now()
    found = await _judged(work, point_ids, "return")
    before = {one.point.point_id: one.point for one in found}
    at = until.at if until else None
    provisional = until is not None and until.provisional
    changes = {
        point_id: Returned(point.round + 1, reason, at, provisional)
        for point_id, point in before.items()
    }
    changed = await folding.fold(work.tx, before, changes)

    def told(points: Sequence[Point]) -> Message:
        return facts.RectificationsReturned(
            item_id=str(points[0].item_id),
            opener_division=work.call.division,
            return_time=moments.stamp_of(now),
            reason=reason,
            points=wire.judged_to(points),
            deadline_time=moments.stamp(at),
            deadline_provisional=provisional,
        )

    def noticed(points: Sequence[Point], source: UUID) -> list[Notice]:
        return telling.returned(points, now, source)

    for item, points in by_item(changed, found):
        await tell(work, item, points, told, noticed)
    return len(changed)


async def _judged(work: Work, point_ids: Sequence[UUID], move: str) -> list[Held]:
    """Return points that the acting division may judge: all, or a refusal."""
    found = await held(work, point_ids)
    for one in found:
        no = rules.may_judge(one.point, work.call.division)
        if no is not None:
            raise denied(no, one.point, move)
    return found
