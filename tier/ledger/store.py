"""Every SQL statement of the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import count
from uuid import UUID

import asyncpg

from tier.ledger.model import Committed, Entry, Kept, Lane
from tier.runtime.db import Tx
from tier.runtime.telemetry import current_traceparent

# One statement: number the facts, keep them, number them again for each neighbour. The
# head row stays locked until the commit.
APPEND = """
    WITH head AS (
        UPDATE ledger_head SET position = position + cardinality($1::uuid[])
        RETURNING position - cardinality($1::uuid[]) AS before
    ), given AS MATERIALIZED (
        SELECT head.before + f.ordinality AS position, f.*
          FROM head,
               unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[],
                      $7::text[])
               WITH ORDINALITY AS f (fact_id, kind, division, subject, actor, body, onward)
    ), fact AS (
        INSERT INTO ledger_fact
               (position, fact_id, kind, division, subject, actor, recorded_at, digest, body)
        SELECT position, fact_id, kind, division, subject, actor, $8, sha256(body), body
          FROM given
    ), lane AS (
        UPDATE ledger_lane
           SET seq = seq + added.n
          FROM unnest($9::text[], $10::bigint[]) AS added (name, n)
         WHERE neighbour = added.name
        RETURNING neighbour, epoch, seq - added.n AS before
    ), sent AS (
        INSERT INTO ledger_outbox (neighbour, seq, position)
        SELECT lane.neighbour,
               lane.before + row_number() OVER (PARTITION BY lane.neighbour ORDER BY position),
               position
          FROM given, string_to_table(given.onward, ',') AS name
               JOIN lane ON lane.neighbour = name
    )
    SELECT head.before, lane.neighbour, lane.epoch, lane.before AS lane_before
      FROM head LEFT JOIN lane ON true
"""

# The same for many facts, which COPY takes at a third of the cost: number them first.
NUMBER = """
    WITH head AS (
        UPDATE ledger_head SET position = position + $1
        RETURNING position - $1 AS before
    ), lane AS (
        UPDATE ledger_lane
           SET seq = seq + added.n
          FROM unnest($2::text[], $3::bigint[]) AS added (name, n)
         WHERE neighbour = added.name
        RETURNING neighbour, epoch, seq - added.n AS before
    )
    SELECT head.before, lane.neighbour, lane.epoch, lane.before AS lane_before
      FROM head LEFT JOIN lane ON true
"""

FACT_COLUMNS = (
    "position", "fact_id", "kind", "division", "subject", "actor", "recorded_at", "digest",
    "body",
)  # fmt: skip
OUTBOX_COLUMNS = ("neighbour", "seq", "position")
MANY = 64

OPEN_LANE = """
    INSERT INTO ledger_lane (neighbour, epoch) VALUES ($1, $2)
    ON CONFLICT (neighbour) DO NOTHING
    RETURNING neighbour
"""

NEW_EPOCH = """
    UPDATE ledger_lane SET epoch = $2
     WHERE neighbour = $1 AND epoch < $2
    RETURNING neighbour
"""

LANES = "SELECT neighbour, epoch, seq FROM ledger_lane ORDER BY neighbour"
LANE = "SELECT neighbour, epoch, seq FROM ledger_lane WHERE neighbour = $1"

# Bounded by number and by size, so that a page fits a message; the first always comes.
OUTGOING = """
    SELECT seq, body
      FROM (SELECT o.seq, f.body,
                   sum(octet_length(f.body)) OVER (ORDER BY o.seq) - octet_length(f.body)
                       AS before
              FROM ledger_outbox o JOIN ledger_fact f USING (position)
             WHERE o.neighbour = $1 AND o.seq > $2
             ORDER BY o.seq
             LIMIT $3) AS page
     WHERE before < $4
     ORDER BY seq
"""
OUTGOING_BYTES = 4 * 1024 * 1024

OLDEST = """
    SELECT f.recorded_at
      FROM ledger_outbox o JOIN ledger_fact f USING (position)
     WHERE o.neighbour = $1 AND o.seq = $2 + 1
"""

FACT_AT = """
    SELECT f.fact_id
      FROM ledger_outbox o JOIN ledger_fact f USING (position)
     WHERE o.neighbour = $1 AND o.seq = $2
"""

HEAD = "SELECT position FROM ledger_head"
BODIES = "SELECT fact_id, body FROM ledger_fact WHERE fact_id = ANY($1)"

ABOUT_SUBJECT = """
    SELECT position, recorded_at, kind, division, subject, actor
      FROM ledger_fact
     WHERE subject = $1 AND position > $2
     ORDER BY position
     LIMIT $3
"""

# What lies within the division, and what was said from above it.
ABOUT_DIVISION = """
    SELECT position, recorded_at, kind, division, subject, actor
      FROM ledger_fact
     WHERE position > $2 AND position <= $4
       AND (starts_with(division, $1) OR starts_with($1, division))
     ORDER BY position
     LIMIT $3
