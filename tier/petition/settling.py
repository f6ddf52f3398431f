"""Petitions that nobody needs to decide any more: rules refuse them, soon after the fact.

A report, a return, a withdrawal may end what a petition is about while it waits. A node
looks at the petitions of an item after whatever it commits about the item; looking twice
decides once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Set as AbstractSet

import structlog

from tier import ledger
from tier.app import App
from tier.ledger import Committed
from tier.petition import store
from tier.petition.actions import taking
from tier.runtime.errors import TierError

LOG = structlog.get_logger(__name__)

ABOUT = "ducha.assignment.v1."
ALL_AT_ONCE = 10_000
"""Items remembered at most; beyond that, all that have a petition are looked at."""

REST_SECONDS = 0.25
"""Between two looks: in a rush every commit may end something."""

RETRY_SECONDS = 5.0


class Settling:
    """Watches what is committed about items, and settles petitions about them."""

    def __init__(self, app: App) -> None:
        """Hear of every commit of `app`."""
        self._app = app
        self._moved: set[str] = set()
        self._all = True  # what moved while the node was down
        self._due = asyncio.Event()
        self._due.set()
        app.feed.listen(self._hear)

    def _hear(self, committed: Committed) -> None:
        moved = {
            entry.subject for entry in committed.entries if entry.kind.startswith(ABOUT)
        }
        if moved:
            self._moved |= moved
            self._all = self._all or len(self._moved) > ALL_AT_ONCE
            self._due.set()

    async def run(self) -> None:
        """Look whenever something moved, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            moved, everything = self._moved, self._all
            self._moved, self._all = set(), False
            try:
                await settle(self._app, None if everything else moved)
            except TierError as trouble:
                LOG.warning("settling petitions failed", reason=trouble.reason)
                self._all = True
                self._due.set()
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(REST_SECONDS)


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
