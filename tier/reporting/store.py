"""Every SQL statement of reporting. The roll-ups are written by triggers, in `schema/`."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from tier.jurisdiction import DIGITS, Code, Level
from tier.reporting.model import Difference, Key, Progress
from tier.runtime.db import Tx

# Divisions above executors have rows of counts, executors themselves a view; together
# they are every division. ':' is the character after '9': the range holds the code and
# all that begin with it.
LISTED = """
    SELECT item_id, division, level, expected, received, reported, verified, returned,
           closed, withdrawn, on_time, late, problems, deadline_at, updated_at
      FROM reporting_progress
     WHERE item_id = $1
       AND division >= $2 AND division < $2 || ':'
       AND ($3 = 0 OR length(division) = $3)
       AND (division, level) > ($4, $5)
    UNION ALL
    SELECT item_id, division, level, expected, received, reported, verified, returned,
           closed, withdrawn, on_time, late, problems, deadline_at, updated_at
      FROM reporting_executor
     WHERE item_id = $1
       AND division >= $2 AND division < $2 || ':'
       AND ($3 = 0 OR length(division) = $3)
       AND (division, level) > ($4, $5)
     ORDER BY division, level
     LIMIT $6
"""

# Nothing is missed, whatever the order of commits: a row of counts has changed if the
# transaction that wrote it last was not to be seen in the snapshot of the watcher's last
# look; an executor's, if that transaction began after the oldest which was then open.
# The province executes nothing, so its watchers do not search the executors.
CHANGED = """
    SELECT item_id, division, level, expected, received, reported, verified, returned,
           closed, withdrawn, on_time, late, problems, deadline_at, updated_at
      FROM reporting_progress
     WHERE item_id = $1
       AND division >= $2 AND division < $2 || ':'
       AND length(division) = $3
       AND (division, level) > ($4, $5)
       AND ($6 = '' OR NOT pg_visible_in_snapshot(
                changed_in, (SELECT nullif($6, '')::pg_snapshot)))
    UNION ALL
    SELECT item_id, division, level, expected, received, reported, verified, returned,
           closed, withdrawn, on_time, late, problems, deadline_at, updated_at
      FROM reporting_executor
     WHERE item_id = $1
       AND $3 > 2
       AND division >= $2 AND division < $2 || ':'
       AND length(division) = $3
       AND (division, level) > ($4, $5)
       AND ($6 = '' OR age(changed_in) <= (
                SELECT age(pg_snapshot_xmin(nullif($6, '')::pg_snapshot)::xid)))
     ORDER BY division, level
     LIMIT $7
"""

SNAPSHOT = "SELECT pg_current_snapshot()::text"
LEDGER_ID = "SELECT ledger_id FROM reporting_ledger"
# Of an area that executes itself the counts lie in the view alone.
IS_KNOWN = """
    SELECT EXISTS (SELECT FROM reporting_progress WHERE item_id = $1)
        OR EXISTS (SELECT FROM reporting_executor WHERE item_id = $1)
