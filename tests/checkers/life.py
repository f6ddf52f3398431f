"""The life of items, as clients remember it, against what a node holds.

Petitions, clocks that were moved or stopped, transfers, urges, points to rectify, ends. What
a node does by itself, such as urging by rule, is nobody's operation: it is compared
between tiers, and counted in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.checkers.books import ITEMS, PETITIONS, POINTS, URGES
from tests.checkers.history import ISSUED, History, Key
from tests.checkers.snapshots import Row, Snapshot

WITHDRAWN = 7
"""State of an assignment."""


def lost(history: History, snapshot: Snapshot) -> Iterator[str]:
    """Yield acknowledged operations that a node should know of and does not."""
    life, holds = history.life, snapshot.place.holds
    for table, asked in ((PETITIONS, life.petitions), (POINTS, life.points)):
        for name, (key, state) in asked.items():
            row = snapshot.books[table].get((name,))
            if holds(key[1]) and (row is None or row["state"] < state):
                yield f"{table} {name} of {key} in state {state}"
    for urge, keys in life.urges.items():
        for key in keys:
            if holds(key[1]) and (urge, key[1]) not in snapshot.books[URGES]:
                yield f"urge {urge} of {key}"
    for item, state in life.items.items():
        held = snapshot.books[ITEMS].get((item,))
        if held is not None and _place(held) < (life.reopened[item], state):
            yield f"item {item} in state {state}"


def phantoms(history: History, snapshot: Snapshot) -> Iterator[str]:
    """Yield what nobody did."""
    life = history.life
    for table, asked in ((PETITIONS, life.petitions), (POINTS, life.points)):
        for (name,), row in snapshot.books[table].items():
            if name not in asked or row["state"] > asked[name][1]:
                yield f"{table} {name} in state {row['state']}"
    for (urge, division), row in snapshot.books[URGES].items():
        known = (row["item_id"], division) in life.urges.get(urge, ())
        if not known and not row["by_rule"]:
            yield f"urge {urge} of {division}"
    for (item,), row in snapshot.books[ITEMS].items():
        wanted = life.reopened[item], life.items.get(item, ISSUED)
        if _place(row) > wanted:
            yield f"item {item} in state {row['state']}"


def lacking(history: History, key: Key, row: Row) -> Iterator[str]:
    """Yield what became of an assignment and its row does not show."""
    life = history.life
    if row.term < 1 + life.clocks[key]:
        yield f"clock moved {life.clocks[key]} times"
    if row.extensions < life.extended[key]:
        yield "extension"
    if key in life.stopped and row.suspended_at is None:
        yield "suspension"
    if key in life.withdrawn and (row.state, row.transferred_to) != (
        WITHDRAWN,
        life.withdrawn[key],
    ):
        yield f"transfer to {life.withdrawn[key] or 'nobody'}"


def unasked(history: History, key: Key, row: Row) -> Iterator[str]:
    """Yield what an assignment's row shows and nobody did."""
    life = history.life
    if row.term > 1 + life.clocks[key]:
        yield f"clock of term {row.term}"
    if row.extensions > life.extended[key]:
        yield "extension"
    if row.suspended_at is not None and key not in life.stopped:
        yield "suspension"
    if row.transferred_to and life.withdrawn.get(key) != row.transferred_to:
        yield f"transfer to {row.transferred_to}"


def _place(item: Mapping[str, Any]) -> tuple[int, int]:
    """Return how far on an item is."""
    return item["reopened"], item["state"]
