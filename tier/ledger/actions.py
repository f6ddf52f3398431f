"""What the ledger does: append in the caller's transaction, and tell after the commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tier.ledger import store
from tier.ledger.feed import Feed
from tier.ledger.model import Entry
from tier.runtime.db import Tx


async def append(tx: Tx, feed: Feed, entries: Sequence[Entry], now: datetime) -> None:
    """Record `entries` with the rows they speak of, or not at all.

    Call it last in a transaction: from here to the commit other writers wait.
    """
    if not entries:
        return
    committed = await store.append(tx, entries, now)
    tx.on_commit(lambda: feed.publish(committed))
