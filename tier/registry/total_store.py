"""SQL that reads values as sums: of whole counties from the totals, else from the sheets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tier.jurisdiction import Code
from tier.registry.model import Sheet, Sum
from tier.registry.store import COLUMNS, sheet_from
from tier.runtime.db import Tx


@dataclass(frozen=True, slots=True)
class Stretch:
    """Codes from `first` up to before `end` that lie in one of some areas."""

    areas: Sequence[str]
    first: str = ""
    end: str = ":"
    """':' is the character after '9': no code lies beyond."""


Sums = list[tuple[str, int, Sum]]
"""(area, element, its sum there)."""

# Of the wide arrays only the places of the elements that are asked for.
COUNTIES = """
    SELECT t.area, e.element, t.expected[e.place], t.received[e.place], t.on_time[e.place],
           t.sums[e.place], t.observed[e.place], t.smallest[e.place], t.largest[e.place]
      FROM unnest($3::text[]) AS part (code)
           JOIN registry_total t
             ON t.period = $1
            AND t.area >= greatest(part.code, $4) AND t.area < least(part.code || ':', $5)
           CROSS JOIN LATERAL (
               SELECT element, array_position(t.elements, element) AS place
                 FROM unnest($2::smallint[]) AS element OFFSET 0) AS e
     WHERE e.place IS NOT NULL
"""

# A cell that is asked or held is expected. Late is 1, a text 128 (tier.registry.model.Flag).
SHEETS = """
    SELECT left(s.division, $6), e.element, count(*), count(e.place),
           count(*) FILTER (WHERE s.flags[e.place] & 1 = 0),
           coalesce(sum(s.numbers[e.place]) FILTER (WHERE s.flags[e.place] & 128 = 0), 0)::bigint,
           coalesce(sum(trunc(extract(epoch FROM s.observed[s.given[e.place]]))), 0)::bigint,
           min(s.numbers[e.place]) FILTER (WHERE s.flags[e.place] & 128 = 0),
           max(s.numbers[e.place]) FILTER (WHERE s.flags[e.place] & 128 = 0)
      FROM unnest($3::text[]) AS part (code)
           JOIN registry_sheet s
             ON s.period = $1
            AND s.division >= greatest(part.code, $4)
            AND s.division < least(part.code || ':', $5)
           CROSS JOIN LATERAL (
               SELECT element, array_position(s.elements, element) AS place
                 FROM unnest($2::smallint[]) AS element OFFSET 0) AS e
     WHERE (e.place IS NOT NULL OR e.element = ANY (s.asked))
       AND NOT EXISTS (SELECT FROM unnest($7::text[]) AS other WHERE starts_with(s.division, other))
     GROUP BY 1, 2
"""

# The open tasks of an area by code: as few rows as are shown.
UNANSWERED = """
    SELECT wanted.area, m.division
      FROM unnest($3::text[], $4::text[]) AS wanted (area, part)
     CROSS JOIN LATERAL (
           SELECT division FROM registry_sheet s
            WHERE s.division >= wanted.part AND s.division < wanted.part || ':'
              AND s.period = $1 AND s.asked <> '{}' AND s.asked && $2::smallint[]
              AND (s.elements = '{}' OR EXISTS (
                   SELECT FROM unnest($2::smallint[]) AS element
                    WHERE element = ANY (s.asked) AND element <> ALL (s.elements)))
            ORDER BY s.division, s.period
            LIMIT $5) m
"""

WITHIN = f"""
    SELECT {COLUMNS}
      FROM unnest($2::text[]) AS part (code)
           JOIN registry_sheet s
             ON s.period = $1
            AND s.division >= greatest(part.code, $3)
            AND s.division < least(part.code || ':', $4)
"""  # noqa: S608 - constants

# What was asked by a moment, of requests that nobody took back since.
REQUESTS_BY = """
    SELECT data_request_id, request FROM registry_request
     WHERE period = $1 AND created_at <= $2 AND NOT withdrawn
"""
NEEDS_BY = """
    SELECT n.division, n.data_request_id
      FROM unnest($2::text[]) AS part (code)
           JOIN registry_need n
             ON n.division >= greatest(part.code, $3)
            AND n.division < least(part.code || ':', $4)
            AND n.period = $1
     WHERE n.created_at <= $5
"""


async def county_sums(
    tx: Tx, period: str, elements: Sequence[int], stretch: Stretch
) -> Sums:
    """Return the sums of whole counties: a row for each element that is asked or held there.

    A smallest or largest that was corrected away is None: read it off the sheets.
    """
    rows = await tx.fetch(
        COUNTIES, period, elements, stretch.areas, stretch.first, stretch.end
    )
    return [(area, element, Sum(*sums)) for area, element, *sums in rows]


async def sheet_sums(
    tx: Tx,
    period: str,
    elements: Sequence[int],
    stretch: Stretch,
    *,
    digits: int,
    but: Sequence[str] = (),
) -> Sums:
    """Return the sums of sheets, by the first digits of their division.

    What lies in one of `but` is left out.
    """
    rows = await tx.fetch(
        SHEETS, period, elements, stretch.areas, stretch.first, stretch.end, digits, but
    )
    return [(area, element, Sum(*sums)) for area, element, *sums in rows]


async def unanswered(
    tx: Tx,
    period: str,
    elements: Sequence[int],
    parts: Iterable[tuple[str, str]],
    limit: int,
) -> list[tuple[str, Code]]:
    """Return divisions that were asked for one of the elements and do not hold it.

    For each (area, part of it) the first few, as (area, division).
    """
    wanted = list(parts)
    rows = await tx.fetch(
        UNANSWERED,
        period,
        elements,
        [area for area, _ in wanted],
        [part for _, part in wanted],
        limit,
    )
    return [(row["area"], Code(row["division"])) for row in rows]


async def sheets_within(tx: Tx, period: str, stretch: Stretch) -> list[Sheet]:
    """Return all sheets of a period in a stretch."""
    rows = await tx.fetch(WITHIN, period, stretch.areas, stretch.first, stretch.end)
    return [sheet_from(row) for row in rows]


async def requests_by(tx: Tx, period: str, at: datetime) -> dict[UUID, bytes]:
    """Return the requests that were made by a moment and not taken back since, as made."""
    rows = await tx.fetch(REQUESTS_BY, period, at)
    return {row["data_request_id"]: row["request"] for row in rows}


async def needs_by(
    tx: Tx, period: str, stretch: Stretch, at: datetime
) -> list[tuple[Code, UUID]]:
    """Return the divisions of a stretch that had been asked by a moment, by request."""
    rows = await tx.fetch(
        NEEDS_BY, period, stretch.areas, stretch.first, stretch.end, at
    )
    return [(Code(row["division"]), row["data_request_id"]) for row in rows]
