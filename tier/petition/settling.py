"""Petitions that nobody needs to decide any more: rules refuse them, soon after the fact.

A report, a return, a withdrawal may end what a petition is about while it waits. A node
looks at the petitions of an item after whatever it commits about the item; looking twice
decides once.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from tier import ledger
from tier.app import App
from tier.petition import store
from tier.petition.actions import taking

ABOUT = ("ducha.assignment.v1.",)


async def settle(app: App, moved: AbstractSet[str] | None = None) -> int:
    """Refuse pending petitions that are moot; return how many facts that made.

    Looks at the items in `moved`, or at all: most have no petition, and cost no
    transaction.
    """
    async with app.db.reading() as tx:
        waiting = await store.waiting(tx)
    items = {
        item_id
        for item_id, decider in waiting
        if app.node.acts_for(decider) and (moved is None or str(item_id) in moved)
    }
    if not items:
        return 0
    async with app.db.transaction() as tx:
        entries = await taking.settle(app, tx, await store.pending_of(tx, items))
        if entries:
            await ledger.append(tx, app.feed, entries, app.now())
    return len(entries)