"""


async def append(tx: Tx, entries: Sequence[Entry], recorded_at: datetime) -> Committed:
    """Append `entries` in order and number them for their neighbours."""
    counts = Counter(name for entry in entries for name in entry.onward)
    write = _copy if len(entries) > MANY else _insert
    rows = await write(tx, entries, recorded_at, counts)
    lanes = tuple(
        Lane(row["neighbour"], row["epoch"], row["lane_before"])
        for row in rows
        if row["neighbour"] is not None
    )
    return Committed(rows[0]["before"], tuple(entries), lanes, current_traceparent())


async def _insert(
    tx: Tx, entries: Sequence[Entry], recorded_at: datetime, counts: Mapping[str, int]
) -> list[asyncpg.Record]:
    """Append a few facts in one statement."""
    return await tx.fetch(
        APPEND,
        [entry.fact_id for entry in entries],
        [entry.kind for entry in entries],
        [entry.division for entry in entries],
        [entry.subject for entry in entries],
        [entry.actor for entry in entries],
        [entry.body for entry in entries],
        [",".join(entry.onward) for entry in entries],
        recorded_at,
        list(counts),
        list(counts.values()),
    )


async def _copy(
    tx: Tx, entries: Sequence[Entry], recorded_at: datetime, counts: Mapping[str, int]
) -> list[asyncpg.Record]:
    """Append many facts by COPY."""
    rows = await tx.fetch(NUMBER, len(entries), list(counts), list(counts.values()))
    first = rows[0]["before"] + 1
    await tx.copy(
        "ledger_fact",
        FACT_COLUMNS,
        [
            (position, entry.fact_id, entry.kind, entry.division, entry.subject,
             entry.actor, recorded_at, sha256(entry.body).digest(), entry.body)
            for position, entry in enumerate(entries, first)
        ],
    )  # fmt: skip
    numbers = {
        row["neighbour"]: count(row["lane_before"] + 1)
        for row in rows
        if row["neighbour"]
    }
    await tx.copy(
        "ledger_outbox",
        OUTBOX_COLUMNS,
        [
            (name, next(numbers[name]), position)
            for position, entry in enumerate(entries, first)
            for name in entry.onward
        ],
    )
    return rows


async def open_lane(tx: Tx, neighbour: str, epoch: int) -> bool:
    """Begin a neighbour's sequence; False if it was begun before."""
    return await tx.fetchval(OPEN_LANE, neighbour, epoch) is not None


async def new_epoch(tx: Tx, neighbour: str, epoch: int) -> bool:
    """Begin a new life of the sequence; False if it is not newer."""
    return await tx.fetchval(NEW_EPOCH, neighbour, epoch) is not None


async def lane(tx: Tx, neighbour: str) -> Lane | None:
    """Return where a neighbour's sequence stands: `before` is its last number."""
    row = await tx.fetchrow(LANE, neighbour)
    return None if row is None else Lane(row["neighbour"], row["epoch"], row["seq"])


async def lanes(tx: Tx) -> list[Lane]:
    """Return where all sequences stand."""
    rows = await tx.fetch(LANES)
    return [Lane(row["neighbour"], row["epoch"], row["seq"]) for row in rows]


async def outgoing(
    tx: Tx, neighbour: str, after: int, limit: int
) -> list[tuple[int, bytes]]:
    """Return (seq, body) of what a neighbour is owed after `after`: a page of it."""
    rows = await tx.fetch(OUTGOING, neighbour, after, limit, OUTGOING_BYTES)
    return [(row["seq"], row["body"]) for row in rows]


async def oldest_unreceipted(tx: Tx, neighbour: str, receipt: int) -> datetime | None:
    """Return when the first fact after `receipt` was recorded, if there is one."""
    moment: datetime | None = await tx.fetchval(OLDEST, neighbour, receipt)
    return moment


async def fact_at(tx: Tx, neighbour: str, seq: int) -> UUID | None:
    """Return which fact has this number for a neighbour, if one has."""
    fact_id: UUID | None = await tx.fetchval(FACT_AT, neighbour, seq)
    return fact_id


async def bodies(tx: Tx, fact_ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """Return the facts with these ids."""
    return {row["fact_id"]: row["body"] for row in await tx.fetch(BODIES, fact_ids)}


async def head(tx: Tx) -> int:
    """Return the last position."""
    position: int = await tx.fetchval(HEAD)
    return position


async def about_subject(tx: Tx, subject: str, after: int, limit: int) -> list[Kept]:
    """Return facts about `subject` after a position, in order."""
    rows = await tx.fetch(ABOUT_SUBJECT, subject, after, limit)
    return [Kept(*row) for row in rows]


async def about_division(
    tx: Tx, division: str, after: int, limit: int, upto: int
) -> list[Kept]:
    """Return facts within `division` or from above it, between two positions, in order."""
    rows = await tx.fetch(ABOUT_DIVISION, division, after, limit, upto)
    return [Kept(*row) for row in rows]
