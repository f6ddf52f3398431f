"""What units are told about points: one notice for all points of one fact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import NAMESPACE_OID, UUID, uuid5

from tier.assignment import Light
from tier.inbox import Kind, Notice
from tier.jurisdiction import Code
from tier.rectification.model import Overdue, Point

SHOWN = 200
"""Characters of a text; who wants more lists the points."""

K = TypeVar("K")
T = TypeVar("T")


def opened(points: Sequence[Point], source: UUID) -> list[Notice]:
    """Tell executors what they must put right."""
    return [
        _notice(
            Kind.RECTIFICATION_OPENED,
            (code, some[0].item_id, some[0].opened_at, Light.YELLOW),
            source,
            {
                "count": str(len(some)),
                "by_division": some[0].opener,
                "due": min(one.deadline for one in some).isoformat(),
                "problem": some[0].problem[:SHOWN],
            },
        )
        for code, some in _by(points, lambda one: one.division)
    ]


def reported(points: Sequence[Point], at: datetime, source: UUID) -> list[Notice]:
    """Tell who opened points that they were reported."""
    return [
        _notice(
            Kind.RECTIFICATION_REPORTED,
            (code, some[0].item_id, at, _light(some)),
            source,
            {"count": str(len(some)), "by_division": some[0].division},
        )
        for code, some in _by(points, lambda one: one.opener)
    ]


def closed(points: Sequence[Point], at: datetime, source: UUID) -> list[Notice]:
    """Tell executors that points are settled."""
    return [
        _notice(
            Kind.RECTIFICATION_JUDGED,
            (code, some[0].item_id, at, Light.GREEN),
            source,
            {
                "outcome": "closed",
                "count": str(len(some)),
                "by_division": some[0].opener,
                "reason": some[0].note[:SHOWN],
            },
        )
        for code, some in _by(points, lambda one: one.division)
    ]


def returned(points: Sequence[Point], at: datetime, source: UUID) -> list[Notice]:
    """Tell executors that points come back, and until when."""
    return [
        _notice(
            Kind.RECTIFICATION_JUDGED,
            (code, some[0].item_id, at, Light.YELLOW),
            source,
            {
                "outcome": "returned",
                "count": str(len(some)),
                "by_division": some[0].opener,
                "reason": some[0].return_reason[:SHOWN],
                "due": min(one.deadline for one in some).isoformat(),
            },
        )
        for code, some in _by(points, lambda one: one.division)
    ]


def overdue(found: Sequence[Overdue], at: datetime) -> list[Notice]:
    """Tell executors, and who opened points, that these are overdue."""
    notices = []
    for who in (_executor, _opener):
        for (item_id, code, division), some in _by(found, who):
            names = sorted(f"{one.point_id}/{one.round}" for one in some)
            details = {
                "count": str(len(some)),
                "by_division": division,
                "due": min(one.deadline for one in some).isoformat(),
            }
            place = (code, item_id, at, Light.RED)
            source = uuid5(NAMESPACE_OID, " ".join(names))
            kind = Kind.RECTIFICATION_OVERDUE
            notices.append(_notice(kind, place, source, details))
    return notices


def _executor(one: Overdue) -> tuple[UUID, Code, Code]:
    return one.item_id, one.division, one.division


def _opener(one: Overdue) -> tuple[UUID, Code, Code]:
    return one.item_id, one.opener, one.division


def _light(points: Iterable[Point]) -> Light:
    return Light.YELLOW if any(point.late for point in points) else Light.GREEN


def _by(points: Sequence[T], key: Callable[[T], K]) -> Iterable[tuple[K, list[T]]]:
    grouped: dict[K, list[T]] = {}
    for point in points:
        grouped.setdefault(key(point), []).append(point)
    return grouped.items()


def _notice(
    kind: Kind,
    place: tuple[Code, UUID, datetime, int],
    source: UUID,
    details: Mapping[str, str],
) -> Notice:
    division, item_id, at, light = place
    return Notice(division, kind, item_id, at, light, source, details)
