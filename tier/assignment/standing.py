"""How assignments stand, for capabilities that stand on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tier.assignment import item_store, store, wire
from tier.assignment.model import Assignment, Item, Key
from tier.calendar import Terms
from tier.runtime.db import Tx


@dataclass(frozen=True, slots=True)
class Standing:
    """An assignment with its item and the terms it goes by."""

    item: Item
    assignment: Assignment
    open_children: int
    terms: Terms


async def standing(tx: Tx, keys: Sequence[Key]) -> dict[Key, Standing]:
    """Return those of the assignments that are here."""
    loaded = await store.load(tx, keys)
    items = await item_store.items(tx, list({key.item_id for key in loaded}))
    terms = {item_id: wire.terms_of(item) for item_id, item in items.items()}
    return {
        key: Standing(
            items[key.item_id], one.assignment, one.open_children, terms[key.item_id]
        )
        for key, one in loaded.items()
    }


async def item_of(tx: Tx, item_id: UUID) -> Item | None:
    """Return an item, if it is here."""
    return (await item_store.items(tx, [item_id])).get(item_id)


async def hold(
    tx: Tx, item_id: UUID, *, rectifications: int = 0, reviews: int = 0
) -> None:
    """Count what keeps an item from being closed, up or down."""
    await item_store.hold(tx, item_id, rectifications, reviews)
