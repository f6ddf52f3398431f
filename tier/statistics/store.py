"""Every SQL statement that serves statistics: they read what other capabilities keep."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from tier.jurisdiction import DIGITS, Level
from tier.runtime.db import Tx
from tier.statistics import rules
from tier.statistics.model import Counts, Grouping, Key, Measure, Query, Statistic

# Each source of events says whose, when, what and how much. What an assignment itself says
# is read off its row; the rest stands in rows of their own. `{about}` is put where a WHERE
# of the source's own divisions and items goes.
OF_ASSIGNMENTS = f"""
    SELECT a.item_id, a.division, e.at, e.measure, 1::bigint AS amount
      FROM assignment a CROSS JOIN LATERAL (VALUES
           ({Measure.ASSIGNED:d}, a.assigned_at),
           ({Measure.ASSIGNED_WITHDRAWN:d}, CASE WHEN a.withdrawn THEN a.assigned_at END),
           ({Measure.ASSIGNED_FINISHED:d},
            CASE WHEN NOT a.withdrawn AND a.reported_at IS NOT NULL THEN a.assigned_at END),
           ({Measure.ASSIGNED_FINISHED_ON_TIME:d},
            CASE WHEN NOT a.withdrawn AND a.reported_at <= a.deadline_at
                 THEN a.assigned_at END),
           (CASE WHEN a.received_at <= a.receive_by_at THEN {Measure.RECEIVED_ON_TIME:d}
                 ELSE {Measure.RECEIVED_LATE:d} END, a.received_at),
           (CASE WHEN a.reported_at <= a.deadline_at THEN {Measure.FINISHED_ON_TIME:d}
                 ELSE {Measure.FINISHED_LATE:d} END, a.reported_at),
           ({Measure.FINISHED_IN_ORIGINAL_TIME:d},
            CASE WHEN a.reported_at <= a.original_deadline_at THEN a.reported_at END)
           ) AS e (measure, at)
     WHERE {{about}}
"""  # noqa: S608 - constants

OF_RETURNS = f"""
    SELECT a.item_id, a.division, a.returned_at, {Measure.RETURNED:d}, 1
      FROM assignment_return a
     WHERE {{about}}
"""  # noqa: S608 - constants

# A resumption gives back the time that the clock stood still.
OF_STOPS = f"""
    SELECT a.item_id, a.division, a.moved_at, {Measure.STOPPED_SECONDS:d},
           round(extract(epoch FROM a.new_deadline_at - a.old_deadline_at))::bigint
      FROM assignment_deadline_move a
     WHERE a.cause = 2 AND {{about}}
"""  # noqa: S608 - constants

# Kinds and states are those of the proto: 1 extension, 2 suspension, 4 dispute, 5 review;
# 2 granted.
OF_PETITIONS = f"""
    SELECT a.item_id, a.division, e.at, e.measure, 1
      FROM petition a CROSS JOIN LATERAL (VALUES
           (CASE a.kind WHEN 4 THEN {Measure.DISPUTED:d}
                        WHEN 5 THEN {Measure.REVIEWED:d} END, a.filed_at),
           (CASE WHEN a.state <> 2 THEN NULL
                 ELSE CASE a.kind WHEN 1 THEN {Measure.EXTENDED:d}
                                  WHEN 2 THEN {Measure.SUSPENDED:d}
                                  WHEN 4 THEN {Measure.DISPUTES_UPHELD:d}
                                  WHEN 5 THEN {Measure.REVIEWS_OVERTURNED:d} END
             END, a.decided_at)
           ) AS e (measure, at)
     WHERE e.measure IS NOT NULL AND {{about}}
"""  # noqa: S608 - constants

OF_URGES = f"""
    SELECT a.item_id, a.division, a.urged_at, {Measure.URGED:d}, 1
      FROM urging_urge a
     WHERE {{about}}
"""  # noqa: S608 - constants

# Overtaken: a report was on its way when the step was taken.
OF_ESCALATIONS = f"""
    SELECT a.item_id, a.division, a.raised_at,
           CASE WHEN done.reported_at <= a.raised_at
                THEN {Measure.ESCALATIONS_OVERTAKEN:d} ELSE {Measure.ESCALATED:d} END, 1
      FROM timing_raised a LEFT JOIN assignment done USING (item_id, division)
     WHERE a.step = 6 AND {{about}}
