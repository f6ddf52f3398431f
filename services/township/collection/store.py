"""Every SQL statement of collection itself; sheets belong to the registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.township.collection.model import Histories, History
from tier.jurisdiction import Code
from tier.runtime.db import Tx

HISTORIES = """
    SELECT h.*
      FROM unnest($1::text[]) AS wanted (d)
     CROSS JOIN LATERAL (
           SELECT * FROM collection_history WHERE division = wanted.d OFFSET 0) h
"""

WRITE = """
    INSERT INTO collection_history
           (division, elements, counts, totals, squares, smallest, largest)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (division) DO UPDATE
       SET elements = excluded.elements, counts = excluded.counts, totals = excluded.totals,
           squares = excluded.squares, smallest = excluded.smallest,
           largest = excluded.largest
"""


async def histories(tx: Tx, divisions: Iterable[Code]) -> dict[Code, Histories]:
    """Return what is known of the values of divisions, by element."""
    rows = await tx.fetch(HISTORIES, list(divisions))
    found = {}
    for division, elements, *columns in rows:
        known = (History(*numbers) for numbers in zip(*columns, strict=True))
        found[Code(division)] = dict(zip(elements, known, strict=True))
    return found


async def write(tx: Tx, changed: Mapping[Code, Histories]) -> None:
    """Write what is known of the values of divisions."""
    rows = []
    for division, histories_of in changed.items():
        elements = sorted(histories_of)
        known = [histories_of[element] for element in elements]
        rows.append(
            (
                division,
                elements,
                [one.count for one in known],
                [one.total for one in known],
                [one.squares for one in known],
                [one.smallest for one in known],
                [one.largest for one in known],
            )
        )
    if rows:
        await tx.execute_many(WRITE, rows)
