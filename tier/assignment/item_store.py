"""Every SQL statement about items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from tier.assignment.model import ClosingKind, ClosingRule, Item, ItemState, Mode
from tier.jurisdiction import Code
from tier.runtime.db import Tx

COLUMNS = """
    item_id, issuer_division, state, mode, closing_kind, quorum_percent, lead_division,
    receive_by_at, deadline_at, issued_at, traceparent, item, reports_itself, source_type,
    urgency, organiser, concluded_at, concluded_by, reopened
"""

HELD = f"{COLUMNS}, rectifications, reviews"

INSERT = f"""
    INSERT INTO assignment_item ({COLUMNS})
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
            $17, $18, $19)
        ON CONFLICT (item_id) DO NOTHING
"""  # noqa: S608 - constants

ITEMS = f"SELECT {HELD} FROM assignment_item WHERE item_id = ANY($1)"  # noqa: S608

LOCKED = f"SELECT {HELD} FROM assignment_item WHERE item_id = $1 FOR UPDATE"  # noqa: S608

NEWEST = f"""
    SELECT {HELD}
      FROM assignment_item
     WHERE ($1 = '' OR issuer_division = $1)
       AND ($2 = 0 OR state = $2)
       AND (issued_at, item_id) < ($3, $4)
     ORDER BY issued_at DESC, item_id DESC
     LIMIT $5
"""  # noqa: S608 - constants

SET_STATE = """
    UPDATE assignment_item
       SET state = $2, item = $3, concluded_at = $4, concluded_by = $5, reopened = $6
     WHERE item_id = $1
"""

HOLD = """
    UPDATE assignment_item
       SET rectifications = greatest(0, rectifications + $2),
           reviews = greatest(0, reviews + $3)
     WHERE item_id = $1
"""

# What is withdrawn too: the state reads that first, and the two may cross on a link.
CLOSE = """
    UPDATE assignment SET closed = true
     WHERE item_id = $1 AND NOT closed
"""

GO_ON = """
    WITH opened AS (
        UPDATE assignment SET closed = false WHERE item_id = $1 AND closed)
    SELECT division FROM assignment WHERE item_id = $1 AND NOT withdrawn ORDER BY division
"""

WITHDRAW = """
    UPDATE assignment SET withdrawn = true WHERE item_id = $1 AND NOT withdrawn
    RETURNING division
"""

# What the closing rule looks at: the assignments that the issuer itself made.
TALLY = """
    SELECT count(*) AS targets, count(verified_at) AS verified,
           coalesce(bool_or(division = $3 AND verified_at IS NOT NULL), false) AS lead_verified
      FROM assignment
     WHERE item_id = $1 AND assigner_division = $2 AND NOT withdrawn
"""

TARGET_COUNT = "SELECT count(*) FROM assignment WHERE item_id = $1"

# 'z' comes after every digit in any collation: the range holds the area and all within it.
REACHES = """
    SELECT EXISTS (SELECT FROM assignment
                    WHERE item_id = $1 AND division >= $2 AND division < $2 || 'z')
"""

# Which child nodes hold assignments of the item.
BRANCHES = """
    SELECT DISTINCT child.name
      FROM unnest($2::text[], $3::text[]) AS child (name, host)
     WHERE EXISTS (SELECT FROM assignment
                    WHERE item_id = $1 AND starts_with(division, child.host)
                      AND length(division) > $4)
     ORDER BY child.name
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """How far an item is, by its issuer's own assignments."""

    targets: int
    verified: int
    lead_verified: bool


async def insert(tx: Tx, item: Item) -> None:
    """Keep an item; one that is here stays as it is."""
    await tx.execute(
        INSERT,
        item.item_id,
        item.issuer,
        item.state,
        item.mode,
        item.closing.kind,
        item.closing.quorum_percent,
        item.closing.lead_division,
        item.receive_by,
        item.deadline,
        item.issued_at,
        item.traceparent,
        item.body,
        item.reports_itself,
        item.source_type,
        item.urgency,
        item.organiser,
        item.concluded_at,
        item.concluded_by,
        item.reopened,
    )


