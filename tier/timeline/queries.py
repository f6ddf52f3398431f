"""What can be asked of the timeline, from the node's own ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from uuid import UUID

from tier.app import App
from tier.assignment.errors import ItemUnknown
from tier.runtime.db import Tx
from tier.timeline import readers, rules, store, wire
from tier.timeline.kinds import CLOCKS, SINGLE
from tier.timeline.model import ClockSet, Event, Place, Recorded, Said

CHUNK = 500
"""Facts that are read at once."""


async def events(
    app: App, item_id: UUID, area: str, place: Place, limit: int
) -> list[tuple[Event, Place]]:
    """Return events behind a place, each with the place behind it, at least up to `limit`.

    Raises:
        ItemUnknown: this node holds no such item that the caller may see.
    """
    found: list[tuple[Event, Place]] = []
    async with app.db.reading() as tx:
        if not await store.is_known(tx, item_id):
            raise ItemUnknown(item_id=item_id)
        clocks, first = await _clocks(app, tx, item_id)
        skip = place.skip
        async for move in _moves(app, tx, item_id, area, place.position):
            said = [(fact, list(_said(fact, first))) for fact in move]
            told = rules.events(said, clocks, app.node, area)
            places = _places(move, len(told))
            found += list(zip(told, places, strict=True))[skip:]
            skip = 0
            if len(found) >= limit:
                break
    return found


def _said(fact: Recorded, first: int) -> Iterator[Said]:
    """Yield what a fact says; what introduces an item, only where nothing came before."""
    for one in readers.said(fact):
        if fact.position == first or not one.is_introduction:
            yield one


def _places(move: Sequence[Recorded], count: int) -> list[Place]:
    """Return the places behind each event of a move; behind the last, the move is over."""
    before = move[0].position - 1
    inside = [Place(before, told) for told in range(1, count)]
    return [*inside, Place(move[-1].position)] if count else []


async def _clocks(app: App, tx: Tx, item_id: UUID) -> tuple[list[ClockSet], int]:
    """Return all that clocks of the item were set to, in order of time; and where first."""
    rows = await store.of_kinds(tx, item_id, CLOCKS)
    facts = [wire.recorded_from(*row) for row in rows]
    found = [readers.clocks(one) for one in facts if not rules.is_part(one, app.node)]
    first = facts[0].position if facts else 0
    return sorted(found, key=lambda clock: clock.at), first


async def _moves(
    app: App, tx: Tx, item_id: UUID, area: str, after: int
) -> AsyncIterator[list[Recorded]]:
    """Yield the facts of each move behind a position; a move is never cut in two."""
    kept: list[Recorded] = []
    while True:
        rows = await store.facts(
            tx, item_id, after, within=area, single=SINGLE, limit=CHUNK
        )
        kept += [wire.recorded_from(*row) for row in rows]
        *whole, last = [*rules.moves(kept, app.node)] or [[]]
        for move in whole:
            yield move
        if len(rows) < CHUNK:
            if last:
                yield last
            return
        kept, after = last, rows[-1]["position"]
