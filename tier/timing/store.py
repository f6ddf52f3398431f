"""Every SQL statement of timers. Clocks are armed by triggers, in `schema/`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from tier.jurisdiction import Code
from tier.runtime.db import Tx
from tier.timing.model import (
    OF_RECEIPT,
    Advance,
    Clock,
    Due,
    Found,
    Group,
    Mark,
    Window,
    Worked,
)

SOONEST = "SELECT min(next_due_at) FROM timing_clock"

DUE = """
    SELECT clock_id, item_id, assigner_division, digits, assigned_at, receive_by_at,
           deadline_at, armed_in::text AS armed_in, worked_at, worked_step, worked_rung,
           reached
      FROM timing_clock
     WHERE next_due_at <= $1
     ORDER BY next_due_at, clock_id
     LIMIT $2
"""

ITEMS = """
    SELECT item_id, item, traceparent FROM assignment_item WHERE item_id = ANY($1)
"""

# Whom a step concerns: what is open, and for steps of the receipt not received.
OPEN = """
    NOT a.withdrawn AND NOT a.closed AND a.suspended_at IS NULL AND a.reported_at IS NULL
"""

# By due timer and division, as many as asked: the timers come in their order, and of each
# its executors, who lie within the assigner. 'z' comes after every digit in any collation.
CONCERNED = f"""
    SELECT due.place, a.division
      FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::timestamptz[],
                  $5::timestamptz[], $6::timestamptz[], $7::text[], $8::boolean[])
           WITH ORDINALITY
           AS due (item_id, assigner, digits, assigned_at, receive_by_at, deadline_at,
                   reached, of_receipt, place)
     CROSS JOIN LATERAL (
           SELECT division
             FROM assignment a
            WHERE a.item_id = due.item_id
              AND a.division > greatest(due.assigner, due.reached)
              AND a.division < due.assigner || 'z'
              AND a.assigner_division = due.assigner AND length(a.division) = due.digits
              AND a.assigned_at = due.assigned_at AND a.receive_by_at = due.receive_by_at
              AND a.deadline_at = due.deadline_at
              AND {OPEN} AND (a.received_at IS NULL OR NOT due.of_receipt)
            ORDER BY a.division
            LIMIT $9) a
     ORDER BY due.place, a.division
     LIMIT $9
"""  # noqa: S608 - constants

# Judged again, row by row, where nothing can change any more. What was raised for the same
# moment under an earlier generation of the clock is not raised again.
RAISE = f"""
    INSERT INTO timing_raised
           (item_id, division, term, step, rung, due_at, raised_at, superseded)
    SELECT a.item_id, a.division, a.term, due.step, due.rung, due.due_at, $12, due.superseded
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[],
                  $6::timestamptz[], $7::boolean[], $8::smallint[], $9::smallint[],
                  $10::timestamptz[], $11::boolean[])
           AS due (item_id, division, assigner, assigned_at, receive_by_at, deadline_at,
                   of_receipt, step, rung, due_at, superseded)
     CROSS JOIN LATERAL (
           SELECT * FROM assignment
            WHERE (item_id, division) = (due.item_id, due.division) OFFSET 0) a
     WHERE a.assigner_division = due.assigner AND a.assigned_at = due.assigned_at
       AND a.receive_by_at = due.receive_by_at AND a.deadline_at = due.deadline_at
       AND {OPEN} AND (a.received_at IS NULL OR NOT due.of_receipt)
       AND NOT EXISTS (
           SELECT FROM timing_raised r
            WHERE r.item_id = a.item_id AND r.division = a.division
              AND r.step = due.step AND r.rung = due.rung AND r.due_at = due.due_at)
    ON CONFLICT (item_id, division, term, step, rung) DO NOTHING
    RETURNING item_id, division, term, step, rung
"""  # noqa: S608 - constants

KEEP = """
    INSERT INTO timing_raised
           (item_id, division, term, step, rung, due_at, raised_at, superseded)
    SELECT $1, division, $3, $4, $5, $6, $7, $8 FROM unnest($2::text[]) AS division
    ON CONFLICT (item_id, division, term, step, rung) DO NOTHING
    RETURNING division
"""

ADVANCE = """
    UPDATE timing_clock c
       SET next_due_at = n.next_due_at, worked_at = n.worked_at, worked_step = n.worked_step,
           worked_rung = n.worked_rung, reached = n.reached, calendar_version = $8
      FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[],
                  $5::smallint[], $6::smallint[], $7::text[])
           AS n (clock_id, armed_in, next_due_at, worked_at, worked_step, worked_rung, reached)
     WHERE c.clock_id = n.clock_id AND c.armed_in::text = n.armed_in
"""

# A calendar that was published may have moved the ladder of what runs.
REARM = """
    UPDATE timing_clock
       SET next_due_at = 'epoch', armed_in = pg_current_xact_id(), worked_at = NULL,
           reached = '', calendar_version = NULL
     WHERE next_due_at IS NOT NULL AND calendar_version <> $1
