"""Every SQL statement that shows timers: clocks that run, and escalations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from tier.jurisdiction import Code
from tier.runtime.db import Tx
from tier.timing.model import Escalation, Group, Place, Query, Running, Window
from tier.timing.store import OPEN

# Of items that go on: clocks that still concern somebody in the area. 'z' comes after every
# digit in any collation: the range holds the area and all within it.
RUNNING = f"""
    SELECT c.clock_id, c.item_id, c.assigner_division, c.digits, c.assigned_at,
           c.receive_by_at, c.deadline_at, open.unreceived, open.unreported
      FROM timing_clock c
           JOIN assignment_item i USING (item_id)
     CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE a.received_at IS NULL) AS unreceived,
                  count(*) AS unreported
             FROM assignment a
            WHERE a.item_id = c.item_id AND length(a.division) = c.digits
              AND a.assigner_division = c.assigner_division
              AND a.assigned_at = c.assigned_at AND a.receive_by_at = c.receive_by_at
              AND a.deadline_at = c.deadline_at
              AND {OPEN} AND a.division >= $2 AND a.division < $2 || 'z') open
     WHERE i.state IN (1, 2) AND ($1::uuid IS NULL OR c.item_id = $1)
       AND (c.deadline_at, c.clock_id) > ($3, $4)
       AND open.unreported > 0
     ORDER BY c.deadline_at, c.clock_id
     LIMIT $5
"""  # noqa: S608 - constants

# A report that was made before the step was taken was on its way: the step is overtaken.
ESCALATIONS = """
    SELECT r.raised_at, r.item_id, r.division, r.term, r.rung, r.due_at,
           coalesce(a.reported_at <= r.raised_at, false) AS overtaken
      FROM timing_raised r
           JOIN assignment a USING (item_id, division)
     WHERE r.step = 6 AND ($1::uuid IS NULL OR r.item_id = $1)
       AND r.division >= $2 AND r.division < $2 || 'z'
       AND ($3::timestamptz IS NULL OR r.raised_at >= $3)
       AND ($4::timestamptz IS NULL
            OR (r.raised_at, r.item_id, r.division, r.term, r.rung) < ($4, $5, $6, $7, $8))
     ORDER BY r.raised_at DESC, r.item_id DESC, r.division DESC, r.term DESC, r.rung DESC
     LIMIT $9
"""


async def running(
    tx: Tx, query: Query, after: tuple[datetime, int], limit: int
) -> list[Running]:
    """Return clocks that still concern somebody, by deadline, after a key."""
    rows = await tx.fetch(RUNNING, query.item_id, query.within, *after, limit)
    return [_running(row) for row in rows]


async def escalations(
    tx: Tx, query: Query, before: Place | None, limit: int
) -> list[Escalation]:
    """Return escalations, newest first, before a place."""
    asked = (query.item_id, query.within, query.since)
    place: Sequence[object] = before or (None,) * len(Place._fields)
    rows = await tx.fetch(ESCALATIONS, *asked, *place, limit)
    return [
        Escalation(Place(*key), due_at, overtaken) for *key, due_at, overtaken in rows
    ]


def _running(row: asyncpg.Record) -> Running:
    """Read a row of RUNNING."""
    (clock_id, item_id, assigner, digits, assigned_at, receive_by, deadline, unreceived,
     unreported) = row.values()  # fmt: skip
    window = Window(assigned_at, receive_by, deadline)
    group = Group(item_id, Code(assigner), digits, window)
    return Running(clock_id, group, unreceived, unreported)
