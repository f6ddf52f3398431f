"""What every tier does with the catalogue: hold it, and tell its children."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias
from weakref import WeakKeyDictionary

from ducha.catalogue.v1 import catalogue_facts_pb2 as messages
from ducha.catalogue.v1 import catalogue_pb2 as pb
from tier import ledger
from tier.app import App
from tier.catalogue import store, wire
from tier.catalogue.model import Catalogue, Element, Indicator
from tier.jurisdiction import DIGITS, Code, Level
from tier.ledger import Author, Entry
from tier.runtime.db import Database, Tx
from tier.runtime.errors import Contended

Rows: TypeAlias = tuple[Sequence[Element], Sequence[Indicator]]

SUBJECT = "catalogue"
FACT_ROWS = 500  # a row is half a kilobyte; a fact of 500 fits any bundle

_HELD: WeakKeyDictionary[Database, Catalogue] = WeakKeyDictionary()


async def held(tx: Tx, db: Database) -> Catalogue:
    """Return the catalogue as this transaction sees it.

    One small query a call: rows are never changed, so what was read once is kept, and
    only what a newer version brought is read.
    """
    version = await store.head(tx)
    known = _HELD.get(db)
    if known is not None and known.version == version:
        return known
    if known is None or known.version > version:
        # Nothing is known yet, or what made it known was never committed.
        known = Catalogue(0, {}, {})
    bodies = await store.bodies(tx, known.version, version)
    elements = [
        wire.element_from(pb.Element.FromString(body)) for body in bodies.elements
    ]
    codes = known.elements.keys() | {element.code for element in elements}
    indicators = [
        wire.indicator_from(pb.Indicator.FromString(body), codes)
        for body in bodies.indicators
    ]
    grown = _HELD[db] = known.grown(version, elements, indicators)
    return grown


async def write(app: App, tx: Tx, actor: str, before: int, rows: Rows) -> None:
    """Let rows be the version after `before`, and tell every child; the last of a transaction.

    Raises:
        Contended: the catalogue is no longer at version `before`.
    """
    if await store.head(tx) != before:
        raise Contended
    elements, indicators = rows
    if not elements and not indicators:
        return
    await store.insert(tx, elements, indicators)
    await store.raise_head(tx, before + 1)
    now = app.now()
    facts = facts_of(
        Author.at(now, app.node.name, actor),
        before + 1,
        store.Bodies([one.body for one in elements], [one.body for one in indicators]),
        app.node.hosts[0],
        tuple(child.name for child in app.node.children),
    )
    await ledger.append(tx, app.feed, list(facts), now)


def facts_of(
    author: Author,
    version: int,
    rows: store.Bodies,
    division: str,
    onward: tuple[str, ...],
) -> Iterator[Entry]:
    """Make facts of rows, oldest version first, a bounded number in each.

    A fact raises the version only where it completes one: whoever has the facts so far
    has a catalogue that once was.
    """
    elements = [pb.Element.FromString(body) for body in rows.elements]
    indicators = [pb.Indicator.FromString(body) for body in rows.indicators]
    given: list[pb.Element | pb.Indicator] = [*elements, *indicators]
    given.sort(key=lambda row: row.version)
    for start in range(0, len(given), FACT_ROWS):
        part, rest = given[start : start + FACT_ROWS], given[start + FACT_ROWS :]
        payload = messages.CataloguePublished(
            version=rest[0].version - 1 if rest else version,
            elements=[row for row in part if isinstance(row, pb.Element)],
            indicators=[row for row in part if isinstance(row, pb.Indicator)],
        )
        yield ledger.record(
            author, payload, division=division, subject=SUBJECT, onward=onward
        )


async def greet(app: App, tx: Tx, neighbour: str) -> list[Entry]:
    """Return the facts that a child with a new link needs: the whole catalogue."""
    author = Author.at(app.now(), app.node.name, app.node.name)
    version = await store.head(tx)
    rows = await store.bodies(tx, 0, version)
    area = app.node.area_of(neighbour)
    if neighbour == app.node.parent or not area:
        return []
    top = Code(
        area[0][: DIGITS[Level.PROVINCE]]
    )  # so that its children may be told too
    return list(facts_of(author, version, rows, top, (neighbour,)))
