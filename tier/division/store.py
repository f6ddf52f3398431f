"""Every SQL statement of the division tree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import asyncpg

from tier.division.model import Division, Query
from tier.jurisdiction import Code, Level
from tier.runtime.db import Tx

# Two keepers that both read before either wrote would make entries overlap.
KEEP_OTHERS_OUT = "LOCK TABLE division IN SHARE ROW EXCLUSIVE MODE"

UPSERT = """
    INSERT INTO division AS held
           (code, valid_from, valid_to, name, level, parent_code, successor_codes)
    SELECT given.code, given.valid_from, given.valid_to, given.name, given.level,
           given.parent_code, string_to_array(given.successors, ',')
      FROM unnest($1::text[], $2::date[], $3::date[], $4::text[], $5::smallint[],
                  $6::text[], $7::text[])
           AS given (code, valid_from, valid_to, name, level, parent_code, successors)
    ON CONFLICT (code, valid_from) DO UPDATE
       SET valid_to = excluded.valid_to,
           name = excluded.name,
           level = excluded.level,
           parent_code = excluded.parent_code,
           successor_codes = excluded.successor_codes
     WHERE (held.*) IS DISTINCT FROM (excluded.*)
"""

COLUMNS = "code, name, level, parent_code, valid_from, valid_to, successor_codes"

ENTRIES = (
    f"SELECT {COLUMNS} FROM division WHERE code = ANY($1) ORDER BY code, valid_from"  # noqa: S608 - constants
)

# The branch of an area and the path above it, with all history.
CONCERNING = f"""
    SELECT {COLUMNS}
      FROM division
     WHERE (code >= $1 AND code < $1 || ':') OR starts_with($1, code)
     ORDER BY code, valid_from
"""  # noqa: S608 - constants

STANDING = "valid_from <= $1 AND (valid_to IS NULL OR valid_to > $1)"

AS_OF = f"SELECT {COLUMNS} FROM division WHERE {STANDING} AND code = $2"  # noqa: S608 - constants

PAGE = f"""
    SELECT {COLUMNS}
      FROM division
     WHERE {STANDING}
       AND code > $2
       AND ($3::text IS NULL OR (code >= $3 AND code < $3 || ':'))
       AND ($4::smallint IS NULL OR level = $4)
     ORDER BY code
     LIMIT $5
"""  # noqa: S608 - constants

# By equality of beginnings as long as the areas, which hashes: a thousand areas cost
# what one does. A whole code is its own beginning.
SELECT_CODES = f"""
    WITH held AS (
        SELECT code FROM division WHERE {STANDING} AND level = $2
    )
    SELECT code
      FROM held, (SELECT DISTINCT length(area) FROM unnest($3::text[]) AS area) AS digits (n)
     WHERE left(code, n) IN (SELECT unnest($3::text[]))
    EXCEPT
    SELECT code
      FROM held, (SELECT DISTINCT length(area) FROM unnest($4::text[]) AS area) AS digits (n)
     WHERE left(code, n) IN (SELECT unnest($4::text[]))
     ORDER BY code
"""  # noqa: S608 - constants

KNOWN = f"SELECT code FROM division WHERE {STANDING} AND code = ANY($2)"  # noqa: S608 - constants

NAMES = """
    SELECT DISTINCT ON (code) code, name
      FROM division
     WHERE code = ANY($1)
     ORDER BY code, valid_from DESC
"""


async def keep_others_out(tx: Tx) -> None:
    """Let no other keeper write until this transaction ends; readers go on."""
    await tx.execute(KEEP_OTHERS_OUT)


async def upsert(tx: Tx, divisions: Sequence[Division]) -> None:
    """Write entries, in one statement; each code and first day once."""
    if not divisions:
        return
    await tx.execute(
        UPSERT,
        [entry.code for entry in divisions],
        [entry.valid_from for entry in divisions],
        [entry.valid_to for entry in divisions],
        [entry.name for entry in divisions],
        [entry.level for entry in divisions],
        [entry.parent for entry in divisions],
        [",".join(entry.successors) for entry in divisions],
    )


async def entries(tx: Tx, codes: Iterable[Code]) -> list[Division]:
    """Return all entries of `codes`, past ones too, by code and day."""
    return [_division(row) for row in await tx.fetch(ENTRIES, list(codes))]


async def concerning(tx: Tx, area: Code) -> list[Division]:
    """Return all entries of a branch and of the path above it, by code and day."""
    return [_division(row) for row in await tx.fetch(CONCERNING, area)]


async def as_of(tx: Tx, code: Code, on: date) -> Division | None:
    """Return a division as it stood on a day, if it did."""
    row = await tx.fetchrow(AS_OF, on, code)
    return None if row is None else _division(row)


async def page(tx: Tx, query: Query, after: str, limit: int) -> list[Division]:
    """Return divisions that stood on a day, by code, after a code."""
    rows = await tx.fetch(PAGE, query.on, after, query.within, query.level, limit)
    return [_division(row) for row in rows]


async def select_codes(
    tx: Tx, level: Level, within: Iterable[Code], excluded: Iterable[Code], on: date
) -> list[Code]:
    """Return the divisions of a level that lie in `within` but not in `excluded`.

    An excluded area takes all below it out. As they stand on a day; by code.
    """
    rows = await tx.fetch(SELECT_CODES, on, level, list(within), list(excluded))
    return [Code(row["code"]) for row in rows]


async def known(tx: Tx, codes: Iterable[Code], on: date) -> set[Code]:
    """Return which of `codes` stand on a day."""
    return {Code(row["code"]) for row in await tx.fetch(KNOWN, on, list(codes))}


async def names(tx: Tx, codes: Iterable[Code]) -> dict[Code, str]:
    """Return the latest name of each code that was ever known, ended ones too."""
    rows = await tx.fetch(NAMES, list(codes))
    return {Code(row["code"]): row["name"] for row in rows}


def _division(row: asyncpg.Record) -> Division:
    parent = row["parent_code"]
    return Division(
        code=Code(row["code"]),
        name=row["name"],
        level=Level(row["level"]),
        parent=None if parent is None else Code(parent),
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        successors=tuple(Code(code) for code in row["successor_codes"]),
    )
