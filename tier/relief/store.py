"""Every SQL statement of relief. The counts are written by triggers, in `schema/`."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from tier.jurisdiction import DIGITS
from tier.relief.model import Counts, Difference, Key, Query, Saving
from tier.runtime.db import Tx

# ':' is the character after '9': the range holds the code and all that begin with it.
ASKED = """
    SELECT left(division, $6) AS division,
           CASE WHEN $7 THEN '' ELSE requester_division END AS requester_division,
           CASE WHEN $8 THEN '' ELSE month END AS month,
           needed, served, joined, confirm, collect, confirmed, prefilled
      FROM relief_saving
     WHERE (division >= $1 AND division < $2)
       AND ($3 = '' OR requester_division = $3)
       AND (month >= $4 AND month <= $5)
"""

SUMS = """
    coalesce(sum(needed), 0)::bigint, coalesce(sum(served), 0)::bigint,
    coalesce(sum(joined), 0)::bigint, coalesce(sum(confirm), 0)::bigint,
    coalesce(sum(collect), 0)::bigint, coalesce(sum(confirmed), 0)::bigint,
    coalesce(sum(prefilled), 0)::bigint
"""

PAGE = f"""
    WITH asked AS ({ASKED})
    SELECT division, requester_division, month, {SUMS}
      FROM asked
     WHERE (division, requester_division, month) > ($9, $10, $11)
     GROUP BY division, requester_division, month
     ORDER BY division, requester_division, month
     LIMIT $12
"""  # noqa: S608 - constants

TOTAL = f"WITH asked AS ({ASKED}) SELECT {SUMS} FROM asked"  # noqa: S608 - constants

# The recomputation goes its own way: from the needs as they are, with no old state, so that
# a fault in the triggers is not repeated here.
AUDIT = """
    WITH computed AS (
        SELECT substr(division, 1, 9) AS division, requester_division,
               to_char(timezone('Asia/Shanghai', created_at), 'YYYY-MM') COLLATE "C" AS month,
               ARRAY[sum(served) + sum(joined) + sum(confirm) + sum(collect), sum(served),
                     sum(joined), sum(confirm), sum(collect), sum(confirmed),
                     sum(prefilled)]::bigint[] AS counts
          FROM registry_need
         GROUP BY 1, 2, 3
    ), kept AS (
        SELECT division, requester_division, month,
               ARRAY[needed, served, joined, confirm, collect, confirmed, prefilled] AS counts
          FROM relief_saving
    ), compared AS MATERIALIZED (
        SELECT division, requester_division, month, kept.counts AS kept,
               computed.counts AS computed
          FROM kept FULL JOIN computed USING (division, requester_division, month)
    )
    SELECT total.compared, differing.*
      FROM (SELECT count(*) AS compared FROM compared) AS total
           LEFT JOIN (
               SELECT * FROM compared WHERE kept IS DISTINCT FROM computed
                ORDER BY division, requester_division, month LIMIT $1
           ) AS differing ON true
"""

LAST_MONTH = "9999-99"


async def page(tx: Tx, query: Query, after: Key, limit: int) -> list[Saving]:
    """Return savings after a key, by division, requester and month."""
    rows = await tx.fetch(PAGE, *_arguments(query), *after, limit)
    return [
        Saving(Key(division, requester, month), Counts(*counts))
        for division, requester, month, *counts in rows
    ]


async def total(tx: Tx, query: Query) -> Counts:
    """Return all savings that are asked for, summed."""
    row = await tx.fetchrow(TOTAL, *_arguments(query))
    return Counts() if row is None else Counts(*row)


async def audit(tx: Tx, limit: int) -> tuple[int, list[Difference]]:
    """Return how many rows were compared with a recomputation, and those that differ."""
    rows = await tx.fetch(AUDIT, limit)
    differences = [
        Difference(_saving(row, row["kept"]), _saving(row, row["computed"]))
        for row in rows
        if row["division"] is not None
    ]
    return rows[0]["compared"], differences


def _arguments(query: Query) -> tuple[object, ...]:
    return (
        query.within,
        f"{query.within}:",
        query.requester,
        query.first_month,
        query.last_month or LAST_MONTH,
        DIGITS[query.level],
        query.sum_requesters,
        query.sum_months,
    )


def _saving(row: asyncpg.Record, counts: Sequence[int] | None) -> Saving | None:
    if counts is None:
        return None
    key = Key(row["division"], row["requester_division"], row["month"])
    return Saving(key, Counts(*counts))
