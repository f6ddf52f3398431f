"""Every SQL statement about notices."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from tier.inbox.model import Count, Kept, Kind, Notice, Place, Query, Scope
from tier.inbox.rules import notice_id
from tier.jurisdiction import Code
from tier.runtime.db import Tx

COLUMNS = (
    "serial, notice_id, division, kind, item_id, happened_at, light, source, details, "
    "delivered_at, read_at, reader"
)

# In the order given. Whoever was told of the fact before keeps what it has.
DELIVER = """
    INSERT INTO inbox_notice
           (notice_id, division, kind, light, item_id, source, happened_at, delivered_at, details)
    SELECT given.notice_id, given.division, given.kind, given.light, given.item_id,
           given.source, given.happened_at, $9, given.details::jsonb
      FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::smallint[], $5::uuid[],
                  $6::uuid[], $7::timestamptz[], $8::text[]) WITH ORDINALITY
           AS given (notice_id, division, kind, light, item_id, source, happened_at, details,
                     place)
     ORDER BY place
    ON CONFLICT (notice_id) DO NOTHING
"""


async def deliver(tx: Tx, notices: Sequence[Notice], now: datetime) -> int:
    """Put notices into the inboxes of their divisions; return how many were new."""
    # Thousands that one timer makes share their details: written once.
    details = {id(one): one for one in (notice.details for notice in notices)}
    texts = {key: json.dumps(dict(one)) for key, one in details.items()}
    return await tx.execute(
        DELIVER,
        [notice_id(notice) for notice in notices],
        [notice.division for notice in notices],
        [notice.kind for notice in notices],
        [notice.light for notice in notices],
        [notice.item_id for notice in notices],
        [notice.source for notice in notices],
        [notice.at for notice in notices],
        [texts[id(notice.details)] for notice in notices],
        now,
    )


# A division alone, or with those below it: the range holds the code and all that begin
# with it, ':' being the character after '9'. OFFSET 0 keeps the planner from walking all
# inboxes backwards until it has met enough of a few.
ALONE = "SELECT * FROM inbox_notice WHERE division = $1"
WITH_BELOW = "SELECT * FROM inbox_notice WHERE division >= $1 AND division < $1 || ':'"
SCOPES = {False: ALONE, True: WITH_BELOW}
UNREAD = "AND read_at IS NULL"

PAGE = """
    SELECT {columns}
      FROM ({scope} {unread} AND ($2 = 0 OR serial < $2)
               AND (cardinality($3::smallint[]) = 0 OR kind = ANY($3))
               AND ($4::uuid IS NULL OR item_id = $4) {fence}) AS held
     ORDER BY serial DESC
     LIMIT $5
"""
PAGES = {
    (below, unread): PAGE.format(
        columns=COLUMNS,
        scope=SCOPES[below],
        unread=UNREAD if unread else "",
        fence="OFFSET 0" if below else "",
    )
    for below in (False, True)
    for unread in (False, True)
}

AFTER = """
    SELECT {columns}
      FROM ({scope} AND serial > $2 {fence}) AS held
     ORDER BY serial
     LIMIT $3
"""
AFTERS = {
    below: AFTER.format(
        columns=COLUMNS, scope=SCOPES[below], fence="OFFSET 0" if below else ""
    )
    for below in (False, True)
}

LAST = """
    SELECT serial, notice_id FROM ({scope} {fence}) AS held ORDER BY serial DESC LIMIT 1
"""
LASTS = {
    below: LAST.format(scope=SCOPES[below], fence="OFFSET 0" if below else "")
    for below in (False, True)
}

IS_THERE = """
    SELECT EXISTS (SELECT FROM inbox_notice WHERE serial = $1 AND notice_id = $2)
"""

COUNTS = """
    SELECT kind, light, count(*) AS unread
      FROM ({scope} AND read_at IS NULL) AS held
     GROUP BY kind, light
     ORDER BY kind, light
"""

HEAD = "SELECT coalesce(max(serial), 0) FROM inbox_notice"
TOLD_AFTER = """
    SELECT division, max(serial) AS serial
      FROM inbox_notice WHERE serial > $1 GROUP BY division
"""

HELD = """
    SELECT notice_id FROM inbox_notice
     WHERE notice_id = ANY($1)
       AND (division = $2 OR ($3 AND starts_with(division, $2)))
"""

READ = """
    UPDATE inbox_notice SET read_at = $2, reader = $3
     WHERE notice_id = ANY($1) AND read_at IS NULL
    RETURNING notice_id
"""


async def page(tx: Tx, query: Query, before: int, limit: int) -> list[Kept]:
    """Return notices delivered before one of them (0: all), newest first."""
    scope = query.scope
    sql = PAGES[scope.include_below, query.unread_only]
    rows = await tx.fetch(
        sql, scope.division, before, list(query.kinds), query.item_id, limit
    )
    return [_kept(row) for row in rows]


async def after(tx: Tx, scope: Scope, place: Place, limit: int) -> list[Kept]:
    """Return notices delivered after a place, oldest first."""
    sql = AFTERS[scope.include_below]
    rows = await tx.fetch(sql, scope.division, place.serial, limit)
    return [_kept(row) for row in rows]


async def last(tx: Tx, scope: Scope) -> Place:
    """Return the place after all that was delivered."""
    row = await tx.fetchrow(LASTS[scope.include_below], scope.division)
    return Place() if row is None else Place(*row)


async def is_there(tx: Tx, place: Place) -> bool:
    """Whether a place is one of this database."""
    there: bool = await tx.fetchval(IS_THERE, *place)
    return there or place == Place()


async def counts(tx: Tx, scope: Scope) -> list[Count]:
    """Return how many notices are unread, by kind and light."""
    sql = COUNTS.format(scope=SCOPES[scope.include_below])
    rows = await tx.fetch(sql, scope.division)
    return [Count(Kind(row["kind"]), row["light"], row["unread"]) for row in rows]


async def head(tx: Tx) -> int:
    """Return the last serial of all inboxes."""
    serial: int = await tx.fetchval(HEAD)
    return serial


async def told_after(tx: Tx, serial: int) -> dict[Code, int]:
    """Return who was told something after a serial, each with the last of it."""
    rows = await tx.fetch(TOLD_AFTER, serial)
    return {Code(row["division"]): row["serial"] for row in rows}


async def held(tx: Tx, scope: Scope, notice_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the notices that are in an inbox."""
    rows = await tx.fetch(HELD, list(notice_ids), scope.division, scope.include_below)
    return {UUID(row["notice_id"].hex) for row in rows}


async def mark_read(
    tx: Tx, notice_ids: Collection[UUID], now: datetime, reader: str
) -> list[UUID]:
    """Note who read notices first; return those that were unread."""
    rows = await tx.fetch(READ, list(notice_ids), now, reader)
    return [row["notice_id"] for row in rows]


def _kept(row: asyncpg.Record) -> Kept:
    (serial, named, division, kind, item_id, happened_at, light, source, details,
     delivered_at, read_at, reader) = row  # fmt: skip
    notice = Notice(
        division, Kind(kind), item_id, happened_at, light, source, json.loads(details)
    )
    return Kept(serial, named, notice, delivered_at, read_at, reader)
