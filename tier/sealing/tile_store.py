"""Every SQL statement about lives and tiles: the tree as it is kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import asyncpg

from tier.runtime.db import Tx
from tier.sealing.model import Life, Tile
from tier.sealing.tree import NodeId

LIFE_COLUMNS = "life, digest, reason, actor, declared_at, before_size"
LIVES = f"SELECT {LIFE_COLUMNS} FROM ledger_life ORDER BY life"  # noqa: S608 - a constant
LATEST = f"SELECT {LIFE_COLUMNS}, sealed FROM ledger_life ORDER BY life DESC LIMIT 1"  # noqa: S608 - a constant
BEGIN = f"""
    INSERT INTO ledger_life ({LIFE_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (life) DO NOTHING
    RETURNING life
"""  # noqa: S608 - a constant

# Bounded by number and by size; the first always comes.
UNSEALED = """
    SELECT position, recorded_at, body
      FROM (SELECT position, recorded_at, body,
                   sum(octet_length(body)) OVER (ORDER BY position) - octet_length(body)
                       AS before
              FROM ledger_fact
             WHERE position > $1
             ORDER BY position
             LIMIT $2) AS page
     WHERE before < $3
     ORDER BY position
"""
UNSEALED_BYTES = 4 * 1024 * 1024

LAST_POSITION = "SELECT coalesce(max(position), 0) FROM ledger_fact"

# The tree grows from where it was read, or not at all: two sealers make one tree.
GROW = """
    WITH grown AS (
        UPDATE ledger_life SET sealed = $3
         WHERE life = $1 AND sealed = $2
           AND NOT EXISTS (SELECT FROM ledger_life AS later WHERE later.life > $1)
        RETURNING life
    ), kept AS (
        INSERT INTO ledger_tile (life, level, number, hashes, moments)
        SELECT grown.life, tile.*
          FROM grown,
               unnest($4::int[], $5::bigint[], $6::bytea[], $7::bytea[]) AS tile
        ON CONFLICT (life, level, number)
        DO UPDATE SET hashes = excluded.hashes, moments = excluded.moments
    )
    SELECT count(*) FROM grown
"""

TILES = """
    SELECT tile.level, tile.number, tile.hashes, tile.moments
      FROM unnest($2::int[], $3::bigint[]) AS asked (level, number)
           JOIN ledger_tile AS tile
             ON tile.life = $1 AND tile.level = asked.level AND tile.number = asked.number
"""
UPPER = """
    SELECT level, number, hashes
      FROM ledger_tile
     WHERE life = $1 AND level > 0 AND (level, number) > ($2, $3)
     ORDER BY level, number
     LIMIT $4
"""


async def lives(tx: Tx) -> list[Life]:
    """Return all lives, in order."""
    return [_life(row) for row in await tx.fetch(LIVES)]


async def latest_life(tx: Tx) -> tuple[Life, int] | None:
    """Return the latest life and how many facts are in its tree, if there is one."""
    row = await tx.fetchrow(LATEST)
    return None if row is None else (_life(row), row["sealed"])


async def begin_life(tx: Tx, life: Life) -> bool:
    """Begin a life; False if it was begun before."""
    begun = await tx.fetchval(
        BEGIN,
        life.number,
        life.digest,
        life.reason,
        life.actor,
        life.declared_at,
        life.before_size,
    )
    return begun is not None


async def unsealed(tx: Tx, after: int, limit: int) -> list[tuple[int, datetime, bytes]]:
    """Return (position, recorded_at, body) of facts after a position: a page of it."""
    rows = await tx.fetch(UNSEALED, after, limit, UNSEALED_BYTES)
    return [(row[0], row[1], row[2]) for row in rows]


async def last_position(tx: Tx) -> int:
    """Return the place of the last fact that is there."""
    position: int = await tx.fetchval(LAST_POSITION)
    return position


async def grow(
    tx: Tx, life: int, sizes: tuple[int, int], tiles: Sequence[Tile]
) -> bool:
    """Keep changed tiles; `sizes` are (before, after). False if another sealer was first."""
    count: int = await tx.fetchval(
        GROW,
        life,
        *sizes,
        [tile.level for tile in tiles],
        [tile.number for tile in tiles],
        [tile.hashes for tile in tiles],
        [tile.moments for tile in tiles],
    )
    return count == 1


async def tiles(tx: Tx, life: int, asked: Collection[NodeId]) -> dict[NodeId, Tile]:
    """Return tiles by (level, number), those that are there."""
    rows = await tx.fetch(
        TILES, life, [level for level, _ in asked], [number for _, number in asked]
    )
    return {(row["level"], row["number"]): Tile(*row) for row in rows}


async def upper_tiles(tx: Tx, life: int, after: NodeId, limit: int) -> list[Tile]:
    """Return tiles above the leaves, after one of them, in order."""
    return [Tile(*row) for row in await tx.fetch(UPPER, life, *after, limit)]


def _life(row: asyncpg.Record) -> Life:
    return Life(
        row["life"],
        row["digest"],
        row["reason"],
        row["actor"],
        row["declared_at"],
        row["before_size"],
    )
