"""Every SQL statement of the link."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from tier.link.model import Mark, Quarantined, Tip
from tier.runtime.db import Tx

# Move the mark if it is where it is thought to be, and say which facts are held already:
# one round trip. The row stays locked, which orders receivers.
ADVANCE = """
    UPDATE link_inbound SET epoch = $4, seq = $5, fact_id = $7
     WHERE neighbour = $1 AND (epoch, seq) = ($2, $3)
    RETURNING ARRAY(SELECT fact_id FROM ledger_fact WHERE fact_id = ANY($6::uuid[])) AS known
"""

TIP = "SELECT epoch, seq, fact_id FROM link_inbound WHERE neighbour = $1"
LOCKED_MARK = "SELECT epoch, seq FROM link_inbound WHERE neighbour = $1 FOR UPDATE"

OPEN = """
    WITH inbound AS (
        INSERT INTO link_inbound (neighbour) VALUES ($1) ON CONFLICT DO NOTHING
    )
    INSERT INTO link_receipt (neighbour) VALUES ($1) ON CONFLICT DO NOTHING
"""

RECEIPT = """
    UPDATE link_receipt SET epoch = $2, seq = $3
     WHERE neighbour = $1 AND (epoch, seq) < ($2, $3)
"""

MARKS = """
    SELECT i.neighbour, i.epoch, i.seq, r.epoch AS receipt_epoch, r.seq AS receipt_seq
      FROM link_inbound i JOIN link_receipt r USING (neighbour)
     ORDER BY i.neighbour
"""

SET_ASIDE = """
    INSERT INTO link_quarantine (neighbour, epoch, seq, fact_id, kind, reason, detail, body,
                                 downward, quarantined_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (neighbour, epoch, seq) DO NOTHING
"""

OPEN_ENTRIES = """
    SELECT *
      FROM link_quarantine
     WHERE settled_at IS NULL AND quarantine_id > $1
     ORDER BY quarantine_id
     LIMIT $2
"""

# Reasons that what comes later may remove: UNKNOWN_ITEM, UNKNOWN_ASSIGNMENT, and after
# an upgrade UNKNOWN_KIND.
EARLY = """
    SELECT quarantine_id
      FROM link_quarantine
     WHERE settled_at IS NULL AND starts_with(reason, 'UNKNOWN_')
     ORDER BY quarantine_id
     LIMIT $1
"""

ENTRY = """
    SELECT *
      FROM link_quarantine
     WHERE quarantine_id = $1 AND settled_at IS NULL
       FOR UPDATE
"""

SETTLE = """
    UPDATE link_quarantine SET settled_at = $2, settled_by = $3, settled_how = $4
     WHERE quarantine_id = $1
"""

COUNTS = """
    SELECT neighbour, count(*) AS n
      FROM link_quarantine
     WHERE settled_at IS NULL
     GROUP BY neighbour
"""


async def advance(
    tx: Tx, neighbour: str, before: Mark, after: Tip, fact_ids: Sequence[UUID]
) -> set[UUID] | None:
    """Move the mark from `before` to `after`; return which facts are held already.

    None, and nothing is moved, if the mark is elsewhere.
    """
    row = await tx.fetchrow(
        ADVANCE,
        neighbour,
        before.epoch,
        before.seq,
        after.mark.epoch,
        after.mark.seq,
        fact_ids,
        after.fact_id,
    )
    return None if row is None else set(row["known"])


async def locked_mark(tx: Tx, neighbour: str) -> Mark:
    """Return how far this node has applied, locked."""
    row = await tx.fetchrow(LOCKED_MARK, neighbour)
    if row is None:
        raise LookupError(neighbour)
    return Mark(row["epoch"], row["seq"])


async def open_link(tx: Tx, neighbour: str) -> None:
    """Make room for a neighbour's marks."""
    await tx.execute(OPEN, neighbour)


async def tip(tx: Tx, neighbour: str) -> Tip:
    """Return how far this node has applied, and the fact there."""
    row = await tx.fetchrow(TIP, neighbour)
    if row is None:
        raise LookupError(neighbour)
    return Tip(Mark(row["epoch"], row["seq"]), row["fact_id"])


async def receipt(tx: Tx, neighbour: str, mark: Mark) -> None:
    """Keep a neighbour's receipt; an older one changes nothing."""
    await tx.execute(RECEIPT, neighbour, mark.epoch, mark.seq)


async def marks(tx: Tx) -> dict[str, tuple[Mark, Mark]]:
    """Return (applied, receipt) of every neighbour."""
    return {
        row["neighbour"]: (
            Mark(row["epoch"], row["seq"]),
            Mark(row["receipt_epoch"], row["receipt_seq"]),
        )
        for row in await tx.fetch(MARKS)
    }


async def set_aside(tx: Tx, fact: Quarantined) -> None:
    """Put a fact into quarantine, once."""
    await tx.execute(
        SET_ASIDE,
        fact.neighbour,
        fact.mark.epoch,
        fact.mark.seq,
        fact.fact_id,
        fact.kind,
        fact.reason,
        fact.detail,
        fact.body,
        fact.downward,
        fact.quarantined_at,
    )


async def quarantine(tx: Tx, after: int, limit: int) -> list[Quarantined]:
    """Return open entries after an id, oldest first."""
    return [_entry(row) for row in await tx.fetch(OPEN_ENTRIES, after, limit)]


async def early(tx: Tx, limit: int) -> list[int]:
    """Return open entries that came before what they speak of, oldest first."""
    return [row["quarantine_id"] for row in await tx.fetch(EARLY, limit)]


async def entry(tx: Tx, quarantine_id: int) -> Quarantined | None:
    """Return an open entry, locked."""
    row = await tx.fetchrow(ENTRY, quarantine_id)
    return None if row is None else _entry(row)


async def settle(
    tx: Tx, quarantine_id: int, now: datetime, actor: str, how: str
) -> None:
    """Close an entry; it stays on record."""
    await tx.execute(SETTLE, quarantine_id, now, actor, how)


async def quarantine_counts(tx: Tx) -> dict[str, int]:
    """Return how many entries are open, by neighbour."""
    return {row["neighbour"]: row["n"] for row in await tx.fetch(COUNTS)}


def _entry(row: asyncpg.Record) -> Quarantined:
    return Quarantined(
        row["quarantine_id"],
        row["neighbour"],
        Mark(row["epoch"], row["seq"]),
        row["fact_id"],
        row["kind"],
        row["reason"],
        row["detail"],
        row["body"],
        row["downward"],
        row["quarantined_at"],
    )
