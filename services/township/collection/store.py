"""Every SQL statement of collection itself; sheets belong to the registry."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from services.township.collection.model import Histories
from tier.jurisdiction import Code
from tier.runtime.db import Tx

HISTORIES = """
    SELECT h.division, h.packed
      FROM unnest($1::text[]) AS wanted (d)
     CROSS JOIN LATERAL (
           SELECT * FROM collection_history WHERE division = wanted.d OFFSET 0) h
"""

WRITE = """
    INSERT INTO collection_history (division, packed)
    SELECT * FROM unnest($1::text[], $2::bytea[])
    ON CONFLICT (division) DO UPDATE SET packed = excluded.packed
"""

FIELDS = 6


async def histories(tx: Tx, divisions: Iterable[Code]) -> dict[Code, Histories]:
    """Return what is known of the values of divisions, by element."""
    rows = await tx.fetch(HISTORIES, list(divisions))
    return {Code(row["division"]): _unpacked(row["packed"]) for row in rows}


async def write(tx: Tx, changed: Mapping[Code, Histories]) -> None:
    """Write what is known of the values of divisions."""
    if changed:
        await tx.execute(
            WRITE, list(changed), [_packed(one) for one in changed.values()]
        )


def _packed(known: Histories) -> bytes:
    rows = ((element, *history) for element, history in known.items())
    return array("d", chain.from_iterable(rows)).tobytes()


def _unpacked(packed: bytes) -> Histories:
    numbers = array("d")
    numbers.frombytes(packed)
    rows = batched(numbers.tolist())
    return {int(element): list(history) for element, *history in rows}


def batched(numbers: list[float]) -> Iterator[tuple[float, ...]]:
    """Yield numbers by FIELDS."""
    return zip(*[iter(numbers)] * FIELDS, strict=True)
