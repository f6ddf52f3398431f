"""Every SQL statement about sheets, needs and totals; requests are in `request_store`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import asyncpg

from tier.jurisdiction import Code
from tier.registry import periods
from tier.registry.model import Conflict, ConflictState, Key, Need, Sheet, Sum
from tier.registry.totals import AreaKey
from tier.runtime.db import Tx

COLUMNS = (
    "period, division, period_start, asked, deadline_at, elements, numbers, given, flags, "
    "answers, observed, texts"
)

# Each by its whole key, whatever a cached plan thinks of the table's size.
SHEETS = f"""
    SELECT {COLUMNS}
      FROM unnest($1::text[], $2::text[]) AS wanted (d, p)
     CROSS JOIN LATERAL (
           SELECT * FROM registry_sheet WHERE (period, division) = (wanted.p, wanted.d) OFFSET 0) s
"""  # noqa: S608 - constants

# The newest earlier period that is written alike: of the same type, an event of the same name.
PREVIOUS = f"""
    SELECT wanted.p AS wanted_period, {COLUMNS}
      FROM unnest($1::text[], $2::text[], $3::date[]) AS wanted (d, p, start)
     CROSS JOIN LATERAL (
           SELECT * FROM registry_sheet
            WHERE division = wanted.d AND period_start < wanted.start AND elements <> '{{}}'
              AND translate(period, '012345678', '999999999')
                  = translate(wanted.p, '012345678', '999999999')
            ORDER BY period_start DESC LIMIT 1) s
"""  # noqa: S608 - constants

# Arrays of arrays are none in PostgreSQL: each row's arrays come as texts, which costs two
# thirds of binding them row by row.
WRITE = """
    INSERT INTO registry_sheet AS held
           (period, division, period_start, asked, deadline_at, elements, numbers, given, flags,
            answers, observed, texts)
    SELECT period, division, period_start, asked::smallint[], deadline_at, elements::smallint[],
           numbers::bigint[], given::smallint[], flags::smallint[], answers::uuid[],
           observed::timestamptz[],
           CASE WHEN texts = '[]' THEN '{}' ELSE ARRAY(SELECT json_array_elements_text(texts::json))
           END
      FROM unnest($1::text[], $2::text[], $3::date[], $4::text[], $5::timestamptz[],
                  $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[],
                  $12::text[])
           AS given (period, division, period_start, asked, deadline_at, elements, numbers,
                     given, flags, answers, observed, texts)
    ON CONFLICT (period, division) DO UPDATE
       SET asked = excluded.asked, deadline_at = excluded.deadline_at,
           elements = excluded.elements, numbers = excluded.numbers, given = excluded.given,
           flags = excluded.flags, answers = excluded.answers, observed = excluded.observed,
           texts = excluded.texts
"""

# The hot road: sheets that one answer filled, alike but for their numbers. What they share
# comes once.
FILL = """
    INSERT INTO registry_sheet AS held
           (period, division, period_start, elements, given, flags, numbers, answers, observed)
    SELECT $1, division, $2, $3, $4, $5, numbers::bigint[], ARRAY[answer], ARRAY[observed]
      FROM unnest($6::text[], $7::text[], $8::uuid[], $9::timestamptz[])
           AS given (division, numbers, answer, observed)
    ON CONFLICT (period, division) DO UPDATE
       SET asked = '{}', deadline_at = NULL, elements = excluded.elements,
           given = excluded.given, flags = excluded.flags, numbers = excluded.numbers,
           answers = excluded.answers, observed = excluded.observed
"""

# The same elements of many divisions: one statement. What is asked already stays asked.
ASK = """
    INSERT INTO registry_sheet AS held (period, division, period_start, asked, deadline_at)
    SELECT $1, division, $2, $3, $4 FROM unnest($5::text[]) AS division
    ON CONFLICT (period, division) DO UPDATE
       SET asked = registry_union(held.asked, excluded.asked),
           deadline_at = least(held.deadline_at, excluded.deadline_at)
"""

NEEDS = """
    SELECT n.data_request_id, n.division, n.period, n.created_at, n.deadline_at, n.waiting,
           n.confirmed, n.prefilled
      FROM unnest($1::text[], $2::text[]) AS wanted (d, p)
     CROSS JOIN LATERAL (
           SELECT * FROM registry_need
            WHERE (division, period) = (wanted.d, wanted.p) AND waiting <> '{}' OFFSET 0) n
     ORDER BY n.created_at, n.data_request_id
"""

# A need that waits for nothing holds an empty set, not NULL. Rows are found by their whole key
# first: joined plainly, a plan made while the table was small walks all needs of the request
# for each.
SERVE = """
    UPDATE registry_need n
       SET waiting = coalesce(string_to_array(nullif(m.waiting, ''), ',')::smallint[], '{}'),
           confirmed = m.confirmed, prefilled = m.prefilled
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::smallint[])
           AS m (data_request_id, division, waiting, confirmed, prefilled)
     CROSS JOIN LATERAL (
           SELECT ctid FROM registry_need
            WHERE (data_request_id, division) = (m.data_request_id, m.division) OFFSET 0) found
     WHERE n.ctid = found.ctid
