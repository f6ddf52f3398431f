"""Every SQL statement about what is to be done: open tasks, and conflicts that are due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from tier.jurisdiction import Code
from tier.registry.model import Conflict, Key, Sheet
from tier.registry.store import COLUMNS, CONFLICT_COLUMNS, conflict_from, sheet_from
from tier.runtime.db import Tx

# Within an area by its index; all of a node's by a walk over its open tasks alone.
TASKS = f"""
    SELECT {COLUMNS}
      FROM registry_sheet
     WHERE asked <> '{{}}'
       AND ($1 = '' OR (division >= $1 AND division < $1 || ':'))
       AND ($2 = '' OR period = $2)
       AND ($3::timestamptz IS NULL OR (deadline_at, division, period) > ($3, $4, $5))
     ORDER BY deadline_at, division, period
     LIMIT $6
"""  # noqa: S608 - constants

REQUESTS = """
    SELECT data_request_id, request FROM registry_request WHERE data_request_id = ANY($1)
"""

DUE = f"""
    SELECT {CONFLICT_COLUMNS}
      FROM registry_conflict
     WHERE state = 1 AND due_at <= $1
       AND ($2::timestamptz IS NULL OR (due_at, conflict_id) > ($2, $3))
     ORDER BY due_at, conflict_id
     LIMIT $4
"""  # noqa: S608 - constants

NEXT_DUE = """
    SELECT due_at FROM registry_conflict
     WHERE state = 1 AND due_at > $1
     ORDER BY due_at
     LIMIT 1
"""


async def tasks(
    tx: Tx,
    *,
    within: Code | None,
    period: str,
    after: tuple[datetime, Key] | None,
    limit: int,
) -> list[Sheet]:
    """Return sheets on which something is asked, by deadline, division and period."""
    due, key = after or (None, Key(Code(""), ""))
    rows = await tx.fetch(
        TASKS, within or "", period, due, key.division, key.period, limit
    )
    return [sheet_from(row) for row in rows]


async def requests(tx: Tx, request_ids: Iterable[UUID]) -> dict[UUID, bytes]:
    """Return the `DataRequest` message of each request that is here."""
    rows = await tx.fetch(REQUESTS, list(request_ids))
    return {row["data_request_id"]: row["request"] for row in rows}


async def due_conflicts(
    tx: Tx, now: datetime, after: Conflict | None, limit: int
) -> list[Conflict]:
    """Return open conflicts whose time is up, the one due first coming first."""
    due, conflict_id = (after.due, after.conflict_id) if after else (None, None)
    rows = await tx.fetch(DUE, now, due, conflict_id, limit)
    return [conflict_from(row) for row in rows]


async def next_due(tx: Tx, now: datetime) -> datetime | None:
    """Return when the next of the open conflicts will be due, if one will."""
    due: datetime | None = await tx.fetchval(NEXT_DUE, now)
    return due
