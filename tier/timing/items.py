"""What timers need of items, from the messages they were issued by."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from ducha.assignment.v1 import assignment_pb2
from tier import calendar
from tier.calendar import Terms
from tier.runtime.db import Tx
from tier.timing import rules, store
from tier.timing.model import Known

PLAINEST = (
    assignment_pb2.SOURCE_TYPE_PLAN_LINE,
    assignment_pb2.URGENCY_ROUTINE,
)


async def known(tx: Tx, item_ids: Iterable[UUID]) -> dict[UUID, Known]:
    """Return what timers need of items that are here.

    An item from before there were terms takes those that stand; so does one whose terms
    nobody could have published.
    """
    found = {}
    for item_id, body, traceparent in await store.items(tx, list(set(item_ids))):
        item = assignment_pb2.Item.FromString(body)
        terms = _carried(item)
        if terms is None or not rules.is_sound(terms):
            terms = await _standing(tx, item)
        found[item_id] = Known(item.title, terms, traceparent)
    return found


def _carried(item: assignment_pb2.Item) -> Terms | None:
    """Return the terms that an item carries; None where there are none, or none that hold."""
    try:
        return calendar.terms_from(item.terms) if item.HasField("terms") else None
    except ValueError:
        return None


async def _standing(tx: Tx, item: assignment_pb2.Item) -> Terms:
    """Return the terms that stand for an item's type; of the plainest for one of no type."""
    try:
        return await calendar.terms_of(tx, item.source_type, item.urgency)
    except KeyError:
        return await calendar.terms_of(tx, *PLAINEST)
