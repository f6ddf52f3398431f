"""Every SQL statement that serves statistics: they read what other capabilities keep."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from tier.jurisdiction import DIGITS, Level
from tier.runtime.db import Tx
from tier.statistics import rules
from tier.statistics.model import (
    MEASURES,
    Counts,
    Grouping,
    Key,
    Measure,
    Query,
    Statistic,
)

# Each source of events says whose, when, what and how much. What counts is a set of measures,
# as bits: one moment of an assignment is an event of several. `{about}` is put where a WHERE of
# the source's own divisions, items and moments goes; `at` is the moment.


def _bit(measure: Measure) -> int:
    return 1 << measure - 1


OF_ASSIGNMENTS = f"""
    SELECT a.item_id, a.division, a.assigned_at AS at, 1::bigint AS amount,
           {_bit(Measure.ASSIGNED)}
           | CASE WHEN a.withdrawn THEN {_bit(Measure.ASSIGNED_WITHDRAWN)}
                  WHEN a.reported_at <= a.deadline_at
                  THEN {_bit(Measure.ASSIGNED_FINISHED)}
                       | {_bit(Measure.ASSIGNED_FINISHED_ON_TIME)}
                  WHEN a.reported_at IS NOT NULL THEN {_bit(Measure.ASSIGNED_FINISHED)}
                  ELSE 0 END AS measures
      FROM assignment a
     WHERE {{about}}
"""  # noqa: S608 - constants

OF_RECEIPTS = f"""
    SELECT a.item_id, a.division, a.received_at, 1,
           CASE WHEN a.received_at <= a.receive_by_at THEN {_bit(Measure.RECEIVED_ON_TIME)}
                ELSE {_bit(Measure.RECEIVED_LATE)} END
      FROM assignment a
     WHERE {{about}}
"""  # noqa: S608 - constants

OF_REPORTS = f"""
    SELECT a.item_id, a.division, a.reported_at, 1,
           CASE WHEN a.reported_at <= a.deadline_at THEN {_bit(Measure.FINISHED_ON_TIME)}
                ELSE {_bit(Measure.FINISHED_LATE)} END
           | CASE WHEN a.reported_at <= a.original_deadline_at
                  THEN {_bit(Measure.FINISHED_IN_ORIGINAL_TIME)} ELSE 0 END
      FROM assignment a
     WHERE {{about}}
"""  # noqa: S608 - constants

OF_RETURNS = f"""
    SELECT a.item_id, a.division, a.returned_at, 1, {_bit(Measure.RETURNED)}
      FROM assignment_return a
     WHERE {{about}}
"""  # noqa: S608 - constants

# A resumption gives back the time that the clock stood still.
OF_STOPS = f"""
    SELECT a.item_id, a.division, a.moved_at,
           round(extract(epoch FROM a.new_deadline_at - a.old_deadline_at))::bigint,
           {_bit(Measure.STOPPED_SECONDS)}
      FROM assignment_deadline_move a
     WHERE a.cause = 2 AND {{about}}
"""  # noqa: S608 - constants

# Kinds are those of the proto: 1 extension, 2 suspension, 4 dispute, 5 review.
OF_FILINGS = f"""
    SELECT a.item_id, a.division, a.filed_at, 1,
           CASE a.kind WHEN 4 THEN {_bit(Measure.DISPUTED)}
                       ELSE {_bit(Measure.REVIEWED)} END
      FROM petition a
     WHERE a.kind IN (4, 5) AND {{about}}
"""  # noqa: S608 - constants

OF_GRANTS = f"""
    SELECT a.item_id, a.division, a.decided_at, 1,
           CASE a.kind WHEN 1 THEN {_bit(Measure.EXTENDED)}
                       WHEN 2 THEN {_bit(Measure.SUSPENDED)}
                       WHEN 4 THEN {_bit(Measure.DISPUTES_UPHELD)}
                       ELSE {_bit(Measure.REVIEWS_OVERTURNED)} END
      FROM petition a
     WHERE a.state = 2 AND a.kind IN (1, 2, 4, 5) AND {{about}}
"""  # noqa: S608 - constants

OF_URGES = f"""
    SELECT a.item_id, a.division, a.urged_at, 1, {_bit(Measure.URGED)}
      FROM urging_urge a
     WHERE {{about}}
"""  # noqa: S608 - constants

# Overtaken: a report was on its way when the step, 6, was taken.
OF_ESCALATIONS = f"""
    SELECT a.item_id, a.division, a.raised_at, 1,
           CASE WHEN done.reported_at <= a.raised_at
                THEN {_bit(Measure.ESCALATIONS_OVERTAKEN)} ELSE {_bit(Measure.ESCALATED)} END
      FROM timing_raised a LEFT JOIN assignment done USING (item_id, division)
     WHERE a.step = 6 AND {{about}}
"""  # noqa: S608 - constants

SOURCES = {
    OF_ASSIGNMENTS: "assigned_at",
    OF_RECEIPTS: "received_at",
    OF_REPORTS: "reported_at",
    OF_RETURNS: "returned_at",
    OF_STOPS: "moved_at",
    OF_FILINGS: "filed_at",
    OF_GRANTS: "decided_at",
    OF_URGES: "urged_at",
    OF_ESCALATIONS: "raised_at",
}
"""Each source, with the column that says when."""


def _events(about: str) -> str:
    """Return all events as one relation, with what a WHERE asks of each row of theirs."""
    return " UNION ALL ".join(
        source.format(about=about.format(at=f"a.{at}"))
        for source, at in SOURCES.items()
    )


# ':' is the character after '9': the range holds the code and all that begin with it.
WITHIN = """({at} >= $5 AND {at} < $6)
       AND (a.division ~>=~ $1 AND a.division ~<~ $2)
       AND ($3 = 0 OR length(a.division) = $3) AND length(a.division) >= $4"""
OF_ITEM = "{at} IS NOT NULL AND a.item_id = $1"

SUMS = ", ".join(
    f"coalesce(sum(amount) FILTER (WHERE measures & {_bit(measure)} <> 0), 0)::bigint"
    for measure in MEASURES
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
           event.measures, event.amount
      FROM ({_events(WITHIN)}) AS event
           JOIN assignment_item i USING (item_id)
     WHERE ($7 = '' OR i.issuer_division = $7)
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
      FROM ({_events(OF_ITEM)}) AS event
           JOIN assignment_item i USING (item_id)
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
