"""Points that pass their deadlines are told once in each round, where their units act."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tier import inbox, ledger
from tier.app import App
from tier.jurisdiction import Code
from tier.ledger import Author, Entry
from tier.rectification import store, telling, wire
from tier.rectification.model import Overdue
from tier.runtime.db import Tx


async def remind(app: App, tx: Tx, now: datetime, limit: int) -> list[Entry]:
    """Tell of at most `limit` points that are overdue; return the facts to append.

    The executor's node tells those above, who may have noticed by themselves: whoever was
    told of a round is not told again, so calling it often is harmless.
    """
    found = await store.remind(tx, now, limit)
    if not found:
        return []
    await inbox.deliver(app, tx, telling.overdue(found, now))
    mine: dict[tuple[UUID, Code], list[Overdue]] = {}
    for one in found:
        if app.node.acts_for(one.division):
            mine.setdefault((one.item_id, one.division), []).append(one)
    node = app.node.name
    author = Author.at(now, node, node)
    return [
        ledger.record(
            author,
            wire.overdue_to(some, now),
            division=division,
            subject=str(item_id),
            onward=app.node.upward,
        )
        for (item_id, division), some in mine.items()
    ]
