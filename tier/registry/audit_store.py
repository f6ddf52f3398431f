"""The registry recomputed by SQL of its own: from rows as they are, with no old state.

So a fault in the folds or in the triggers is not repeated here. Each statement returns the
rows that differ, and in its first row how many were compared. A period at a time: a day of a
province's grids is 1.5 million values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from tier.runtime.db import Tx

PERIODS = """
    SELECT period FROM registry_sheet UNION SELECT period FROM registry_total
    UNION SELECT period FROM registry_need UNION SELECT period FROM registry_request
     ORDER BY period
"""

# Flags: 1 late, 128 a place in the texts. Moments are summed in whole seconds. A smallest or
# largest that is kept as null is unknown, and not compared.
TOTALS = """
    WITH cell AS (
        SELECT left(s.division, 6) AS area, c.element, c.number, c.flag,
               trunc(date_part('epoch', s.observed[c.given]))::bigint AS seen
          FROM registry_sheet s,
               unnest(s.elements, s.numbers, s.given, s.flags)
                   AS c (element, number, given, flag)
         WHERE s.period = $1
    ), held AS (
        SELECT area, element, count(*) AS received,
               count(*) FILTER (WHERE flag & 1 = 0) AS on_time,
               coalesce(sum(number) FILTER (WHERE flag & 128 = 0), 0) AS sums,
               sum(seen) AS observed,
               min(number) FILTER (WHERE flag & 128 = 0) AS smallest,
               max(number) FILTER (WHERE flag & 128 = 0) AS largest
          FROM cell GROUP BY area, element
    ), only_asked AS (
        SELECT left(s.division, 6) AS area, a.element, count(*) AS missing
          FROM registry_sheet s, unnest(s.asked) AS a (element)
         WHERE s.period = $1 AND s.asked <> '{}' AND a.element <> ALL (s.elements)
         GROUP BY 1, 2
    ), computed AS (
        SELECT area, element,
               ARRAY[coalesce(missing, 0) + coalesce(received, 0), coalesce(received, 0),
                     coalesce(on_time, 0), coalesce(sums, 0), coalesce(observed, 0),
                     smallest, largest]::bigint[] AS counts
          FROM held FULL JOIN only_asked USING (area, element)
    ), kept AS (
        SELECT t.area, k.element,
               ARRAY[k.expected, k.received, k.on_time, k.sums, k.observed, k.smallest,
                     k.largest]::bigint[] AS counts
          FROM registry_total t,
               unnest(t.elements, t.expected, t.received, t.on_time, t.sums, t.observed,
                      t.smallest, t.largest)
                   AS k (element, expected, received, on_time, sums, observed, smallest,
                         largest)
         WHERE t.period = $1
    ), compared AS MATERIALIZED (
        SELECT area, element, kept.counts AS kept, computed.counts AS computed,
               coalesce(kept.counts, '{0,0,0,0,0,NULL,NULL}') AS k,
               coalesce(computed.counts, '{0,0,0,0,0,NULL,NULL}') AS c
          FROM kept FULL JOIN computed USING (area, element)
    )
    SELECT total.compared, differing.*
      FROM (SELECT count(*) AS compared FROM compared) AS total
           LEFT JOIN (
               SELECT area, element, kept, computed
                 FROM compared
                WHERE k[1:5] <> c[1:5]
                   OR (k[6] IS NOT NULL AND k[6] IS DISTINCT FROM c[6])
                   OR (k[7] IS NOT NULL AND k[7] IS DISTINCT FROM c[7])
                ORDER BY area, element LIMIT $2
           ) AS differing ON true
"""

# What a sheet asks is the union of what needs wait for, by the earliest of their deadlines.
ASKS = """
    WITH computed AS (
        SELECT division, array_agg(DISTINCT w.element ORDER BY w.element) AS asked,
               min(deadline_at) AS deadline
          FROM registry_need, unnest(waiting) AS w (element)
         WHERE period = $1 AND waiting <> '{}'
         GROUP BY division
    ), kept AS (
        SELECT division, asked, deadline_at AS deadline
          FROM registry_sheet WHERE period = $1
    ), compared AS MATERIALIZED (
        SELECT division, kept.asked AS kept, kept.deadline AS kept_deadline,
               computed.asked AS computed, computed.deadline AS computed_deadline
          FROM kept FULL JOIN computed USING (division)
    )
    SELECT total.compared, differing.*
      FROM (SELECT count(*) AS compared FROM compared) AS total
           LEFT JOIN (
               SELECT * FROM compared
                WHERE coalesce(kept, '{}') <> coalesce(computed, '{}')
                   OR kept_deadline IS DISTINCT FROM computed_deadline
                ORDER BY division LIMIT $2
           ) AS differing ON true