"""

# The hot road: nothing is missing any more.
SERVE_ALL = """
    UPDATE registry_need SET waiting = '{}', confirmed = $3, prefilled = $4
     WHERE data_request_id = $1 AND division = ANY($2)
"""

TOTALS = """
    SELECT t.period, t.area, t.elements, t.expected, t.received, t.on_time, t.sums, t.observed,
           t.smallest, t.largest
      FROM unnest($1::text[], $2::text[]) AS wanted (p, a)
     CROSS JOIN LATERAL (
           SELECT * FROM registry_total WHERE (period, area) = (wanted.p, wanted.a) OFFSET 0) t
"""

WRITE_TOTAL = """
    INSERT INTO registry_total
           (period, area, elements, expected, received, on_time, sums, observed, smallest, largest)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (period, area) DO UPDATE
       SET elements = excluded.elements, expected = excluded.expected,
           received = excluded.received, on_time = excluded.on_time, sums = excluded.sums,
           observed = excluded.observed, smallest = excluded.smallest,
           largest = excluded.largest
"""

OPEN_CONFLICT = """
    INSERT INTO registry_conflict
           (conflict_id, division, period, element, standing_answer, rival_answer, opened_at,
            due_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (conflict_id) DO NOTHING
"""

CONFLICT_COLUMNS = (
    "conflict_id, division, period, element, standing_answer, rival_answer, opened_at, due_at, "
    "state, resolver, reason"
)

CONFLICT = f"SELECT {CONFLICT_COLUMNS} FROM registry_conflict WHERE conflict_id = $1"  # noqa: S608 - constants

SETTLE_CONFLICT = """
    UPDATE registry_conflict SET state = $2, resolver = $3, reason = $4
     WHERE conflict_id = $1 AND state = 1
"""


async def sheets(tx: Tx, keys: Iterable[Key]) -> dict[Key, Sheet]:
    """Return those of the sheets that are here."""
    wanted = list(keys)
    rows = await tx.fetch(
        SHEETS, [key.division for key in wanted], [key.period for key in wanted]
    )
    found = map(sheet_from, rows)
    return {sheet.key: sheet for sheet in found}


async def previous(tx: Tx, keys: Iterable[Key]) -> dict[Key, Sheet]:
    """Return the sheet of the period before, the newest with values, where there is one."""
    wanted = list(keys)
    if not wanted:
        return {}
    rows = await tx.fetch(
        PREVIOUS,
        [key.division for key in wanted],
        [key.period for key in wanted],
        [periods.parse(key.period).start for key in wanted],
    )
    return {
        Key(Code(row["division"]), row["wanted_period"]): _sheet(list(row.values())[1:])
        for row in rows
    }


async def write(tx: Tx, changed: Sequence[Sheet]) -> None:
    """Write sheets whole, new ones too."""
    alike: dict[object, list[Sheet]] = {}
    others = []
    for sheet in changed:
        if len(sheet.answers) == 1 and not (sheet.texts or sheet.asked):
            same = (sheet.key.period, tuple(sheet.elements), tuple(sheet.flags))
            alike.setdefault(same, []).append(sheet)
        else:
            others.append(sheet)
    for filled in alike.values():
        await _fill(tx, filled)
    if others:
        columns = zip(*map(_row, others), strict=True)
        await tx.execute(WRITE, *map(list, columns))


async def _fill(tx: Tx, filled: Sequence[Sheet]) -> None:
    """Write sheets of one period that hold one answer each, of the same elements and flags."""
    one = filled[0]
    await tx.execute(
        FILL,
        one.key.period,
        one.start,
        list(one.elements),
        list(one.given),
        list(one.flags),
        [sheet.key.division for sheet in filled],
        [_array(sheet.numbers) for sheet in filled],
        [sheet.answers[0] for sheet in filled],
        [sheet.observed[0] for sheet in filled],
    )


async def ask(
    tx: Tx,
    period: tuple[str, date],
    elements: Sequence[int],
    deadline: datetime,
    divisions: Sequence[Code],
) -> None:
    """Ask the same elements of many divisions; asking twice is asking once."""
    if elements and divisions:
        await tx.execute(ASK, *period, list(elements), deadline, list(divisions))


async def needs(tx: Tx, keys: Iterable[Key]) -> dict[Key, list[Need]]:
    """Return who still waits at these sheets, whoever asked first coming first."""
    wanted = list(keys)
    rows = await tx.fetch(
        NEEDS, [key.division for key in wanted], [key.period for key in wanted]
    )
    found: dict[Key, list[Need]] = {}
    for (
        request_id,
        division,
        period,
        created,
        due,
        waiting,
        confirmed,
        prefilled,
    ) in rows:
        key = Key(Code(division), period)
        need = Need(request_id, key, created, due, waiting, confirmed, prefilled)
        found.setdefault(key, []).append(need)
    return found


async def serve(tx: Tx, changed: Sequence[Need]) -> None:
    """Write what needs still wait for."""
    complete: dict[tuple[UUID, int, int], list[Code]] = {}
    others = []
    for need in changed:
        if need.waiting:
            others.append(need)
        else:
            alike = (need.request_id, need.confirmed, need.prefilled)
            complete.setdefault(alike, []).append(need.key.division)
    for (request_id, *counts), divisions in complete.items():
        await tx.execute(SERVE_ALL, request_id, divisions, *counts)
    if others:
        await tx.execute(
            SERVE,
            [need.request_id for need in others],
            [need.key.division for need in others],
            [",".join(map(str, need.waiting)) for need in others],
            [need.confirmed for need in others],
            [need.prefilled for need in others],
        )


async def totals(tx: Tx, keys: Iterable[AreaKey]) -> dict[AreaKey, dict[int, Sum]]:
    """Return those of the totals that are here, by element."""
    wanted = list(keys)
    rows = await tx.fetch(
        TOTALS, [key.period for key in wanted], [key.area for key in wanted]
    )
    found = {}
    for period, area, elements, *columns in rows:
        sums = (Sum(*numbers) for numbers in zip(*columns, strict=True))
        found[AreaKey(period, area)] = dict(zip(elements, sums, strict=True))
    return found


async def write_totals(tx: Tx, changed: Mapping[AreaKey, Mapping[int, Sum]]) -> None:
    """Write rows of totals whole."""
    rows = []
    for key, sums in changed.items():
        elements = sorted(sums)
        kept = [sums[element] for element in elements]
        rows.append(
            (
                key.period,
                key.area,
                elements,
                [one.expected for one in kept],
                [one.received for one in kept],
                [one.on_time for one in kept],
                [one.total for one in kept],
                [one.observed for one in kept],
                [one.smallest for one in kept],
                [one.largest for one in kept],
            )
        )
    if rows:
        await tx.execute_many(WRITE_TOTAL, rows)


async def open_conflicts(tx: Tx, opened: Sequence[Conflict]) -> None:
    """Keep new conflicts; one that is there stays as it is."""
    if opened:
        await tx.execute_many(
            OPEN_CONFLICT,
            [
                (one.conflict_id, one.key.division, one.key.period, one.element,
                 one.standing, one.rival, one.opened_at, one.due)
                for one in opened
            ],
        )  # fmt: skip


async def conflict(tx: Tx, conflict_id: UUID) -> Conflict | None:
    """Return one conflict, if it is here."""
    row = await tx.fetchrow(CONFLICT, conflict_id)
    return None if row is None else conflict_from(row)


async def settle_conflict(
    tx: Tx, conflict_id: UUID, state: ConflictState, resolver: str, reason: str
) -> bool:
    """Decide an open conflict; False if it is decided already."""
    return await tx.execute(SETTLE_CONFLICT, conflict_id, state, resolver, reason) == 1


def sheet_from(row: asyncpg.Record) -> Sheet:
    """Read a row of COLUMNS, by place: this is the hottest read."""
    return _sheet(row.values())


def _sheet(columns: Iterable[Any]) -> Sheet:
    (period, division, start, asked, deadline, elements, numbers, given, flags, answers,
     observed, texts) = columns  # fmt: skip
    return Sheet(
        Key(Code(division), period), start, asked, deadline, elements, numbers, given,
        flags, answers, observed, texts,
    )  # fmt: skip


def conflict_from(row: asyncpg.Record) -> Conflict:
    """Read a row of CONFLICT_COLUMNS."""
    return Conflict(
        row["conflict_id"],
        Key(Code(row["division"]), row["period"]),
        row["element"],
        row["standing_answer"],
        row["rival_answer"],
        row["opened_at"],
        row["due_at"],
        ConflictState(row["state"]),
        row["resolver"],
        row["reason"],
    )


def _row(sheet: Sheet) -> tuple[object, ...]:
    return (
        sheet.key.period,
        sheet.key.division,
        sheet.start,
        _same(tuple(sheet.asked)),
        sheet.deadline,
        _same(tuple(sheet.elements)),
        _array(sheet.numbers),
        _same(tuple(sheet.given)),
        _same(tuple(sheet.flags)),
        _array(sheet.answers),
        _array([f'"{moment}"' for moment in sheet.observed]),
        json.dumps(list(sheet.texts)) if sheet.texts else "[]",
    )


def _array(members: Iterable[object]) -> str:
    """Write an array of what needs no quotes."""
    return f"{{{','.join(map(str, members))}}}"


@lru_cache(maxsize=1024)
def _same(members: tuple[int, ...]) -> str:
    """Write an array that many sheets have: their elements, the answer that gave all."""
    return _array(members)
