"""Every SQL statement about clocks of assignments, returns and withdrawals: the rare moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from tier.assignment.model import Assignment, Cause, Key, Moved, Resumed, Returned
from tier.jurisdiction import Code
from tier.runtime.db import Tx

WRITE = """
    UPDATE assignment a
       SET receive_by_at = n.receive_by, deadline_at = n.deadline, term = n.term,
           suspended_at = n.suspended_at, stopped = n.stopped, extensions = n.extensions,
           counted_from_at = n.counted_from, work_days = n.work_days,
           receive_days = n.receive_days, provisional = n.provisional
      FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::int[],
                  $6::timestamptz[], $7::interval[], $8::int[], $9::timestamptz[],
                  $10::int[], $11::int[], $12::boolean[])
           AS n (item_id, division, receive_by, deadline, term, suspended_at, stopped,
                 extensions, counted_from, work_days, receive_days, provisional)
     WHERE (a.item_id, a.division) = (n.item_id, n.division)
"""

NOTE_MOVES = """
    INSERT INTO assignment_deadline_move
           (item_id, division, term, old_deadline_at, new_deadline_at, cause, reason,
            moved_at, provisional, calendar_version)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::timestamptz[],
                         $5::timestamptz[], $6::smallint[], $7::text[], $8::timestamptz[],
                         $9::boolean[], $10::int[])
        ON CONFLICT (item_id, division, term) DO NOTHING
"""

NOTE_RETURNS = """
    INSERT INTO assignment_return (item_id, division, epoch, returned_at, reason)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::timestamptz[], $5::text[])
        ON CONFLICT (item_id, division, epoch) DO NOTHING
"""

# What was split from them goes with them, however deep; only what the assigner ($4) gave
# is somebody else's now.
WITHDRAW = """
    UPDATE assignment a
       SET withdrawn = true,
           transferred_to = CASE WHEN division = ANY($2) AND assigner_division = $4 THEN $3
                                 ELSE transferred_to END
     WHERE item_id = $1
       AND (NOT withdrawn
            OR ($3 <> '' AND transferred_to = '' AND division = ANY($2)
                AND assigner_division = $4))  -- a withdrawal from above was faster
       AND (division = ANY($2)
            OR EXISTS (SELECT FROM unnest($2::text[]) AS gone
                        WHERE starts_with(a.assigner_division, gone)))
    RETURNING division, assigner_division = $4 AS given
"""

SUSPENDED_BY = """
    SELECT division FROM assignment
     WHERE item_id = $1 AND assigner_division = $2 AND state = 8
     ORDER BY division
"""

CHILDREN = """
    SELECT division FROM assignment
     WHERE item_id = $1 AND assigner_division = $2 AND state IN (1, 2, 4, 8)
     ORDER BY division
"""

# Those whose moments rest on a year without an official calendar, and are still to be met.
PROVISIONAL = """
    SELECT a.item_id, a.division
      FROM assignment a JOIN assignment_item i USING (item_id)
     WHERE a.provisional AND i.state IN (1, 2) AND a.state IN (1, 2, 4)
     ORDER BY a.item_id, a.division
"""

MOVES = """
    SELECT item_id, division, term, old_deadline_at, new_deadline_at, cause, reason,
           moved_at, provisional, calendar_version
      FROM assignment_deadline_move
     WHERE ($1::uuid IS NULL OR item_id = $1)
       AND starts_with(division, $2)
       AND ($3 = 0 OR cause = $3)
       AND ($4 = 0 OR calendar_version = $4)
       AND (moved_at, item_id, division) < ($5, $6, $7)
     ORDER BY moved_at DESC, item_id DESC, division DESC
     LIMIT $8
"""


async def write(tx: Tx, changed: Mapping[Key, Assignment]) -> None:
    """Write the clocks that `fold_clock` made."""
    if not changed:
        return
    rows = [(row, row.clock) for row in changed.values()]
    await tx.execute(
        WRITE,
        [row.key.item_id for row, _ in rows],
        [row.key.division for row, _ in rows],
        [row.receive_by for row, _ in rows],
        [row.deadline for row, _ in rows],
        [clock.term for _, clock in rows],
        [clock.suspended_at for _, clock in rows],
        [clock.stopped for _, clock in rows],
        [clock.extensions for _, clock in rows],
        [clock.counted_from for _, clock in rows],
        [clock.work_days for _, clock in rows],
        [clock.receive_days for _, clock in rows],
        [clock.provisional for _, clock in rows],
    )


async def note_moves(
    tx: Tx, moves: Sequence[tuple[Assignment, Moved | Resumed]]
) -> None:
    """Keep what became of deadlines; each move with the assignment before it.

    What only made a moment firm, or moved a receipt, moved no deadline.
    """
    moves = [
        (before, change)
        for before, change in moves
        if isinstance(change, Resumed) or change.deadline != before.deadline
    ]
    if not moves:
        return
    causes = [
        change.cause if isinstance(change, Moved) else Cause.RESUMPTION
        for _, change in moves
    ]
    counted = [change if isinstance(change, Moved) else None for _, change in moves]
    await tx.execute(
        NOTE_MOVES,
        [before.key.item_id for before, _ in moves],
        [before.key.division for before, _ in moves],
        [change.term for _, change in moves],
        [before.deadline for before, _ in moves],
        [change.deadline for _, change in moves],
        causes,
        [change.reason for _, change in moves],
        [change.at for _, change in moves],
        [one is not None and one.provisional for one in counted],
        [0 if one is None else one.calendar_version for one in counted],
    )


async def note_returns(tx: Tx, returns: Sequence[tuple[Key, Returned]]) -> None:
    """Keep each return."""
    if not returns:
        return
    await tx.execute(
        NOTE_RETURNS,
        [key.item_id for key, _ in returns],
        [key.division for key, _ in returns],
        [change.epoch for _, change in returns],
        [change.at for _, change in returns],
        [change.reason for _, change in returns],
    )


async def withdraw(
    tx: Tx, item_id: UUID, divisions: Sequence[Code], to: str, assigner: Code
) -> tuple[list[Code], list[Code]]:
    """Withdraw assignments that `assigner` made, with what was split from them.

    Return whose they were, and whose was split from them.
    """
    rows = await tx.fetch(WITHDRAW, item_id, divisions, to, assigner)
    given = sorted(row["division"] for row in rows if row["given"])
    return given, sorted(row["division"] for row in rows if not row["given"])


async def suspended_by(tx: Tx, item_id: UUID, assigner: Code) -> list[Code]:
    """Return whose clocks `assigner` stopped."""
    return [row["division"] for row in await tx.fetch(SUSPENDED_BY, item_id, assigner)]


async def children(tx: Tx, item_id: UUID, assigner: Code) -> list[Code]:
    """Return the divisions that still work on what `assigner` split."""
    return [row["division"] for row in await tx.fetch(CHILDREN, item_id, assigner)]


async def provisional(tx: Tx) -> list[Key]:
    """Return the open assignments whose moments are provisional."""
    rows = await tx.fetch(PROVISIONAL)
    return [Key(row["item_id"], row["division"]) for row in rows]


async def moves(
    tx: Tx,
    *,
    item_id: UUID | None,
    within: str,
    cause: int,
    calendar_version: int,
    before: tuple[datetime, UUID, str],
    limit: int,
) -> list[asyncpg.Record]:
    """Return moved deadlines before a key, newest first."""
    return await tx.fetch(
        MOVES, item_id, within, cause, calendar_version, *before, limit
    )