"""

REQUESTS = """
    WITH computed AS (
        SELECT data_request_id,
               ARRAY[sum(served), sum(joined), sum(confirm), sum(collect),
                     sum(cardinality(waiting))]::bigint[] AS counts
          FROM registry_need WHERE period = $1 GROUP BY data_request_id
    ), kept AS (
        SELECT data_request_id,
               ARRAY[served, joined, confirm, collect, waiting]::bigint[] AS counts
          FROM registry_request WHERE period = $1
    ), compared AS MATERIALIZED (
        SELECT data_request_id, kept.counts AS kept, computed.counts AS computed
          FROM kept FULL JOIN computed USING (data_request_id)
    )
    SELECT total.compared, differing.*
      FROM (SELECT count(*) AS compared FROM compared) AS total
           LEFT JOIN (
               SELECT * FROM compared
                WHERE coalesce(kept, '{0,0,0,0,0}') <> coalesce(computed, '{0,0,0,0,0}')
                ORDER BY data_request_id LIMIT $2
           ) AS differing ON true
"""

TOTAL_NAMES = (
    "expected", "received", "on_time", "sum", "observed", "smallest", "largest",
)  # fmt: skip
REQUEST_NAMES = ("served", "joined", "confirm", "collect", "waiting")


@dataclass(frozen=True, slots=True)
class Total:
    """A total that differs."""

    area: str
    element: int
    kept: str
    computed: str


@dataclass(frozen=True, slots=True)
class Asks:
    """A sheet whose asks differ: elements and deadline, kept and computed."""

    division: str
    kept: tuple[list[int], str]
    computed: tuple[list[int], str]


@dataclass(frozen=True, slots=True)
class Counts:
    """A data request whose counts differ."""

    request_id: UUID
    kept: str
    computed: str


async def periods(tx: Tx) -> list[str]:
    """Return every period of which something is held, asked or summed."""
    return [row["period"] for row in await tx.fetch(PERIODS)]


async def totals(tx: Tx, period: str, limit: int) -> tuple[int, list[Total]]:
    """Return how many totals were compared with the sheets, and those that differ."""
    rows = await tx.fetch(TOTALS, period, limit)
    found = [
        Total(
            row["area"],
            row["element"],
            _spelled(TOTAL_NAMES, row["kept"]),
            _spelled(TOTAL_NAMES, row["computed"]),
        )
        for row in rows
        if row["area"] is not None
    ]
    return rows[0]["compared"], found


async def asks(tx: Tx, period: str, limit: int) -> tuple[int, list[Asks]]:
    """Return how many sheets were compared with the needs, and those that differ."""
    rows = await tx.fetch(ASKS, period, limit)
    found = [
        Asks(row["division"], _asked(row, "kept"), _asked(row, "computed"))
        for row in rows
        if row["division"] is not None
    ]
    return rows[0]["compared"], found


async def requests(tx: Tx, period: str, limit: int) -> tuple[int, list[Counts]]:
    """Return how many data requests were compared with their needs, and those that differ."""
    rows = await tx.fetch(REQUESTS, period, limit)
    found = [
        Counts(
            row["data_request_id"],
            _spelled(REQUEST_NAMES, row["kept"]),
            _spelled(REQUEST_NAMES, row["computed"]),
        )
        for row in rows
        if row["data_request_id"] is not None
    ]
    return rows[0]["compared"], found


def _asked(row: asyncpg.Record, side: str) -> tuple[list[int], str]:
    deadline = row[f"{side}_deadline"]
    return row[side] or [], "" if deadline is None else deadline.isoformat()


def _spelled(names: Sequence[str], counts: Sequence[int | None] | None) -> str:
    """Write a row of counts for the reader of an audit; empty for no row."""
    if counts is None:
        return ""
    pairs = zip(names, counts, strict=True)
    return " ".join(f"{name}={count}" for name, count in pairs if count is not None)
