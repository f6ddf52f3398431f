"""What an audit of statistics reads of the ledger; of no other table."""

from __future__ import annotations

from uuid import UUID

from tier.runtime.db import Tx

# One look at the whole ledger; an audit may.
ITEMS = """
    SELECT DISTINCT subject::uuid AS item_id
      FROM ledger_fact
     WHERE kind = 'ducha.assignment.v1.ItemIssued'
     ORDER BY 1
"""

FACTS = """
    SELECT position, body
      FROM ledger_fact
     WHERE subject = $1 AND position > $2
     ORDER BY position
     LIMIT $3
"""


async def items(tx: Tx) -> list[UUID]:
    """Return every item that the ledger tells of."""
    return [row["item_id"] for row in await tx.fetch(ITEMS)]


async def facts(
    tx: Tx, item_id: UUID, after: int, limit: int
) -> list[tuple[int, bytes]]:
    """Return (position, fact) of what the ledger tells of an item, in order."""
    rows = await tx.fetch(FACTS, str(item_id), after, limit)
    return [(row["position"], row["body"]) for row in rows]
