"""Every SQL statement about assignments; those about items are in `item_store`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from tier.assignment.model import (
    Assignment,
    Clock,
    Fenceable,
    Given,
    Item,
    ItemState,
    Key,
    Loaded,
    Reported,
)
from tier.jurisdiction import Code
from tier.runtime.db import Tx

FIELDS = """
    a.item_id, a.division, a.assigner_division, a.epoch, a.receive_by_at, a.deadline_at,
    a.received_at, a.reported_at, a.verified_at, a.returned, a.return_reason, a.closed,
    a.withdrawn, a.split, a.problem_count, a.report_fact, a.instructions, a.transferred_to,
    a.assigned_at, a.original_deadline_at, a.term, a.suspended_at, a.stopped, a.extensions,
    a.counted_from_at, a.work_days, a.receive_days, a.provisional
"""

# For each assignment: is its item ended, how many of its own split are not verified.
# LATERAL with OFFSET looks every row up by its whole key, whatever a cached plan thinks
# of the tables' sizes: joined plainly, it once walked all rows of the item for each.
LOAD = f"""
    SELECT {FIELDS}, i.state IN (3, 4, 5) AS item_ended, i.traceparent,
           CASE WHEN a.split THEN (
               SELECT count(*) FROM assignment c
                WHERE c.item_id = a.item_id AND c.assigner_division = a.division
                  AND c.verified_at IS NULL AND NOT c.withdrawn)
           ELSE 0 END AS open_children,
           CASE WHEN a.verified_at IS NULL THEN true
                WHEN a.assigner_division = i.issuer_division THEN i.state = 1
                ELSE EXISTS (
                    SELECT FROM assignment p
                     WHERE p.item_id = a.item_id AND p.division = a.assigner_division
                       AND p.reported_at IS NULL) END AS above_open
      FROM unnest($1::uuid[], $2::text[]) AS asked (item_id, division)
     CROSS JOIN LATERAL (
           SELECT * FROM assignment
            WHERE (item_id, division) = (asked.item_id, asked.division) OFFSET 0) a
     CROSS JOIN LATERAL (
           SELECT state, traceparent, issuer_division FROM assignment_item
            WHERE item_id = asked.item_id OFFSET 0) i
"""  # noqa: S608 - constants

REPORTED_TO = """
    SELECT division
      FROM assignment
     WHERE item_id = $1 AND assigner_division = $2
       AND reported_at IS NOT NULL AND verified_at IS NULL AND NOT withdrawn
     ORDER BY division
"""

# Whoever returned a report wants a person to look at it; whoever stopped a clock waits.
UNREPORTED = """
    SELECT a.item_id, a.division, a.epoch
      FROM assignment_item i JOIN assignment a USING (item_id)
     WHERE i.reports_itself AND i.state IN (1, 2)
       AND a.reported_at IS NULL AND NOT a.returned AND NOT a.withdrawn AND NOT a.closed
       AND a.suspended_at IS NULL
     ORDER BY a.item_id, a.division
"""

# Whoever was withdrawn has nothing to pass on: its split may have crossed that on the way.
INSERT = """
    INSERT INTO assignment
           (item_id, division, assigner_division, receive_by_at, deadline_at, instructions,
            closed, withdrawn, assigned_at, original_deadline_at, work_days, receive_days,
            provisional)
    SELECT $1, division, $2, $3, $4, $5, $7,
           $8 OR EXISTS (SELECT FROM assignment p
                          WHERE p.item_id = $1 AND p.division = $2 AND p.withdrawn),
           $9, $4, $10, $11, $12
      FROM unnest($6::text[]) AS division
        ON CONFLICT (item_id, division) DO NOTHING
"""

MARK_SPLIT = "UPDATE assignment SET split = true WHERE item_id = $1 AND division = $2"

WRITE = """
    UPDATE assignment a
       SET epoch = n.epoch, received_at = n.received_at, reported_at = n.reported_at,
           verified_at = n.verified_at, returned = n.returned,
           return_reason = n.return_reason, problem_count = n.problems,
           report_fact = n.report_fact
      FROM unnest($1::uuid[], $2::text[], $3::int[], $4::timestamptz[], $5::timestamptz[],
                  $6::timestamptz[], $7::boolean[], $8::text[], $9::int[], $10::uuid[])
           AS n (item_id, division, epoch, received_at, reported_at, verified_at, returned,
                 return_reason, problems, report_fact)
     WHERE (a.item_id, a.division) = (n.item_id, n.division)
"""

# The hot road up: what `rules.fold` makes of reports, for rows whose epoch has not passed.
REPORT = """
    UPDATE assignment a
       SET received_at = coalesce(a.received_at, n.at), reported_at = n.at,
           returned = false, problem_count = n.problems, report_fact = n.fact_id
      FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::int[], $5::int[],
                  $6::uuid[])
           AS n (item_id, division, at, epoch, problems, fact_id)
     WHERE (a.item_id, a.division) = (n.item_id, n.division) AND a.epoch <= n.epoch
       AND NOT a.withdrawn AND NOT a.closed
"""

FENCE = """
    INSERT INTO assignment_fenced
           (item_id, division, epoch, current_epoch, fact_id, fact, fenced_at)
    SELECT f.*, $7
      FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[], $5::uuid[], $6::bytea[]) AS f
        ON CONFLICT (fact_id) DO NOTHING
"""

FENCED = """
    SELECT fence_id, item_id, division, epoch, current_epoch, fact_id, fenced_at
      FROM assignment_fenced
     WHERE fence_id > $1 AND ($2::uuid IS NULL OR item_id = $2)
     ORDER BY fence_id
     LIMIT $3