"""

HELD = """
    SELECT division, assigner_division FROM assignment
     WHERE item_id = $1 AND division = ANY($2)
"""


async def soonest(tx: Tx) -> datetime | None:
    """Return when the first clock must be looked at."""
    moment: datetime | None = await tx.fetchval(SOONEST)
    return moment


async def due(tx: Tx, now: datetime, limit: int) -> list[Clock]:
    """Return clocks that must be looked at, the longest due first."""
    return [_clock(row) for row in await tx.fetch(DUE, now, limit)]


async def items(tx: Tx, item_ids: Sequence[UUID]) -> list[tuple[UUID, bytes, str]]:
    """Return items: id, message, and the work that brought it here."""
    return [tuple(row) for row in await tx.fetch(ITEMS, item_ids)]


async def concerned(tx: Tx, timers: Sequence[Due], limit: int) -> list[Found]:
    """Return whom due timers concern, in their order; at most `limit` of them."""
    groups = [one.clock.group for one in timers]
    rows = await tx.fetch(
        CONCERNED,
        [group.item_id for group in groups],
        [group.assigner for group in groups],
        [group.digits for group in groups],
        [group.window.assigned_at for group in groups],
        [group.window.receive_by for group in groups],
        [group.window.deadline for group in groups],
        [one.clock.reached for one in timers],
        [one.timer.step in OF_RECEIPT for one in timers],
        limit,
    )
    return [Found(timers[row["place"] - 1], Code(row["division"])) for row in rows]


async def raised(
    tx: Tx, found: Sequence[Found], now: datetime
) -> dict[Mark, list[Code]]:
    """Raise timers, each once; return the divisions it was raised for now."""
    dues = [one.due for one in found]
    groups = [one.clock.group for one in dues]
    rows = await tx.fetch(
        RAISE,
        [group.item_id for group in groups],
        [one.division for one in found],
        [group.assigner for group in groups],
        [group.window.assigned_at for group in groups],
        [group.window.receive_by for group in groups],
        [group.window.deadline for group in groups],
        [one.timer.step in OF_RECEIPT for one in dues],
        [one.timer.step for one in dues],
        [one.timer.rung for one in dues],
        [one.timer.at for one in dues],
        [one.superseded for one in dues],
        now,
    )
    # A division has one group, and so one timer of a step and rung.
    by_key = {
        (one.due.clock.group.item_id, one.division, one.due.timer[1:3]): one.due
        for one in found
    }
    marks: dict[Mark, list[Code]] = {}
    for item_id, division, term, *taken in rows:
        one = by_key[item_id, division, tuple(taken)]
        mark = Mark(item_id, one.clock.group.assigner, term, one.timer, one.superseded)
        marks.setdefault(mark, []).append(division)
    return marks


async def keep(
    tx: Tx, mark: Mark, divisions: Sequence[Code], raised_at: datetime
) -> list[Code]:
    """Keep what another node raised; return for whom that is new here."""
    timer = mark.timer
    rows = await tx.fetch(
        KEEP,
        mark.item_id,
        divisions,
        mark.term,
        timer.step,
        timer.rung,
        timer.at,
        raised_at,
        mark.superseded,
    )
    return [Code(row["division"]) for row in rows]


async def advance(tx: Tx, advances: Sequence[Advance], calendar_version: int) -> None:
    """Set clocks on; those that were armed since the look are left as they are."""
    worked = [one.worked for one in advances]
    await tx.execute(
        ADVANCE,
        [one.clock.clock_id for one in advances],
        [one.clock.armed_in for one in advances],
        [one.next_due for one in advances],
        [one.at if one else None for one in worked],
        [one.step if one else 0 for one in worked],
        [one.rung if one else 0 for one in worked],
        [one.reached for one in advances],
        calendar_version,
    )


async def rearm(tx: Tx, calendar_version: int) -> int:
    """Look again at all clocks that were reckoned by another calendar."""
    return await tx.execute(REARM, calendar_version)


async def assigners(
    tx: Tx, item_id: UUID, divisions: Sequence[Code]
) -> dict[Code, Code]:
    """Return who assigned to those of the divisions that have the item here."""
    rows = await tx.fetch(HELD, item_id, divisions)
    return {Code(row["division"]): Code(row["assigner_division"]) for row in rows}


def _clock(row: asyncpg.Record) -> Clock:
    """Read a row of DUE."""
    (clock_id, item_id, assigner, digits, assigned_at, receive_by, deadline, armed_in,
     worked_at, step, rung, reached) = row.values()  # fmt: skip
    window = Window(assigned_at, receive_by, deadline)
    worked = None if worked_at is None else Worked(worked_at, step, rung)
    group = Group(item_id, assigner, digits, window)
    return Clock(clock_id, group, armed_in, worked, reached)
