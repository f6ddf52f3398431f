"""Every SQL statement that only reads: values by area, conflicts by due time, decided ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tier.registry.model import Conflict, Sheet
from tier.registry.store import (
    COLUMNS,
    CONFLICT_COLUMNS,
    conflict_from,
    sheet_from,
)
from tier.runtime.db import Tx

# ':' is the character after '9': the range holds a code and all that begin with it.
HELD = f"""
    SELECT {COLUMNS}
      FROM registry_sheet
     WHERE period = $1 AND division > $2 AND division >= $3 AND division < $3 || ':'
       AND elements <> '{{}}' AND (cardinality($4::smallint[]) = 0 OR elements && $4)
     ORDER BY division
     LIMIT $5
"""  # noqa: S608 - constants

CONFLICTS = f"""
    SELECT {CONFLICT_COLUMNS}
      FROM registry_conflict
     WHERE division >= $1 AND division < $1 || ':'
       AND ($2 = 0 OR state = $2)
       AND ($3::timestamptz IS NULL OR (due_at, conflict_id) > ($3, $4))
     ORDER BY due_at, conflict_id
     LIMIT $5
"""  # noqa: S608 - constants

TAKEN = """
    SELECT conflict_id FROM registry_conflict WHERE conflict_id = ANY($1) AND state = 3
"""

# The order of a ledger is that of the home node, at every tier: both climb on one lane.
ANSWERS = "SELECT position, body FROM ledger_fact WHERE fact_id = ANY($1)"
DECISIONS = """
    SELECT position, body FROM ledger_fact WHERE subject = ANY($1) AND kind = $2
"""

Placed = tuple[int, bytes]
"""A fact's place in the ledger, and its bytes."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which sheets are sought: of a period, within an area, with some elements or any."""

    period: str
    within: str
    elements: Collection[int]


async def held(tx: Tx, query: Query, after: str, limit: int) -> list[Sheet]:
    """Return sheets that hold values, by division, after one."""
    rows = await tx.fetch(
        HELD, query.period, after, query.within, list(query.elements), limit
    )
    return [sheet_from(row) for row in rows]


async def conflicts(
    tx: Tx,
    *,
    within: str,
    state: int,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Conflict]:
    """Return conflicts, the one due first coming first, after a key."""
    due, conflict_id = after or (None, None)
    rows = await tx.fetch(CONFLICTS, within, state, due, conflict_id, limit)
    return [conflict_from(row) for row in rows]


async def taken(tx: Tx, conflict_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the conflicts whose rival was put in force."""
    if not conflict_ids:
        return set()
    return {row["conflict_id"] for row in await tx.fetch(TAKEN, conflict_ids)}


async def answers(tx: Tx, fact_ids: Collection[UUID]) -> list[Placed]:
    """Return the facts of answers."""
    rows = await tx.fetch(ANSWERS, list(fact_ids))
    return [(row["position"], row["body"]) for row in rows]


async def decisions(tx: Tx, kind: str, conflict_ids: Collection[UUID]) -> list[Placed]:
    """Return the facts that decided conflicts; each has the conflict for its subject."""
    if not conflict_ids:
        return []
    rows = await tx.fetch(DECISIONS, [str(one) for one in conflict_ids], kind)
    return [(row["position"], row["body"]) for row in rows]
