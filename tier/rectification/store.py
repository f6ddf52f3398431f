"""Every SQL statement about points of rectification."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from tier.jurisdiction import Code
from tier.rectification.model import Overdue, Point, Query
from tier.runtime.db import Tx

COLUMNS = """
    rectification_id, item_id, division, opener_division, problem, requirement, opened_at,
    deadline_at, provisional, round, return_reason, reported_round, reported_at, report,
    closed_at, note, withdrawn
"""

# What is here stays as it is. Who lost the assignment meanwhile has nothing to put right.
ADD = """
    INSERT INTO rectification
           (rectification_id, item_id, division, opener_division, problem, requirement,
            opened_at, deadline_at, provisional, withdrawn)
    SELECT n.id, n.item_id, n.division, n.opener, n.problem, n.requirement, n.opened_at,
           n.deadline_at, n.provisional, a.withdrawn
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
                  $7::timestamptz[], $8::timestamptz[], $9::boolean[])
           AS n (id, item_id, division, opener, problem, requirement, opened_at, deadline_at,
                 provisional)
     CROSS JOIN LATERAL (
           SELECT withdrawn FROM assignment
            WHERE (item_id, division) = (n.item_id, n.division) OFFSET 0) a
    ON CONFLICT (rectification_id) DO NOTHING
    RETURNING rectification_id, withdrawn
"""

LOAD = f"""
    SELECT {COLUMNS} FROM rectification WHERE rectification_id = ANY($1)
"""  # noqa: S608 - constants

WRITE = """
    UPDATE rectification r
       SET deadline_at = n.deadline_at, provisional = n.provisional, round = n.round,
           return_reason = n.return_reason, reported_round = n.reported_round,
           reported_at = n.reported_at, report = n.report, closed_at = n.closed_at,
           note = n.note
      FROM unnest($1::uuid[], $2::timestamptz[], $3::boolean[], $4::int[], $5::text[],
                  $6::int[], $7::timestamptz[], $8::bytea[], $9::timestamptz[], $10::text[])
           AS n (id, deadline_at, provisional, round, return_reason, reported_round,
                 reported_at, report, closed_at, note)
     WHERE r.rectification_id = n.id
"""

# Each point and round once: what this node was told, or noticed itself, is marked.
REMIND = """
    UPDATE rectification r
       SET reminded_round = r.round
      FROM (SELECT rectification_id
              FROM rectification
             WHERE deadline_at < $1 AND closed_at IS NULL AND NOT withdrawn
               AND reported_round < round AND reminded_round < round
             ORDER BY deadline_at
             LIMIT $2) due
     WHERE r.rectification_id = due.rectification_id
    RETURNING r.rectification_id, r.item_id, r.division, r.opener_division, r.round,
              r.deadline_at
"""

MARK_REMINDED = """
    UPDATE rectification r
       SET reminded_round = n.round
      FROM unnest($1::uuid[], $2::int[]) AS n (id, round)
     WHERE r.rectification_id = n.id AND r.reminded_round < n.round
    RETURNING r.rectification_id, r.item_id, r.division, r.opener_division, n.round,
              r.deadline_at
"""

PAGE = f"""
    SELECT {COLUMNS}
      FROM rectification
     WHERE ($1::uuid IS NULL OR item_id = $1)
       AND ($2 = '' OR (division >= $2 AND division < $2 || ':'))
       AND (cardinality($3::smallint[]) = 0 OR state = ANY($3))
       AND ($4::timestamptz IS NULL OR (state = 1 AND deadline_at < $4))
       AND rectification_id > $5
     ORDER BY rectification_id
     LIMIT $6
"""  # noqa: S608 - constants


async def add(tx: Tx, points: Sequence[Point]) -> dict[UUID, bool]:
    """Keep new points; return those that are new, each with whether it stands."""
    rows = await tx.fetch(
        ADD,
        [point.point_id for point in points],
        [point.item_id for point in points],
        [point.division for point in points],
        [point.opener for point in points],
        [point.problem for point in points],
        [point.requirement for point in points],
        [point.opened_at for point in points],
        [point.deadline for point in points],
        [point.provisional for point in points],
    )
    return {row["rectification_id"]: not row["withdrawn"] for row in rows}


async def load(tx: Tx, point_ids: Collection[UUID]) -> dict[UUID, Point]:
    """Return those of the points that are here."""
    found = map(_point, await tx.fetch(LOAD, list(point_ids)))
    return {point.point_id: point for point in found}


async def write(tx: Tx, changed: Mapping[UUID, Point]) -> None:
    """Write what `fold` made of points."""
    if not changed:
        return
    points = changed.values()
    await tx.execute(
        WRITE,
        list(changed),
        [point.deadline for point in points],
        [point.provisional for point in points],
        [point.round for point in points],
        [point.return_reason for point in points],
        [point.reported_round for point in points],
        [point.reported_at for point in points],
        [point.report for point in points],
        [point.closed_at for point in points],
        [point.note for point in points],
    )


async def remind(tx: Tx, now: datetime, limit: int) -> list[Overdue]:
    """Mark points that are overdue now, and were not marked in their round; return them."""
    return _overdue(await tx.fetch(REMIND, now, limit))


async def mark_reminded(tx: Tx, rounds: Mapping[UUID, int]) -> list[Overdue]:
    """Mark points as told overdue in a round; return those that were not before."""
    return _overdue(await tx.fetch(MARK_REMINDED, list(rounds), list(rounds.values())))


async def page(tx: Tx, query: Query, after: UUID, limit: int) -> list[Point]:
    """Return points after one of them, oldest first."""
    rows = await tx.fetch(
        PAGE,
        query.item_id,
        query.within,
        query.states,
        query.overdue_at,
        after,
        limit,
    )
    return [_point(row) for row in rows]


def _point(row: asyncpg.Record) -> Point:
    return Point(*row)


def _overdue(rows: Iterable[asyncpg.Record]) -> list[Overdue]:
    found = []
    for point_id, item_id, division, opener, number, deadline in rows:
        code, above = Code(division), Code(opener)
        found.append(Overdue(point_id, item_id, code, above, number, deadline))
    return found
