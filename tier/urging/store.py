"""Every SQL statement about urges and digests."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg

from tier.jurisdiction import Code
from tier.runtime.db import Tx
from tier.urging.model import Line, Place, Query, Urge, Urged

COLUMNS = "urge_id, item_id, by_division, actor, message, urged_at, by_rule, division"

# An urge that is here stays as it is: told twice, it is one.
ADD = """
    INSERT INTO urging_urge
           (urge_id, item_id, by_division, actor, message, urged_at, by_rule, division)
    SELECT $1, $2, $3, $4, $5, $6, $7, division
      FROM unnest($8::text[]) AS division
    ON CONFLICT (urge_id, division) DO NOTHING
    RETURNING division
"""

# Whoever has no digest for the day yet gets one, and is alerted.
BEGIN_DIGESTS = """
    INSERT INTO urging_digest (division, day, alerted_at)
    SELECT division, $2, $3
      FROM unnest($1::text[]) AS division
    ON CONFLICT (division, day) DO NOTHING
    RETURNING division
"""

# States in which a report is waited for; those of rules.WAITING.
WAITING = """
    SELECT division
      FROM assignment
     WHERE item_id = $1 AND assigner_division = $2 AND state IN (1, 2, 4)
     ORDER BY division
"""

# Of those named, whose report is waited for, and who was not urged by rule since a day. LATERAL
# with OFFSET, and a subquery with LIMIT, look every row up by its key: joined plainly, the second
# once walked all urges of the item for each.
DUE_BY_RULE = """
    SELECT a.division
      FROM unnest($3::text[]) AS named (division)
     CROSS JOIN LATERAL (
           SELECT division, assigner_division, state FROM assignment
            WHERE (item_id, division) = ($1, named.division) OFFSET 0) a
     WHERE a.assigner_division = $2 AND a.state IN (1, 2, 4)
       AND (SELECT urge_id FROM urging_urge
             WHERE item_id = $1 AND division = named.division AND urged_on >= $4 AND by_rule
             LIMIT 1) IS NULL
     ORDER BY a.division
"""

COUNTS = """
    SELECT division, count(*)::int AS urges
      FROM urging_urge
     WHERE division = ANY($1) AND urged_on = $2
     GROUP BY division
"""

URGES = f"""
    SELECT {COLUMNS}
      FROM urging_urge
     WHERE ($1::uuid IS NULL OR item_id = $1)
       AND ($2 = '' OR (division >= $2 AND division < $2 || ':'))
       AND (urge_id < $3 OR (urge_id = $3 AND division > $4))
     ORDER BY urge_id DESC, division
     LIMIT $5
"""  # noqa: S608 - constants

LINES = """
    SELECT division, urged_on, item_id, count(*)::int AS urges,
           (count(*) FILTER (WHERE by_rule))::int AS by_rule,
           array_agg(DISTINCT by_division ORDER BY by_division) AS urgers,
           max(urged_at) AS last_at,
           (array_agg(message ORDER BY urged_at DESC, urge_id DESC))[1] AS message
      FROM urging_urge
     WHERE ($1 = '' OR (division >= $1 AND division < $1 || ':'))
       AND urged_on BETWEEN $2 AND $3
       AND (urged_on < $4 OR (urged_on = $4 AND (division, item_id) > ($5, $6)))
     GROUP BY urged_on, division, item_id
     ORDER BY urged_on DESC, division, item_id
     LIMIT $7
"""


async def add(tx: Tx, urge: Urge, divisions: Sequence[Code]) -> list[Code]:
    """Keep an urge of these executors; return those that it is new for."""
    rows = await tx.fetch(
        ADD,
        urge.urge_id,
        urge.item_id,
        urge.by,
        urge.actor,
        urge.message,
        urge.at,
        urge.by_rule,
        divisions,
    )
    return [row["division"] for row in rows]


async def begin_digests(
    tx: Tx, divisions: Sequence[Code], day: date, now: datetime
) -> set[Code]:
    """Begin the digests of a day; return whose had not begun."""
    rows = await tx.fetch(BEGIN_DIGESTS, divisions, day, now)
    return {row["division"] for row in rows}


async def counts(tx: Tx, divisions: Sequence[Code], day: date) -> dict[Code, int]:
    """Return how often each of the executors was urged on a day."""
    rows = await tx.fetch(COUNTS, divisions, day)
    return {row["division"]: row["urges"] for row in rows}


async def waiting(tx: Tx, item_id: UUID, assigner: Code) -> list[Code]:
    """Return whose reports `assigner` waits for."""
    return [row["division"] for row in await tx.fetch(WAITING, item_id, assigner)]


async def due_by_rule(
    tx: Tx, item_id: UUID, assigner: Code, named: Collection[Code], since: date
) -> list[Code]:
    """Return for whom of those named `assigner` waits, not urged by rule since a day."""
    rows = await tx.fetch(DUE_BY_RULE, item_id, assigner, list(named), since)
    return [row["division"] for row in rows]


async def urges(
    tx: Tx, item_id: UUID | None, within: str, before: tuple[UUID, str], limit: int
) -> list[Urged]:
    """Return urges after a place in the list, newest first."""
    rows = await tx.fetch(URGES, item_id, within, *before, limit)
    return [_urged(row) for row in rows]


async def lines(tx: Tx, query: Query, after: Place, limit: int) -> list[Line]:
    """Return lines of digests after a place in the list, newest day first."""
    rows = await tx.fetch(LINES, query.within, query.first, query.last, *after, limit)
    return [_line(row) for row in rows]


def _urged(row: asyncpg.Record) -> Urged:
    *act, division = row
    return Urged(Urge(*act), division)


def _line(row: asyncpg.Record) -> Line:
    division, day, item_id, count, by_rule, urgers, last_at, message = row
    return Line(division, day, item_id, count, by_rule, tuple(urgers), last_at, message)
