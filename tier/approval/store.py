"""Every SQL statement about approvals and unlockings; stages lie in the registry's sheets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from tier.approval.model import Act, Approval, Unlocking
from tier.jurisdiction import Code
from tier.runtime.db import Tx

APPROVAL_COLUMNS = "division, period, approved_at, actor, approved_count"
UNLOCKING_COLUMNS = (
    "unlocking_id, authority_division, within_division, period, actor, reason, unlocked_at, "
    "expires_at"
)

# The newest word is shown, in whatever order they come.
ADD = """
    INSERT INTO approval AS held (division, period, approved_at, actor, approved_count)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (period, division) DO UPDATE
       SET actor = CASE WHEN excluded.approved_at >= held.approved_at
                        THEN excluded.actor ELSE held.actor END,
           approved_at = greatest(held.approved_at, excluded.approved_at),
           approved_count = held.approved_count + excluded.approved_count
    RETURNING division, period, approved_at, actor, approved_count
"""

GET = f"SELECT {APPROVAL_COLUMNS} FROM approval WHERE (period, division) = ($1, $2)"  # noqa: S608 - constants

# Asked for every batch of answers: as many probes as units above them.
APPROVERS = """
    SELECT a.division, a.period
      FROM unnest($1::text[]) AS wanted (p)
     CROSS JOIN LATERAL (
           SELECT division, period FROM approval
            WHERE period = wanted.p AND division = ANY($2) OFFSET 0) a
"""

# Above an area and within it.
APPROVERS_AROUND = """
    SELECT division FROM approval WHERE period = $1 AND division = ANY($2)
     UNION ALL
    SELECT division FROM approval
     WHERE period = $1 AND division > $3 AND division < $3 || ':'
"""

STANDING = f"""
    SELECT {UNLOCKING_COLUMNS} FROM approval_unlocking
     WHERE period = ANY($1) AND expires_at > $2
"""  # noqa: S608 - constants

UNLOCK = """
    INSERT INTO approval_unlocking
           (unlocking_id, authority_division, within_division, period, actor, reason, unlocked_at,
            expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (unlocking_id) DO NOTHING
"""

APPROVALS_PAGE = f"""
    SELECT {APPROVAL_COLUMNS}
      FROM approval
     WHERE period = $1 AND division > $2
       AND ($3 = '' OR (division >= $3 AND division < $3 || ':'))
     ORDER BY division
     LIMIT $4
"""  # noqa: S608 - constants

# Ids are in order of time.
UNLOCKINGS_PAGE = f"""
    SELECT {UNLOCKING_COLUMNS}
      FROM approval_unlocking
     WHERE ($1 = '' OR period = $1)
       AND (starts_with(within_division, $2) OR starts_with($2, within_division))
       AND ($3::uuid IS NULL OR unlocking_id < $3)
     ORDER BY unlocking_id DESC
     LIMIT $4
"""  # noqa: S608 - constants


async def add(tx: Tx, approval: Approval) -> Approval:
    """Add what one time approved; return the approval over all times."""
    row = await tx.fetchrow(
        ADD, *approval.act, approval.approved_at, approval.actor, approval.count
    )
    if row is None:
        raise LookupError(approval.act)
    return _approval(row)


async def get(tx: Tx, act: Act) -> Approval | None:
    """Return an approval, if it is here."""
    row = await tx.fetchrow(GET, act.period, act.division)
    return None if row is None else _approval(row)


async def approvers(
    tx: Tx, periods: Collection[str], divisions: Collection[Code]
) -> set[Act]:
    """Return which of the divisions approved which of the periods."""
    rows = await tx.fetch(APPROVERS, list(periods), list(divisions))
    return {Act(*row) for row in rows}


async def approvers_around(
    tx: Tx, period: str, above: Collection[Code], area: Code
) -> list[Code]:
    """Return who approved a period, of these `above` an area and of all below it."""
    rows = await tx.fetch(APPROVERS_AROUND, period, list(above), area)
    return [row["division"] for row in rows]


async def standing(
    tx: Tx, periods: Collection[str], now: datetime
) -> Sequence[Unlocking]:
    """Return the unlockings of these periods that did not end."""
    return [_unlocking(row) for row in await tx.fetch(STANDING, list(periods), now)]


async def unlock(tx: Tx, unlocking: Unlocking) -> None:
    """Keep an unlocking; one that is here stays as it is."""
    await tx.execute(
        UNLOCK,
        unlocking.unlocking_id,
        unlocking.authority,
        unlocking.within,
        unlocking.period,
        unlocking.actor,
        unlocking.reason,
        unlocking.unlocked_at,
        unlocking.expires_at,
    )


async def approvals(
    tx: Tx, period: str, within: str, after: str, limit: int
) -> list[Approval]:
    """Return approvals of a period after a division, by division."""
    rows = await tx.fetch(APPROVALS_PAGE, period, after, within, limit)
    return [_approval(row) for row in rows]


async def unlockings(
    tx: Tx, period: str, within: str, before: UUID | None, limit: int
) -> list[Unlocking]:
    """Return unlockings that touch an area before one of them, newest first."""
    rows = await tx.fetch(UNLOCKINGS_PAGE, period, within, before, limit)
    return [_unlocking(row) for row in rows]


def _approval(row: asyncpg.Record) -> Approval:
    division, period, approved_at, actor, count = row
    return Approval(Act(division, period), approved_at, actor, count)


def _unlocking(row: asyncpg.Record) -> Unlocking:
    return Unlocking(*row)
