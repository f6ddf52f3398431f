"""What neighbours are owed, what they confirmed, and whether it is still the same life.

A neighbour names the place it has applied, and the fact it found there. If this node
never wrote so far, or wrote another fact there, its database was restored or made anew:
a new epoch begins, and everything is owed again. Facts that the neighbour holds already
have no second effect (I2), those it lacks it gets (I1).
"""

from __future__ import annotations

import sys

from tier import ledger
from tier.app import App
from tier.link import rules, store
from tier.link.model import Mark, Run, Tip
from tier.runtime import failpoints


async def confirm(app: App, neighbour: str, theirs: Tip) -> Mark:
    """Keep a neighbour's receipt and return the head of what it is owed."""
    async with app.db.reading() as tx:
        lane = await ledger.store.lane(tx, neighbour)
        written = await ledger.store.fact_at(tx, neighbour, theirs.mark.seq)
        _, receipt = (await store.marks(tx))[neighbour]
    if lane is None:
        raise LookupError(neighbour)
    head = Mark(lane.epoch, lane.before)
    if rules.is_another_life(theirs, head, str(written or "")):
        epoch = rules.next_epoch(theirs.mark, head, int(app.now().timestamp()))
        async with app.db.transaction() as tx:
            await ledger.store.new_epoch(tx, neighbour, epoch)
        return Mark(epoch, head.seq)
    if theirs.mark > receipt:
        async with app.db.transaction() as tx:
            await store.receipt(tx, neighbour, theirs.mark)
        failpoints.reach("link.confirmed")
    return head


async def head(app: App, neighbour: str) -> Mark:
    """Return the last place of what a neighbour is owed."""
    async with app.db.reading() as tx:
        lane = await ledger.store.lane(tx, neighbour)
    if lane is None:
        raise LookupError(neighbour)
    return Mark(lane.epoch, lane.before)


async def owed(
    app: App, neighbour: str, after: int, limit: int, most_bytes: int = sys.maxsize
) -> Run | None:
    """Return the next run that a neighbour is owed, from the ledger itself.

    At most `limit` facts of `most_bytes` together, and always one: a run that fits no
    message would stop the link for good.
    """
    async with app.db.reading() as tx:
        lane = await ledger.store.lane(tx, neighbour)
        rows = await ledger.store.outgoing(tx, neighbour, after, limit)
    if lane is None or not rows:
        return None
    bodies = rules.first_of([body for _, body in rows], most_bytes)
    return Run(lane.epoch, rows[0][0], tuple(bodies))


async def applied(app: App, neighbour: str) -> Tip:
    """Return how far facts of a neighbour are applied here, and the fact there."""
    async with app.db.reading() as tx:
        return await store.tip(tx, neighbour)
