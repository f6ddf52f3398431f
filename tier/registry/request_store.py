"""Every SQL statement about data requests and what the gate decided for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import asyncpg

from tier.jurisdiction import Code
from tier.registry import periods
from tier.registry.model import Counted, Key, Outcome, Request, Sheet, Split
from tier.registry.store import COLUMNS, sheet_from
from tier.runtime.area import AREA
from tier.runtime.db import Tx

INSERT = """
    INSERT INTO registry_request
           (data_request_id, requester_division, item_id, period, created_at, deadline_at,
            traceparent, request)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (data_request_id) DO NOTHING
"""

# Divisions that the gate decided alike: one statement.
NEED = """
    INSERT INTO registry_need
           (data_request_id, division, period, requester_division, created_at, deadline_at,
            waiting, served, joined, confirm, collect)
    SELECT $1, division, $2, $3, $4, $5, $6, $7, $8, $9, $10
      FROM unnest($11::text[]) AS division
        ON CONFLICT (data_request_id, division) DO NOTHING
"""

# What a tier below judged otherwise. What is missing stays missing until its answer comes.
# Never below nothing: a tier that began anew may have judged by itself what it is told again.
REJUDGE = """
    UPDATE registry_need
       SET served = served + $3, joined = joined + $4, confirm = confirm + $5,
           collect = collect + $6
     WHERE data_request_id = $1 AND division = ANY($2)
       AND least(served + $3, joined + $4, confirm + $5, collect + $6) >= 0
"""

ON_PERIOD = f"""
    SELECT {COLUMNS}
      FROM unnest($2::text[]) AS wanted (d)
     CROSS JOIN LATERAL (
           SELECT * FROM registry_sheet WHERE (period, division) = ($1, wanted.d) OFFSET 0) s
"""  # noqa: S608 - constants

FIELDS = """
    data_request_id, requester_division, item_id, period, created_at, deadline_at, traceparent,
    request, served, joined, confirm, collect, waiting, withdrawn, completed_at
"""

GET = f"SELECT {FIELDS} FROM registry_request WHERE data_request_id = $1"  # noqa: S608 - constants

LOCKED = f"{GET} FOR UPDATE"

SEVERAL = f"SELECT {FIELDS} FROM registry_request WHERE data_request_id = ANY($1)"  # noqa: S608 - constants

PAGE = f"""
    SELECT {FIELDS}
      FROM registry_request
     WHERE ($1 = '' OR requester_division = $1)
       AND ($2::uuid IS NULL OR item_id = $2)
       AND ($3 = 0 OR $3 = CASE WHEN withdrawn THEN 3 WHEN waiting > 0 THEN 1 ELSE 2 END)
       AND ($4::timestamptz IS NULL OR (created_at, data_request_id) < ($4, $5))
     ORDER BY created_at DESC, data_request_id DESC
     LIMIT $6
"""  # noqa: S608 - constants

NEEDS_PAGE = """
    SELECT n.division, n.waiting, n.served, n.joined, n.confirm, n.collect, n.confirmed,
           s.deadline_at
      FROM registry_need n
           LEFT JOIN registry_sheet s ON (s.period, s.division) = (n.period, n.division)
     WHERE n.data_request_id = $1 AND n.division > $2
       AND ($3 = '' OR (n.division >= $3 AND n.division < $3 || ':'))
       AND (NOT $4 OR n.waiting <> '{}')
     ORDER BY n.division
     LIMIT $5
"""

WAITING_OF_ITEM = """
    SELECT DISTINCT n.division
      FROM registry_request r JOIN registry_need n USING (data_request_id)
     WHERE r.item_id = $1 AND n.waiting <> '{}'
"""

TRACES = """
    SELECT DISTINCT traceparent FROM registry_request
     WHERE data_request_id = ANY($1) AND traceparent <> ''
"""

WITHDRAW = "UPDATE registry_request SET withdrawn = true WHERE data_request_id = $1"

OPEN_NEEDS = """
    SELECT division, period FROM registry_need
     WHERE data_request_id = $1 AND waiting <> '{}'
"""

NEED_DIVISIONS = "SELECT division FROM registry_need WHERE data_request_id = $1"

# A branch where all was served never heard of the request.
ASKED_DIVISIONS = f"{NEED_DIVISIONS} AND joined + confirm + collect > 0"

# ':' is the character after '9': the range holds the area and all within it.
REACHES = """
    SELECT EXISTS (SELECT FROM registry_need
                    WHERE data_request_id = $1 AND division >= $2 AND division < $2 || ':')
"""

# What of a request lies in the area that is seen: the rows are held to it.
SEEN = """
    SELECT data_request_id, sum(served) AS served, sum(joined) AS joined,
           sum(confirm) AS confirm, sum(collect) AS collect,
           sum(cardinality(waiting)) AS waiting
      FROM registry_need
     WHERE data_request_id = ANY($1)
     GROUP BY data_request_id
"""

FORGET_NEEDS = """
    UPDATE registry_need SET waiting = '{}'
     WHERE data_request_id = $1 AND waiting <> '{}'