"""

LIST = f"""
    SELECT {FIELDS}, i.state IN (3, 4, 5) AS item_ended, i.traceparent, 0 AS open_children,
           true AS above_open, i.item
      FROM assignment a JOIN assignment_item i USING (item_id)
     WHERE ($1::uuid IS NULL OR a.item_id = $1)
       AND a.division LIKE $2 || '%'
       AND (cardinality($3::smallint[]) = 0 OR a.state = ANY($3))
       AND (a.division, a.item_id) > ($4, $5)
     ORDER BY a.division, a.item_id
     LIMIT $6
"""  # noqa: S608 - constants


async def load(tx: Tx, keys: Sequence[Key]) -> dict[Key, Loaded]:
    """Return those of the assignments that are here, with what decides about them."""
    rows = await tx.fetch(
        LOAD, [key.item_id for key in keys], [key.division for key in keys]
    )
    found = map(_loaded, rows)
    return {loaded.assignment.key: loaded for loaded in found}


async def reported_to(tx: Tx, item_id: UUID, assigner: Code) -> list[Code]:
    """Return whose reports wait for the judgement of `assigner`."""
    return [row["division"] for row in await tx.fetch(REPORTED_TO, item_id, assigner)]


async def unreported(tx: Tx) -> list[tuple[Key, int]]:
    """Return assignments that report themselves and did not yet, each with its epoch."""
    rows = await tx.fetch(UNREPORTED)
    return [(Key(row["item_id"], Code(row["division"])), row["epoch"]) for row in rows]


async def insert(
    tx: Tx, item: Item, targets: Sequence[Code], given: Given, instructions: str = ""
) -> None:
    """Write the assignments of `item` at `targets`; those that are here stay as they are."""
    await tx.execute(
        INSERT,
        item.item_id,
        given.assigner,
        given.receive_by,
        given.deadline,
        instructions,
        targets,
        item.state in {ItemState.CLOSED, ItemState.ARCHIVED},
        item.state is ItemState.WITHDRAWN,
        given.assigned_at,
        given.work_days,
        given.receive_days,
        given.provisional,
    )


async def mark_split(tx: Tx, key: Key) -> None:
    """Note that an assignment was passed on."""
    await tx.execute(MARK_SPLIT, key.item_id, key.division)


async def write(tx: Tx, changed: Mapping[Key, Assignment]) -> None:
    """Write what `fold` made of assignments."""
    if not changed:
        return
    rows = changed.values()
    await tx.execute(
        WRITE,
        [row.key.item_id for row in rows],
        [row.key.division for row in rows],
        [row.epoch for row in rows],
        [row.received_at for row in rows],
        [row.reported_at for row in rows],
        [row.verified_at for row in rows],
        [row.returned for row in rows],
        [row.return_reason for row in rows],
        [row.problems for row in rows],
        [row.report_fact for row in rows],
    )


async def report(tx: Tx, reports: Mapping[Key, Reported]) -> bool:
    """Write reports straight to their assignments.

    False if one of them found no row, or one of a later epoch; what was written stands,
    for folding a report twice is folding it once.
    """
    changes = reports.values()
    written = await tx.execute(
        REPORT,
        [key.item_id for key in reports],
        [key.division for key in reports],
        [change.at for change in changes],
        [change.epoch for change in changes],
        [change.problems for change in changes],
        [change.fact_id for change in changes],
    )
    return written == len(reports)


async def fence(tx: Tx, work: Sequence[Fenceable], now: datetime) -> None:
    """Keep work aside that came under a passed epoch."""
    if not work:
        return
    await tx.execute(
        FENCE,
        [piece.key.item_id for piece in work],
        [piece.key.division for piece in work],
        [piece.epoch for piece in work],
        [piece.current_epoch for piece in work],
        [piece.fact_id for piece in work],
        [piece.fact for piece in work],
        now,
    )


async def fenced(
    tx: Tx, after: int, item_id: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """Return fenced work after an id, oldest first."""
    return await tx.fetch(FENCED, after, item_id, limit)


async def page(
    tx: Tx,
    *,
    item_id: UUID | None,
    within: str,
    states: Sequence[int],
    after: tuple[str, UUID],
    limit: int,
) -> list[tuple[Loaded, bytes]]:
    """Return assignments with their items, by division and item, after a key."""
    rows = await tx.fetch(LIST, item_id, within, states, after[0], after[1], limit)
    return [(_loaded(row), row["item"]) for row in rows]


def _loaded(row: asyncpg.Record) -> Loaded:
    """Read a row of FIELDS and its companions, by place: this is the hottest read."""
    (item_id, division, assigner, epoch, receive_by, deadline, received, reported, verified,
     returned, reason, closed, withdrawn, split, problems, report_fact, instructions, to,
     assigned_at, original, term, suspended, stopped, extensions, counted_from, work_days,
     receive_days, provisional,
     ended, traceparent, open_children, above_open, *_) = row.values()  # fmt: skip
    clock = Clock(
        assigned_at, original, term, suspended, stopped, extensions, counted_from,
        work_days, receive_days, provisional,
    )  # fmt: skip
    assignment = Assignment(
        Key(item_id, division), assigner, epoch, receive_by, deadline, clock, received,
        reported, verified, returned, reason, closed, withdrawn, split, problems,
        report_fact, instructions, to,
    )  # fmt: skip
    return Loaded(assignment, ended, open_children, traceparent, above_open)
