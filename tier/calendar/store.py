"""Every SQL statement of the calendar. Years and rows are kept as the messages that came."""

from __future__ import annotations

from collections.abc import Sequence

from tier.calendar.model import Terms, Year
from tier.runtime.db import Tx

YEARS = "SELECT body FROM calendar_year ORDER BY version, year"

# A publication replaces an older one, never a newer.
WRITE_YEARS = """
    INSERT INTO calendar_year AS held (year, version, body)
    SELECT * FROM unnest($1::smallint[], $2::integer[], $3::bytea[])
    ON CONFLICT (year) DO UPDATE SET version = excluded.version, body = excluded.body
     WHERE held.version < excluded.version
"""

ALL_TERMS = "SELECT body FROM calendar_terms ORDER BY version, source_type, urgency"
TERMS = "SELECT body FROM calendar_terms WHERE source_type = $1 AND urgency = $2"

WRITE_TERMS = """
    INSERT INTO calendar_terms AS held (source_type, urgency, version, body)
    SELECT * FROM unnest($1::smallint[], $2::smallint[], $3::integer[], $4::bytea[])
    ON CONFLICT (source_type, urgency) DO UPDATE
       SET version = excluded.version, body = excluded.body
     WHERE held.version < excluded.version
"""


async def years(tx: Tx) -> tuple[bytes, ...]:
    """Return all that was published of years, oldest publication first."""
    return tuple(row["body"] for row in await tx.fetch(YEARS))


async def write_years(tx: Tx, years: Sequence[Year], bodies: Sequence[bytes]) -> None:
    """Keep years that are newer than what is held of them."""
    await tx.execute(
        WRITE_YEARS,
        [one.year for one in years],
        [one.version for one in years],
        bodies,
    )


async def terms(tx: Tx, source_type: int, urgency: int) -> bytes | None:
    """Return the row that was published for a source type and urgency, if one was."""
    body: bytes | None = await tx.fetchval(TERMS, source_type, urgency)
    return body


async def all_terms(tx: Tx) -> list[bytes]:
    """Return the rows that were published, oldest publication first."""
    return [row["body"] for row in await tx.fetch(ALL_TERMS)]


async def write_terms(tx: Tx, rows: Sequence[Terms], bodies: Sequence[bytes]) -> None:
    """Keep rows that are newer than those held."""
    await tx.execute(
        WRITE_TERMS,
        [row.source_type for row in rows],
        [row.urgency for row in rows],
        [row.version for row in rows],
        bodies,
    )