"""


async def insert(tx: Tx, request: Request) -> None:
    """Write a request; one that is here stays as it is."""
    await tx.execute(
        INSERT,
        request.request_id,
        request.requester,
        request.item_id,
        request.period.text,
        request.created_at,
        request.deadline,
        request.traceparent,
        request.body,
    )


async def need(
    tx: Tx,
    request: Request,
    split: Split,
    waiting: Sequence[int],
    divisions: Sequence[Code],
) -> None:
    """Write what a request waits for at divisions that were decided alike."""
    await tx.execute(
        NEED,
        request.request_id,
        request.period.text,
        request.requester,
        request.created_at,
        request.deadline,
        list(waiting),
        len(split.served),
        len(split.joined),
        len(split.confirm),
        len(split.collect),
        list(divisions),
    )


async def rejudge(
    tx: Tx, request_id: UUID, divisions: Sequence[Code], moved: dict[Outcome, int]
) -> None:
    """Move counts of needs from one outcome to another."""
    await tx.execute(
        REJUDGE,
        request_id,
        list(divisions),
        moved.get(Outcome.SERVED, 0),
        moved.get(Outcome.JOINED, 0),
        moved.get(Outcome.CONFIRM, 0),
        moved.get(Outcome.COLLECT, 0),
    )


async def sheets_on(
    tx: Tx, period: str, divisions: Iterable[Code]
) -> dict[Code, Sheet]:
    """Return those sheets of a period that are here, by division."""
    rows = await tx.fetch(ON_PERIOD, period, list(divisions))
    found = map(sheet_from, rows)
    return {sheet.key.division: sheet for sheet in found}


async def get(tx: Tx, request_id: UUID) -> Counted | None:
    """Return a request with its counts, if it is here."""
    return (await _seen(tx, await tx.fetch(GET, request_id))).get(request_id)


async def several(tx: Tx, request_ids: Sequence[UUID]) -> dict[UUID, Counted]:
    """Return those of the requests that are here, with their counts."""
    return await _seen(tx, await tx.fetch(SEVERAL, request_ids))


async def locked(tx: Tx, request_id: UUID) -> Counted | None:
    """Return a request, held until the transaction ends."""
    row = await tx.fetchrow(LOCKED, request_id)
    return None if row is None else _counted(row)


async def page(
    tx: Tx,
    *,
    requester: str,
    item_id: UUID | None,
    state: int,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Counted]:
    """Return requests, newest first, after a key."""
    created, request_id = after or (None, None)
    rows = await tx.fetch(PAGE, requester, item_id, state, created, request_id, limit)
    return list((await _seen(tx, rows)).values())


async def needs_page(
    tx: Tx, request_id: UUID, *, after: str, within: str, waiting_only: bool, limit: int
) -> list[asyncpg.Record]:
    """Return needs of a request by division, after one."""
    return await tx.fetch(NEEDS_PAGE, request_id, after, within, waiting_only, limit)


async def withdraw(tx: Tx, request_id: UUID) -> list[Key]:
    """Take a request back; return the sheets where it still waited."""
    rows = await tx.fetch(OPEN_NEEDS, request_id)
    await tx.execute(FORGET_NEEDS, request_id)
    await tx.execute(WITHDRAW, request_id)
    return [Key(Code(row["division"]), row["period"]) for row in rows]


async def waiting_of_item(tx: Tx, item_id: UUID) -> list[Code]:
    """Return the divisions where an item still waits for data."""
    return [Code(row["division"]) for row in await tx.fetch(WAITING_OF_ITEM, item_id)]


async def traces(tx: Tx, request_ids: Sequence[UUID]) -> list[str]:
    """Return the works that brought requests, to be linked to."""
    if not request_ids:
        return []
    return [row["traceparent"] for row in await tx.fetch(TRACES, request_ids)]


async def divisions_of(tx: Tx, request_id: UUID) -> list[Code]:
    """Return the divisions a request has needs at."""
    return [Code(row["division"]) for row in await tx.fetch(NEED_DIVISIONS, request_id)]


async def asked_of(tx: Tx, request_id: UUID) -> list[Code]:
    """Return the divisions that a request asked something of."""
    rows = await tx.fetch(ASKED_DIVISIONS, request_id)
    return [Code(row["division"]) for row in rows]


async def reaches(tx: Tx, request_id: UUID, area: Code) -> bool:
    """Whether a request asks something within an area."""
    reaches: bool = await tx.fetchval(REACHES, request_id, area)
    return reaches


async def _seen(tx: Tx, rows: Sequence[asyncpg.Record]) -> dict[UUID, Counted]:
    """Return requests with their counts: of those from above, of the area that is seen."""
    found = {row["data_request_id"]: _counted(row) for row in rows}
    area = AREA.get()
    if area is None:
        return found
    above = [
        request_id
        for request_id, counted in found.items()
        if not counted.request.requester.startswith(area)
    ]
    if above:
        here = await tx.fetch(SEEN, above)
        found |= {
            row["data_request_id"]: replace(
                found[row["data_request_id"]],
                outcomes=_outcomes(row),
                waiting=row["waiting"],
            )
            for row in here
        }
    return found


def _outcomes(row: asyncpg.Record) -> dict[Outcome, int]:
    return {
        Outcome.SERVED: row["served"],
        Outcome.JOINED: row["joined"],
        Outcome.CONFIRM: row["confirm"],
        Outcome.COLLECT: row["collect"],
    }


def _counted(row: asyncpg.Record) -> Counted:
    return Counted(
        Request(
            row["data_request_id"],
            Code(row["requester_division"]),
            row["item_id"],
            periods.parse(row["period"]),
            row["created_at"],
            row["deadline_at"],
            row["traceparent"],
            row["request"],
        ),
        _outcomes(row),
        row["waiting"],
        row["withdrawn"],
        row["completed_at"],
    )
