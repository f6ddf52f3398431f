"""How points change, whoever made the change: rows, and what they hold up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from tier import assignment
from tier.rectification import rules, store
from tier.rectification.model import Change, Point
from tier.runtime.db import Tx


async def keep(tx: Tx, points: Sequence[Point]) -> list[Point]:
    """Keep new points, which hold the closing of their items; return those that do now."""
    fresh = await store.add(tx, points)
    standing = [point for point in points if fresh.get(point.point_id)]
    await _hold(tx, Counter(point.item_id for point in standing))
    return standing


async def fold(
    tx: Tx, before: Mapping[UUID, Point], changes: Mapping[UUID, Change]
) -> list[Point]:
    """Fold changes into their points; return those that are not what they were."""
    changed = {}
    released: Counter[UUID] = Counter()
    for point_id, change in changes.items():
        point = rules.fold(before[point_id], change)
        if point is before[point_id]:
            continue
        changed[point_id] = point
        released[point.item_id] -= rules.released(before[point_id], point)
    await store.write(tx, changed)
    await _hold(tx, released)
    return list(changed.values())


async def _hold(tx: Tx, counts: Mapping[UUID, int]) -> None:
    for item_id, count in counts.items():
        if count:
            await assignment.hold(tx, item_id, rectifications=count)