"""

# The recomputation goes its own way: from the assignments as they are, with no old
# state, so that a fault in the triggers is not repeated here.
AUDIT = """
    WITH recomputed AS (
        SELECT item_id, left(a.division, digits) COLLATE "C" AS division,
               CASE length(a.division) WHEN 2 THEN 1 WHEN 4 THEN 2 WHEN 6 THEN 3
                                       WHEN 9 THEN 4 WHEN 12 THEN 5 WHEN 15 THEN 6 END
                   AS level,
               ARRAY[count(*) FILTER (WHERE NOT withdrawn),
                     count(received_at) FILTER (WHERE NOT withdrawn),
                     count(reported_at) FILTER (WHERE NOT withdrawn),
                     count(verified_at) FILTER (WHERE NOT withdrawn),
                     count(*) FILTER (WHERE NOT withdrawn AND returned
                                        AND reported_at IS NULL),
                     count(*) FILTER (WHERE NOT withdrawn AND closed),
                     count(*) FILTER (WHERE withdrawn),
                     count(*) FILTER (WHERE NOT withdrawn AND reported_at <= a.deadline_at),
                     count(*) FILTER (WHERE NOT withdrawn AND reported_at > a.deadline_at),
                     coalesce(sum(problem_count) FILTER (WHERE NOT withdrawn
                                        AND reported_at IS NOT NULL), 0)] AS counts
          FROM assignment a, unnest('{2,4,6,9,12,15}'::integer[]) AS digits
         WHERE digits < length(a.division) AND ($1::uuid IS NULL OR item_id = $1)
         GROUP BY 1, 2, 3
    ), held AS (
        SELECT item_id, division, level,
               ARRAY[expected, received, reported, verified, returned, closed, withdrawn,
                     on_time, late, problems]::bigint[] AS counts
          FROM reporting_progress
         WHERE $1::uuid IS NULL OR item_id = $1
    ), compared AS MATERIALIZED (
        SELECT item_id, division, level, held.counts AS held,
               recomputed.counts AS recomputed
          FROM held FULL JOIN recomputed USING (item_id, division, level)
    )
    SELECT total.compared, differing.*
      FROM (SELECT count(*) AS compared FROM compared) AS total
           LEFT JOIN (
               SELECT * FROM compared WHERE held IS DISTINCT FROM recomputed
                ORDER BY item_id, division, level LIMIT $2
           ) AS differing ON true
"""


async def listed(
    tx: Tx,
    item_id: UUID,
    *,
    within: str,
    level: Level | None,
    after: Key,
    limit: int,
) -> list[Progress]:
    """Return counts of an item after a row, by division and level."""
    digits = 0 if level is None else DIGITS[level]
    rows = await tx.fetch(
        LISTED, item_id, within, digits, after.division, after.level, limit
    )
    return [_progress(row) for row in rows]


async def changed(
    tx: Tx,
    item_id: UUID,
    *,
    within: str,
    level: Level,
    seen: str,
    after: Key,
    limit: int,
) -> list[Progress]:
    """Return those counts of divisions of `level` that the snapshot `seen` has not.

    With no snapshot: all of them.
    """
    digits = DIGITS[level]
    rows = await tx.fetch(
        CHANGED, item_id, within, digits, after.division, after.level, seen, limit
    )
    return [_progress(row) for row in rows]


async def snapshot(tx: Tx) -> str:
    """Return what this transaction sees, to be compared with later."""
    text: str = await tx.fetchval(SNAPSHOT)
    return text


async def ledger_id(tx: Tx) -> UUID:
    """Return whose ledger this is; a database made anew has another."""
    ledger: UUID = await tx.fetchval(LEDGER_ID)
    return UUID(ledger.hex)


async def is_known(tx: Tx, item_id: UUID) -> bool:
    """Whether an assignment of the item was ever counted here."""
    known: bool = await tx.fetchval(IS_KNOWN, item_id)
    return known


async def audit(
    tx: Tx, item_id: UUID | None, limit: int
) -> tuple[int, list[Difference]]:
    """Return how many rows were compared with a recomputation, and those that differ."""
    rows = await tx.fetch(AUDIT, item_id, limit)
    differences = [_difference(row) for row in rows if row["item_id"] is not None]
    return rows[0]["compared"], differences


def _progress(row: asyncpg.Record) -> Progress:
    return Progress(
        item_id=row["item_id"],
        division=Code(row["division"]),
        level=Level(row["level"]),
        expected=row["expected"],
        received=row["received"],
        reported=row["reported"],
        verified=row["verified"],
        returned=row["returned"],
        closed=row["closed"],
        withdrawn=row["withdrawn"],
        on_time=row["on_time"],
        late=row["late"],
        problems=row["problems"],
        deadline_at=row["deadline_at"],
        updated_at=row["updated_at"],
    )


def _difference(row: asyncpg.Record) -> Difference:
    return Difference(
        item_id=row["item_id"],
        division=row["division"],
        level=row["level"],
        held=_counts(row["held"]),
        recomputed=_counts(row["recomputed"]),
    )


def _counts(array: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if array is None else tuple(array)
