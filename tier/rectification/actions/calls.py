"""What moves of points have in common: the points, their items, and who hears."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from google.protobuf.message import Message

from tier import assignment, inbox, routes
from tier.acting import Work
from tier.assignment import Item, Key
from tier.assignment.errors import ItemEnded
from tier.assignment.model import ItemState
from tier.inbox import Notice
from tier.jurisdiction import contains
from tier.rectification import store
from tier.rectification.errors import (
    RectificationMoveNotAllowed,
    RectificationNotYours,
    RectificationUnknown,
    RoundStale,
)
from tier.rectification.model import No, Point
from tier.runtime.errors import TierError

PART = 20
"""Points that one fact carries: with all their texts they fit into one message of the road."""

GONE = frozenset({ItemState.WITHDRAWN, ItemState.ARCHIVED})
"""Of a closed item, points that crossed its closing on the way are still settled."""


@dataclass(frozen=True, slots=True)
class Held:
    """A point, and its item."""

    point: Point
    item: Item


async def held(work: Work, point_ids: Iterable[UUID]) -> list[Held]:
    """Return points of items that are not gone, in the order of their ids.

    Raises:
        RectificationUnknown: one is not here, or none of the acting division's business.
        ItemEnded: an item was withdrawn or archived.
    """
    wanted = list(dict.fromkeys(point_ids))
    found = await store.load(work.tx, wanted)
    for point_id in wanted:
        point = found.get(point_id)
        if point is None or not contains(work.call.division, point.division):
            raise RectificationUnknown(rectification_id=point_id)
    keys = {Key(point.item_id, point.division) for point in found.values()}
    standing = await assignment.standing(work.tx, list(keys))
    items = {key.item_id: one.item for key, one in standing.items()}
    for item in items.values():
        if item.state in GONE:
            raise ItemEnded(item_id=item.item_id)
    return [Held(found[one], items[found[one].item_id]) for one in wanted]


def denied(no: No, point: Point, move: str) -> TierError:
    """Return the refusal of a move."""
    match no:
        case No.NOT_YOURS:
            rightful = point.division if move == "report" else point.opener
            return RectificationNotYours(
                rightful=rightful, move=move, division=point.division
            )
        case No.STALE_ROUND:
            return RoundStale(rectification_id=point.point_id, round=point.round)
        case No.STATE:
            return RectificationMoveNotAllowed(
                rectification_id=point.point_id, state=point.state.name, move=move
            )


def by_item(
    changed: Sequence[Point], of: Iterable[Held]
) -> Iterator[tuple[Item, list[Point]]]:
    """Group points by their items, few enough for one fact."""
    items = {one.item.item_id: one.item for one in of}
    for item_id, item in items.items():
        mine = [point for point in changed if point.item_id == item_id]
        for start in range(0, len(mine), PART):
            yield item, mine[start : start + PART]


async def tell(
    work: Work,
    item: Item,
    points: Sequence[Point],
    told: Callable[[Sequence[Point]], Message],
    noticed: Callable[[Sequence[Point], UUID], list[Notice]],
) -> None:
    """Record what a unit did to points: each branch hears of its own, above is told all."""
    divisions = list(dict.fromkeys(point.division for point in points))
    for onward, codes in routes.both_ways(work.app.node, divisions):
        part = [point for point in points if point.division in set(codes)]
        work.record(
            told(part),
            subject=item.item_id,
            onward=onward,
            traceparent=item.traceparent,
        )
        notices = noticed(part, work.entries[-1].fact_id)
        await inbox.deliver(work.app, work.tx, notices)