async def items(tx: Tx, item_ids: Sequence[UUID]) -> dict[UUID, Item]:
    """Return those of the items that are here."""
    return {row["item_id"]: _item(row) for row in await tx.fetch(ITEMS, item_ids)}


async def locked(tx: Tx, item_id: UUID) -> Item | None:
    """Return an item, locked until the transaction ends."""
    row = await tx.fetchrow(LOCKED, item_id)
    return None if row is None else _item(row)


async def newest(
    tx: Tx, *, issuer: str, state: int, before: tuple[datetime, UUID], limit: int
) -> list[Item]:
    """Return items, newest first, before a key."""
    return [_item(row) for row in await tx.fetch(NEWEST, issuer, state, *before, limit)]


async def set_state(tx: Tx, item: Item) -> None:
    """Write where an item stands, and what was concluded."""
    await tx.execute(
        SET_STATE,
        item.item_id,
        item.state,
        item.body,
        item.concluded_at,
        item.concluded_by,
        item.reopened,
    )


async def hold(tx: Tx, item_id: UUID, rectifications: int, reviews: int) -> None:
    """Count what holds the closing of an item, up or down."""
    await tx.execute(HOLD, item_id, rectifications, reviews)


async def go_on(tx: Tx, item_id: UUID) -> list[Code]:
    """Open the assignments of an item that was closed; return all whose those are."""
    return [row["division"] for row in await tx.fetch(GO_ON, item_id)]


async def close(tx: Tx, item_id: UUID) -> None:
    """Close all assignments of an item."""
    await tx.execute(CLOSE, item_id)


async def withdraw(tx: Tx, item_id: UUID) -> list[Code]:
    """Withdraw all assignments of an item; return whose those were."""
    return sorted(row["division"] for row in await tx.fetch(WITHDRAW, item_id))


async def tally(tx: Tx, item: Item) -> Tally:
    """Return how far an item is, for its closing rule."""
    row = await tx.fetchrow(
        TALLY, item.item_id, item.issuer, item.closing.lead_division
    )
    if row is None:
        raise LookupError(item.item_id)
    return Tally(row["targets"], row["verified"], row["lead_verified"])


async def target_count(tx: Tx, item_id: UUID) -> int:
    """Return how many assignments of an item are here."""
    count: int = await tx.fetchval(TARGET_COUNT, item_id)
    return count


async def reaches(tx: Tx, item_id: UUID, area: Code) -> bool:
    """Whether an item has an assignment within an area."""
    reaches: bool = await tx.fetchval(REACHES, item_id, area)
    return reaches


async def branches(
    tx: Tx, item_id: UUID, hosts: Sequence[tuple[str, Code]], digits: int
) -> tuple[str, ...]:
    """Return which child nodes, given as (name, host), hold assignments of an item.

    `digits` is the length of this node's own codes: what is hosted here is no branch.
    """
    names, codes = [name for name, _ in hosts], [host for _, host in hosts]
    rows = await tx.fetch(BRANCHES, item_id, names, codes, digits)
    return tuple(row["name"] for row in rows)


def _item(row: asyncpg.Record) -> Item:
    return Item(
        row["item_id"],
        row["issuer_division"],
        ItemState(row["state"]),
        Mode(row["mode"]),
        ClosingRule(
            ClosingKind(row["closing_kind"]),
            row["quorum_percent"],
            row["lead_division"],
        ),
        row["receive_by_at"],
        row["deadline_at"],
        row["issued_at"],
        row["traceparent"],
        row["item"],
        row["reports_itself"],
        row["source_type"],
        row["urgency"],
        row["organiser"],
        row["concluded_at"],
        row["concluded_by"],
        row["reopened"],
        row["rectifications"],
        row["reviews"],
    )
