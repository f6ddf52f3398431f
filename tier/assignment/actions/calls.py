"""What moves of an item have in common: the item, and who holds it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from tier.acting import Work
from tier.app import App
from tier.assignment import item_store, rules
from tier.assignment.errors import ItemEnded, ItemUnknown, NotIssuer
from tier.assignment.model import Item
from tier.assignment.moves import ItemMove
from tier.jurisdiction import DIGITS, Code, contains
from tier.runtime.db import Tx


async def open_item(work: Work, item_id: UUID, *, by_issuer: bool = False) -> Item:
    """Return an item that goes on, locked.

    Raises:
        ItemUnknown: it is not here, or nothing of the acting division's.
        ItemEnded: it is closed or withdrawn.
        NotIssuer: it must be the issuer's to change, and is not.
    """
    item = await _seen(work, item_id)
    if by_issuer:
        _must_issue(work, item)
    if item.ended:
        raise ItemEnded(item_id=item_id)
    return item


async def item_for(work: Work, item_id: UUID, move: ItemMove) -> Item:
    """Return an item for a move of its issuer that may follow upon its closing, locked.

    Raises:
        ItemUnknown: it is not here, or nothing of the acting division's.
        NotIssuer: it is another's.
        ItemEnded: it ended in a way that this move does not follow.
    """
    item = await _seen(work, item_id)
    _must_issue(work, item)
    if item.ended and not rules.may_end(move, item.state):
        raise ItemEnded(item_id=item_id)
    return item


async def _seen(work: Work, item_id: UUID) -> Item:
    item = await item_store.locked(work.tx, item_id)
    if item is None or not await _is_seen(work, item):
        raise ItemUnknown(item_id=item_id)
    return item


def _must_issue(work: Work, item: Item) -> None:
    if item.issuer != work.call.division:
        raise NotIssuer(issuer=item.issuer, division=work.call.division)


async def _is_seen(work: Work, item: Item) -> bool:
    """Whether the acting division may know of an item: issued or executed in its area.

    Of what it may not know, it hears what it would hear if that were not there.
    """
    acting = work.call.division
    return contains(acting, item.issuer) or await item_store.reaches(
        work.tx, item.item_id, acting
    )


async def everywhere(work: Work, item: Item) -> tuple[str, ...]:
    """Return every neighbour that holds the item: branches with assignments, and the parent."""
    node = work.app.node
    below = await branches_of(work.app, work.tx, item.item_id)
    return (*below, *node.upward)


async def branches_of(app: App, tx: Tx, item_id: UUID) -> tuple[str, ...]:
    """Return the child nodes that hold assignments of an item."""
    hosts = [(child.name, host) for child in app.node.children for host in child.hosts]
    if not hosts:
        return ()
    return await item_store.branches(tx, item_id, hosts, DIGITS[app.node.level])


def chosen(found: Sequence[Code], asked: Sequence[Code]) -> list[Code]:
    """Return what was asked for, or all that was found if nothing was named."""
    return list(dict.fromkeys(asked)) if asked else list(found)
