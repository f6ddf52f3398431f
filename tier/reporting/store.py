"""Every SQL statement of reporting. The roll-ups are written by triggers, in `schema/`."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from tier.jurisdiction import DIGITS, Code, Level
from tier.reporting.model import Difference, Page, Progress, Scan
from tier.runtime.db import Tx

COLUMNS = """
    item_id, division, level, expected, received, reported, verified, returned, closed,
    withdrawn, on_time, late, problems, deadline_at, updated_at
"""

# ':' is the character after '9': the range holds the code and all that begin with it.
LISTED = f"""
    SELECT {COLUMNS}
      FROM reporting_progress
     WHERE item_id = $1
       AND division >= $2 AND division < $2 || ':'
       AND ($3 = 0 OR length(division) = $3)
       AND (division, level) > ($4, $5)
     ORDER BY division, level
     LIMIT $6
"""

# Exact whatever the order of commits: a row counts as changed if the transaction that
# wrote it last was not to be seen in the snapshot of the watcher's last look.
CHANGED = f"""
    SELECT {COLUMNS}
      FROM reporting_progress
     WHERE item_id = $1
       AND division >= $2 AND division < $2 || ':'
       AND length(division) = $3
       AND (division, level) > ($4, $5)
       AND ($6 = '' OR NOT pg_visible_in_snapshot(
                changed_in, (SELECT nullif($6, '')::pg_snapshot)))
     ORDER BY division, level
     LIMIT $7
"""

SNAPSHOT = "SELECT pg_current_snapshot()::text"
LEDGER_ID = "SELECT ledger_id FROM reporting_ledger"
IS_KNOWN = "SELECT EXISTS (SELECT FROM reporting_progress WHERE item_id = $1)"

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
         WHERE digits <= length(a.division) AND ($1::uuid IS NULL OR item_id = $1)
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
    tx: Tx, item_id: UUID, within: str, level: Level | None, page: Page
) -> list[Progress]:
    """Return one page of an item's counts, by division and level."""
    digits = 0 if level is None else DIGITS[level]
    rows = await tx.fetch(
        LISTED, item_id, within, digits, page.division, page.level, page.limit
    )
    return [_progress(row) for row in rows]


async def changed(
    tx: Tx, item_id: UUID, scope: tuple[str, Level], seen: str, page: Page
) -> list[Progress]:
    """Return counts of one level, within a code, that a snapshot has not `seen`."""
    within, level = scope
    rows = await tx.fetch(
        CHANGED, item_id, within, DIGITS[level], page.division, page.level, seen, page.limit
    )
    return [_progress(row) for row in rows]
