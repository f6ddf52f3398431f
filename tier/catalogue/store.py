"""Every SQL statement of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tier.catalogue.model import Element, Indicator
from tier.runtime.db import Tx

HEAD = "SELECT version FROM catalogue_head"

RAISE_HEAD = """
    UPDATE catalogue_head SET version = greatest(version, $1) WHERE version < $1
"""

# Rows beyond the head wait for the rest of their version.
ELEMENTS = """
    SELECT body
      FROM catalogue_element
     WHERE version > $1 AND version <= $2
     ORDER BY version, number
"""
INDICATORS = """
    SELECT body
      FROM catalogue_indicator
     WHERE version > $1 AND version <= $2
     ORDER BY version, code
"""

# Whoever has the code or the number, for each row that comes.
HOLDERS = """
    SELECT held.code, coalesce(held.number, 0) AS number
      FROM unnest($1::text[], $2::smallint[]) AS given (code, number)
           CROSS JOIN LATERAL (
               SELECT code, number FROM catalogue_code WHERE code = given.code
               UNION
               SELECT code, number FROM catalogue_code WHERE number = given.number
           ) AS held
"""

INSERT_CODES = """
    INSERT INTO catalogue_code (code, number)
    SELECT * FROM unnest($1::text[], $2::smallint[])
    ON CONFLICT (code) DO NOTHING
"""
INSERT_ELEMENTS = """
    INSERT INTO catalogue_element (number, version, code, body)
    SELECT * FROM unnest($1::smallint[], $2::integer[], $3::text[], $4::bytea[])
    ON CONFLICT (number, version) DO NOTHING
"""
INSERT_INDICATORS = """
    INSERT INTO catalogue_indicator (code, version, body)
    SELECT * FROM unnest($1::text[], $2::integer[], $3::bytea[])
    ON CONFLICT (code, version) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Bodies:
    """Messages as published, oldest first."""

    elements: Sequence[bytes]
    indicators: Sequence[bytes]


async def head(tx: Tx) -> int:
    """Return the version of the catalogue; 0 while there is none."""
    version: int = await tx.fetchval(HEAD)
    return version


async def raise_head(tx: Tx, version: int) -> None:
    """Let all rows up to a version be seen; never back."""
    await tx.execute(RAISE_HEAD, version)


async def bodies(tx: Tx, after: int, until: int) -> Bodies:
    """Return every row of the versions after one until another."""
    elements = await tx.fetch(ELEMENTS, after, until)
    indicators = await tx.fetch(INDICATORS, after, until)
    return Bodies(
        [row["body"] for row in elements], [row["body"] for row in indicators]
    )


async def holders(tx: Tx, wanted: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Return which (code, number) are kept that share a code or number with those wanted.

    An indicator's number is 0.
    """
    pairs = list(wanted)
    numbers = [number or None for _, number in pairs]
    rows = await tx.fetch(HOLDERS, [code for code, _ in pairs], numbers)
    return {(row["code"], row["number"]) for row in rows}


async def insert(
    tx: Tx, elements: Sequence[Element], indicators: Sequence[Indicator]
) -> None:
    """Write versions of rows, and the codes of those that are new."""
    codes = [*(one.code for one in elements), *(one.code for one in indicators)]
    if not codes:
        return
    numbers = [*(one.number for one in elements), *(None for _ in indicators)]
    await tx.execute(INSERT_CODES, codes, numbers)
    await tx.execute(
        INSERT_ELEMENTS,
        [one.number for one in elements],
        [one.version for one in elements],
        [one.code for one in elements],
        [one.body for one in elements],
    )
    await tx.execute(
        INSERT_INDICATORS,
        [one.code for one in indicators],
        [one.version for one in indicators],
        [one.body for one in indicators],
    )