"""  # noqa: S608 - constants

SOURCES = (
    OF_ASSIGNMENTS, OF_RETURNS, OF_STOPS, OF_PETITIONS, OF_URGES, OF_ESCALATIONS,
)  # fmt: skip

# ':' is the character after '9': the range holds the code and all that begin with it.
WITHIN = """(a.division ~>=~ $1 AND a.division ~<~ $2)
       AND ($3 = 0 OR length(a.division) = $3)"""
OF_ITEM = "a.item_id = $1"

SUMS = ", ".join(
    f"coalesce(sum(amount) FILTER (WHERE measure = {measure:d}), 0)::bigint"
    for measure in Measure
)

# Month of a moment in China, which has had no summer time since 1991.
MONTH = "to_char(at AT TIME ZONE INTERVAL '8 hours', 'YYYY-MM')"

ASKED = f"""
    SELECT CASE WHEN NOT $11 THEN '' WHEN $4 = 0 THEN event.division
                ELSE left(event.division, $4) END COLLATE "C" AS division,
           CASE WHEN $12 THEN i.issuer_division ELSE '' END COLLATE "C" AS issuer,
           CASE WHEN $12 THEN i.organiser ELSE '' END COLLATE "C" AS lead_unit,
           CASE WHEN $13 THEN i.source_type ELSE 0 END AS source_type,
           CASE WHEN $14 THEN i.urgency ELSE 0 END AS urgency,
           CASE WHEN $15 THEN {MONTH} ELSE '' END COLLATE "C" AS month,
           event.measure, event.amount
      FROM ({" UNION ALL ".join(SOURCES).format(about=WITHIN)}) AS event
           JOIN assignment_item i USING (item_id)
     WHERE length(event.division) >= $4
       AND event.at >= $5 AND event.at < $6
       AND ($7 = '' OR i.issuer_division = $7)
       AND ($8 = 0 OR i.source_type = $8) AND ($9 = 0 OR i.urgency = $9)
"""  # noqa: S608 - constants

KEY = "division, issuer, lead_unit, source_type, urgency, month"

PAGE = f"""
    WITH asked AS ({ASKED})
    SELECT {KEY}, {SUMS}
      FROM asked
     WHERE $16 OR ({KEY}) > ($17, $18, $19, $20::int, $21::int, $22)
     GROUP BY {KEY}
     ORDER BY {KEY}
     LIMIT $10
"""  # noqa: S608 - constants

TOTAL = f"WITH asked AS ({ASKED}) SELECT {SUMS} FROM asked LIMIT $10"  # noqa: S608 - constants

# Of one item, nothing summed over.
WHOLE = f"""
    SELECT event.division, i.issuer_division, i.organiser, i.source_type, i.urgency,
           {MONTH} AS month, {SUMS}
      FROM ({" UNION ALL ".join(SOURCES).format(about=OF_ITEM)}) AS event
           JOIN assignment_item i USING (item_id)
     WHERE at IS NOT NULL
     GROUP BY 1, 2, 3, 4, 5, 6
"""  # noqa: S608 - constants


ITEMS = "SELECT item_id FROM assignment_item"


async def page(tx: Tx, query: Query, after: Key | None, limit: int) -> list[Statistic]:
    """Return groups after a key, or from the first on, in the order of keys."""
    rows = await tx.fetch(
        PAGE, *_arguments(query, limit), after is None, *(after or Key())
    )
    return [_statistic(row) for row in rows]


async def total(tx: Tx, query: Query) -> Counts:
    """Return all that is asked for, summed."""
    rows = await tx.fetch(TOTAL, *_arguments(query, 1))
    return tuple(rows[0].values())


async def of_item(tx: Tx, item_id: UUID) -> dict[Key, Counts]:
    """Return what is counted of an item: by division and month, nothing summed over."""
    rows = await tx.fetch(WHOLE, item_id)
    found = map(_statistic, rows)
    return {one.key: one.counts for one in found}


async def items(tx: Tx) -> list[UUID]:
    """Return every item of which something may be counted."""
    return [row["item_id"] for row in await tx.fetch(ITEMS)]


def _arguments(query: Query, limit: int) -> tuple[object, ...]:
    begin, end = rules.span(query.first_month, query.last_month)
    return (
        query.within,
        f"{query.within}:",
        _digits(query.executing),
        _digits(query.level),
        begin,
        end,
        query.issuer,
        query.source_type,
        query.urgency,
        limit,
        *(grouping in query.groups for grouping in Grouping),
    )


def _digits(level: Level | None) -> int:
    return 0 if level is None else DIGITS[level]


def _statistic(row: asyncpg.Record) -> Statistic:
    division, issuer, lead_unit, source_type, urgency, month, *counts = row.values()
    key = Key(division, issuer, lead_unit, source_type, urgency, month)
    return Statistic(key, tuple(counts))
