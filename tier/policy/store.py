"""Every SQL statement about decisions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import asyncpg

from tier.policy.model import Decided, Kept, Query
from tier.runtime.db import Tx

ADD = """
    INSERT INTO access_decision
           (decided_at, principal, proof, division, roles, rpc, concerned_division,
            relation, is_allowed, reason, count)
    SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[],
                         $6::text[], $7::text[], $8::text[], $9::boolean[], $10::text[],
                         $11::bigint[])
"""

PAGE = """
    SELECT decision_id, decided_at, principal, proof, division, roles, rpc,
           concerned_division, relation, is_allowed, reason, count
      FROM access_decision
     WHERE decision_id < $1
       AND ($2 = '' OR principal = $2)
       AND ($3 = '' OR rpc = $3)
       AND ($4 = '' OR (concerned_division >= $4 AND concerned_division < $4 || ':'))
       AND ($5::boolean IS NULL OR is_allowed = $5)
       AND ($6::timestamptz IS NULL OR decided_at >= $6)
       AND ($7::timestamptz IS NULL OR decided_at < $7)
     ORDER BY decision_id DESC
     LIMIT $8
"""

PRUNE = "DELETE FROM access_decision WHERE decided_at < $1"


async def add(tx: Tx, counts: Mapping[Decided, int]) -> None:
    """Write decisions with their counts."""
    columns = list(zip(*counts, strict=True))
    seconds = [datetime.fromtimestamp(second, UTC) for second in columns[0]]
    await tx.execute(ADD, seconds, *map(list, columns[1:]), list(counts.values()))


async def page(tx: Tx, query: Query, before: int, limit: int) -> list[Kept]:
    """Return decisions, newest first, before a number."""
    rows = await tx.fetch(
        PAGE,
        before,
        query.principal,
        query.rpc,
        query.within,
        query.is_allowed,
        query.begin,
        query.end,
        limit,
    )
    return [_kept(row) for row in rows]


async def prune(tx: Tx, before: datetime) -> None:
    """Forget decisions made before a moment."""
    await tx.execute(PRUNE, before)


def _kept(row: asyncpg.Record) -> Kept:
    decision_id, decided_at, *rest, count = row
    return Kept(decision_id, Decided(int(decided_at.timestamp()), *rest), count)
