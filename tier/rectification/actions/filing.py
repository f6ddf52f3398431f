"""Up: the executor reports what it did about points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ducha.rectification.v1 import rectification_facts_pb2 as facts
from ducha.rectification.v1 import rectification_pb2 as nouns
from ducha.rectification.v1 import rectification_service_pb2 as pb
from tier import inbox
from tier.acting import Call, Work, once
from tier.app import App
from tier.assignment import Item
from tier.rectification import folding, rules, telling
from tier.rectification.actions.calls import by_item, denied, held
from tier.rectification.errors import RectificationMoveNotAllowed
from tier.rectification.model import Point, Reported
from tier.runtime import moments

MOVE = "report"


@dataclass(frozen=True, slots=True)
class Filing:
    """What was done about a point, in a round; 0 for whatever stands."""

    point_id: UUID
    round: int
    report: nouns.RectificationReport


async def report(
    app: App, call: Call, filings: Sequence[Filing]
) -> pb.ReportRectificationsResponse:
    """Report points; each is judged for itself afterwards.

    Raises:
        TierError: RECTIFICATION_UNKNOWN, ITEM_ENDED, RECTIFICATION_NOT_YOURS,
            ROUND_STALE, RECTIFICATION_MOVE_NOT_ALLOWED.
    """
    response = pb.ReportRectificationsResponse()
    async with once(app, call, response) as work:
        if work is not None:
            changed = await _report(work, filings)
            response.reported_count = len(changed)
            response.late_count = sum(point.late for point in changed)
    return response


async def _report(work: Work, filings: Sequence[Filing]) -> list[Point]:
    """Take reports, each a change of its own point."""
    now = work.app.now()
    found = await held(work, [one.point_id for one in filings])
    before = {one.point.point_id: one.point for one in found}
    changes: dict[UUID, Reported] = {}
    for one in filings:
        point = before[one.point_id]
        no = rules.may_report(point, work.call.division, one.round)
        if no is not None:
            raise denied(no, point, MOVE)
        if one.point_id in changes:  # twice in one call: the second finds it reported
            raise RectificationMoveNotAllowed(
                rectification_id=one.point_id, state="REPORTED", move=MOVE
            )
        body = one.report.SerializeToString()
        changes[one.point_id] = Reported(point.round, now, body)
    changed = await folding.fold(work.tx, before, changes)
    for item, points in by_item(changed, found):
        await _tell(work, item, points, now)
    return changed


async def _tell(work: Work, item: Item, points: Sequence[Point], now: datetime) -> None:
    """Tell all above what was done about points of an item."""
    payload = facts.RectificationsReported(
        item_id=str(item.item_id),
        division=work.call.division,
        report_time=moments.stamp_of(now),
        points=[
            facts.ReportedPoint(
                rectification_id=str(point.point_id),
                round=point.reported_round,
                report=nouns.RectificationReport.FromString(point.report),
            )
            for point in points
        ],
    )
    work.record(
        payload,
        subject=item.item_id,
        onward=work.app.node.upward,
        traceparent=item.traceparent,
    )
    notices = telling.reported(points, now, work.entries[-1].fact_id)
    await inbox.deliver(work.app, work.tx, notices)
