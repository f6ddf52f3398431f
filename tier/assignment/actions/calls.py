"""What every write has in common: who acts, where, and that it happens once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from google.protobuf.message import Message

from tier import ledger
from tier.app import App
from tier.assignment import item_store
from tier.assignment.errors import ItemEnded, ItemUnknown, NotIssuer
from tier.assignment.model import Item
from tier.jurisdiction import DIGITS, Code
from tier.ledger import Author, Entry
from tier.runtime import requests
from tier.runtime.db import Tx
from tier.runtime.errors import DivisionNotHosted, RequestIdReused
from tier.runtime.requests import Request

R = TypeVar("R", bound=Message)


@dataclass(frozen=True, slots=True)
class Call:
    """One write: its identity, the division that acts, and who acts for it."""

    request: Request
    division: Code
    actor: str


@dataclass(slots=True)
class Work:
    """A write under way: its transaction, and what it leaves behind."""

    app: App
    tx: Tx
    call: Call
    entries: list[Entry] = field(default_factory=list)
    response: Message | None = None

    def record(
        self,
        payload: Message,
        *,
        item_id: UUID,
        onward: tuple[str, ...],
        traceparent: str | None = None,
    ) -> None:
        """Record a fact of the acting division about an item."""
        author = Author.at(
            self.app.now(), self.app.node.name, self.call.actor, traceparent
        )
        entry = ledger.record(
            author,
            payload,
            division=self.call.division,
            subject=str(item_id),
            onward=onward,
        )
        self.entries.append(entry)


def must_host(app: App, division: Code) -> None:
    """Refuse to act for a division that acts elsewhere.

    Raises:
        DivisionNotHosted: call the node that hosts it.
    """
    if not app.node.acts_for(division):
        raise DivisionNotHosted(division=division, node=app.node.name)


@asynccontextmanager
async def once(app: App, call: Call, response: R) -> AsyncIterator[Work | None]:
    """Open the transaction of a write; None if it was done before.

    Done before, `response` is filled with the answer of that time; done now, what the
    caller puts into `response` is kept with the request id.

    Raises:
        DivisionNotHosted: the division does not act here.
        RequestIdReused: the id was used for other content.
    """
    must_host(app, call.division)
    async with app.db.transaction() as tx:
        answers = await requests.answered(tx, [call.request])
        before = answers.get(call.request.request_id)
        if isinstance(before, RequestIdReused):
            raise before
        if before is not None:
            response.ParseFromString(before)
            yield None
            return
        work = Work(app, tx, call)
        yield work
        await requests.keep(tx, [(call.request, response.SerializeToString())])
        await ledger.append(tx, app.feed, work.entries, app.now())


async def open_item(work: Work, item_id: UUID, *, by_issuer: bool = False) -> Item:
    """Return an item that goes on, locked.

    Raises:
        ItemUnknown: it is not here.
        ItemEnded: it is closed or withdrawn.
        NotIssuer: it must be the issuer's to change, and is not.
    """
    item = await item_store.locked(work.tx, item_id)
    if item is None:
        raise ItemUnknown(item_id=item_id)
    if by_issuer and item.issuer != work.call.division:
        raise NotIssuer(issuer=item.issuer, division=work.call.division)
    if item.ended:
        raise ItemEnded(item_id=item_id)
    return item


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
