"""Every SQL statement of the timeline: it reads the ledger, by subject."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from tier.runtime.db import Tx

IS_KNOWN = "SELECT EXISTS (SELECT FROM assignment_item WHERE item_id = $1)"

# Facts that speak of nobody but their division are most of all: reports. Those of
# divisions elsewhere are not even read.
FACTS = """
    SELECT position, recorded_at, body
      FROM ledger_fact
     WHERE subject = $1 AND position > $2
       AND ($3 = '' OR starts_with(division, $3) OR starts_with($3, division)
            OR kind <> ALL($4::text[]))
     ORDER BY position
     LIMIT $5
"""

OF_KINDS = """
    SELECT position, recorded_at, body
      FROM ledger_fact
     WHERE subject = $1 AND kind = ANY($2::text[])
     ORDER BY position
"""


async def is_known(tx: Tx, item_id: UUID) -> bool:
    """Whether this node holds the item, and the caller may see it."""
    known: bool = await tx.fetchval(IS_KNOWN, item_id)
    return known


async def facts(
    tx: Tx, item_id: UUID, after: int, *, within: str, single: Sequence[str], limit: int
) -> list[asyncpg.Record]:
    """Return facts about an item after a position, in order.

    With `within`, without those of kinds in `single` whose division lies elsewhere.
    """
    return await tx.fetch(FACTS, str(item_id), after, within, single, limit)


async def of_kinds(tx: Tx, item_id: UUID, kinds: Sequence[str]) -> list[asyncpg.Record]:
    """Return all facts of these kinds about an item, in order."""
    return await tx.fetch(OF_KINDS, str(item_id), kinds)
