"""The division tree as indicators read it, kept from call to call while it does not change.

A rush asks for the same counties again and again; the tree changes a few times a year.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from weakref import WeakKeyDictionary

from tier.indicator import tree_store
from tier.indicator.model import Moved
from tier.jurisdiction import Code, Level
from tier.runtime.db import Database, Tx

MOST_KEPT = 64
"""Of answers about other days or levels, before all are forgotten."""


@dataclass(slots=True)
class Tree:
    """What was read of the tree, at one version of it."""

    version: int
    first_day: date
    areas: dict[tuple[Level, date], Mapping[Code, str]] = field(default_factory=dict)
    counts: dict[tuple[Level, date, int], Mapping[str, int]] = field(
        default_factory=dict
    )
    moved: dict[date, Moved] = field(default_factory=dict)


_KEPT: WeakKeyDictionary[Database, Tree] = WeakKeyDictionary()


async def held(tx: Tx, db: Database, today: date) -> Tree:
    """Return the tree as this transaction sees it; one small query a call."""
    version = await tree_store.version(tx)
    tree = _KEPT.get(db)
    if tree is not None and tree.version == version and version:
        size = len(tree.areas) + len(tree.counts) + len(tree.moved)
        if size < MOST_KEPT:
            return tree
    first = await tree_store.first_day(tx)
    tree = _KEPT[db] = Tree(version, first or today)
    return tree


async def areas(tx: Tx, tree: Tree, level: Level, on: date) -> Mapping[Code, str]:
    """Return the areas of a level that stood on a day, by code, with their names."""
    key = (level, on)
    if key not in tree.areas:
        tree.areas[key] = await tree_store.areas(tx, level, on)
    return tree.areas[key]


async def standing(
    tx: Tx, tree: Tree, level: Level, on: date, digits: int
) -> Mapping[str, int]:
    """Return how many divisions of a level stood on a day, by area."""
    key = (level, on, digits)
    if key not in tree.counts:
        tree.counts[key] = await tree_store.standing(tx, level, on, digits)
    return tree.counts[key]


async def moved(tx: Tx, tree: Tree, today: date) -> Moved:
    """Return the one successor of each division that ended with one."""
    if today not in tree.moved:
        tree.moved[today] = await tree_store.merged(tx, today)
    return tree.moved[today]
