"""What tiers hold in common beside assignments, row by row, read and compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import asyncpg


class Table(NamedTuple):
    """A table whose rows neighbours hold alike."""

    key: tuple[str, ...]
    """Columns that name a row."""
    own: tuple[str, ...] = ()
    """Columns that are a node's own."""
    where: str = "true"
    """Rows that are told to others."""


Row: TypeAlias = "Mapping[str, Any]"
Books: TypeAlias = "Mapping[str, Mapping[tuple[Any, ...], Row]]"
"""By table, by key."""

ITEMS: Final = "assignment_item"
PETITIONS: Final = "petition"
POINTS: Final = "rectification"
URGES: Final = "urging_urge"
RAISED: Final = "timing_raised"
URGED_BY_RULE = 5
"""A step for which urges speak; only who assigned keeps it."""

TABLES: Final[Mapping[str, Table]] = {
    # What holds the closing is counted where the issuer acts; a trace is a node's own.
    ITEMS: Table(("item_id",), ("traceparent", "rectifications", "reviews")),
    "assignment_return": Table(("item_id", "division", "epoch")),
    "assignment_deadline_move": Table(("item_id", "division", "term")),
    PETITIONS: Table(("petition_id",), ("recorded_at",)),
    POINTS: Table(("rectification_id",), ("reminded_round",)),
    URGES: Table(("urge_id", "division")),
    RAISED: Table(
        ("item_id", "division", "term", "step", "rung"),
        where=f"step <> {URGED_BY_RULE}",
    ),
}


async def read(connection: asyncpg.Connection[asyncpg.Record]) -> Books:
    """Read them in the transaction of a connection."""
    held = {}
    for name, table in TABLES.items():
        own = "".join(f" - '{column}'" for column in table.own)
        found = await connection.fetch(
            f"SELECT (to_jsonb(t){own})::text FROM {name} t WHERE {table.where}"  # noqa: S608
        )
        rows = [json.loads(one[0]) for one in found]
        held[name] = {tuple(row[column] for column in table.key): row for row in rows}
    return held


def differing(
    child: Books, parent: Books, holds: Callable[[str], bool]
) -> Iterator[str]:
    """Yield where a parent's rows of the divisions that a child holds are not the child's."""
    for table, below in child.items():
        above = parent[table]
        concerned = {
            key
            for key, row in above.items()
            if key in below or ("division" in row and holds(row["division"]))
        }
        for key in sorted(concerned | below.keys(), key=str):
            if below.get(key) != above.get(key):
                yield f"{table} {key}: {_apart(below.get(key), above.get(key))}"


def _apart(below: Row | None, above: Row | None) -> str:
    """Say in which columns two rows differ."""
    if below is None or above is None:
        return "only above" if below is None else "only below"
    columns = [one for one in below if below[one] != above.get(one)]
    return ", ".join(f"{one} {below[one]} and {above.get(one)}" for one in columns)
