"""Rectification model <-> protobuf."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from ducha.rectification.v1 import rectification_facts_pb2 as facts
from ducha.rectification.v1 import rectification_pb2 as pb
from tier.jurisdiction import parse
from tier.rectification.model import Closed, Overdue, Point, Reported, Returned
from tier.runtime import moments


def point_to(point: Point, now: datetime) -> pb.Rectification:
    """Write a point as it stands now."""
    return pb.Rectification(
        rectification_id=str(point.point_id),
        item_id=str(point.item_id),
        division=point.division,
        opener_division=point.opener,
        problem=point.problem,
        requirement=point.requirement,
        deadline_time=moments.stamp_of(point.deadline),
        deadline_provisional=point.provisional,
        open_time=moments.stamp_of(point.opened_at),
        state=pb.RectificationState.ValueType(point.state),
        round=point.round,
        report_time=moments.stamp(point.reported_at),
        report=pb.RectificationReport.FromString(point.report),
        late=point.late,
        overdue=point.overdue(now),
        close_time=moments.stamp(point.closed_at),
        note=point.note,
        return_reason=point.return_reason,
    )


def opened_to(points: Sequence[Point]) -> facts.RectificationsOpened:
    """Write points of one item that one unit opened at one moment."""
    first = points[0]
    return facts.RectificationsOpened(
        item_id=str(first.item_id),
        opener_division=first.opener,
        open_time=moments.stamp_of(first.opened_at),
        points=[
            facts.OpenedPoint(
                rectification_id=str(point.point_id),
                division=point.division,
                problem=point.problem,
                requirement=point.requirement,
                deadline_time=moments.stamp_of(point.deadline),
                deadline_provisional=point.provisional,
            )
            for point in points
        ],
    )


def opened_from(payload: facts.RectificationsOpened) -> list[Point]:
    """Read points that were opened.

    Raises:
        ValueError: an id or a division is none.
    """
    item_id, opener = UUID(payload.item_id), parse(payload.opener_division)
    opened_at = moments.moment(payload.open_time)
    return [
        Point(
            UUID(one.rectification_id),
            item_id,
            parse(one.division),
            opener,
            one.problem,
            one.requirement,
            opened_at,
            moments.moment(one.deadline_time),
            one.deadline_provisional,
        )
        for one in payload.points
    ]


def reported_from(payload: facts.RectificationsReported) -> dict[UUID, Reported]:
    """Read what was done about points.

    Raises:
        ValueError: an id is none.
    """
    at = moments.moment(payload.report_time)
    return {
        UUID(one.rectification_id): Reported(
            one.round, at, one.report.SerializeToString()
        )
        for one in payload.points
    }


def closed_from(payload: facts.RectificationsClosed) -> dict[UUID, Closed]:
    """Read which points were closed.

    Raises:
        ValueError: an id is none.
    """
    change = Closed(moments.moment(payload.close_time), payload.note)
    return {UUID(one.rectification_id): change for one in payload.points}


def returned_from(payload: facts.RectificationsReturned) -> dict[UUID, Returned]:
    """Read which points were returned.

    Raises:
        ValueError: an id is none.
    """
    deadline = moments.optional_moment(
        payload.deadline_time, there=payload.HasField("deadline_time")
    )
    return {
        UUID(one.rectification_id): Returned(
            one.round, payload.reason, deadline, payload.deadline_provisional
        )
        for one in payload.points
    }


def judged_to(points: Iterable[Point]) -> list[facts.JudgedPoint]:
    """Name points, each with the round that it is in."""
    return [
        facts.JudgedPoint(
            rectification_id=str(point.point_id),
            division=point.division,
            round=point.round,
        )
        for point in points
    ]


def overdue_to(found: Sequence[Overdue], now: datetime) -> facts.RectificationsOverdue:
    """Write which points of one item passed their deadlines."""
    return facts.RectificationsOverdue(
        item_id=str(found[0].item_id),
        raise_time=moments.stamp_of(now),
        points=[
            facts.JudgedPoint(
                rectification_id=str(one.point_id),
                division=one.division,
                round=one.round,
            )
            for one in found
        ],
    )


def rounds_from(payload: facts.RectificationsOverdue) -> dict[UUID, int]:
    """Read which points passed their deadlines, each in its round.

    Raises:
        ValueError: an id is none.
    """
    return {UUID(one.rectification_id): one.round for one in payload.points}
