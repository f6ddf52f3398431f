"""What timers need of items, from the messages they were issued by."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from ducha.assignment.v1 import assignment_pb2
from tier import calendar
from tier.runtime.db import Tx
from tier.timing import store
from tier.timing.model import Known


async def known(tx: Tx, item_ids: Iterable[UUID]) -> dict[UUID, Known]:
    """Return what timers need of items that are here.

    An item from before there were terms takes those that stand.
    """
    found = {}
    for item_id, body, traceparent in await store.items(tx, list(set(item_ids))):
        item = assignment_pb2.Item.FromString(body)
        terms = (
            calendar.terms_from(item.terms)
            if item.HasField("terms")
            else await calendar.terms_of(tx, item.source_type, item.urgency)
        )
        found[item_id] = Known(item.title, terms, traceparent)
    return found
