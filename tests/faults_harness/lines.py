"""A line at rest as the checkers read it, made by hand: nothing is wrong with it.

One item of the province to three townships of one county: two received and reported, one
of them returned and reported again, the other verified. The one had more time, the other
was reminded, urged, and put a point right; the item is concluded. Bugs are planted into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tests.checkers.books import ITEMS, PETITIONS, POINTS, RAISED, TABLES, URGES, Books
from tests.checkers.history import History
from tests.checkers.places import Place
from tests.checkers.snapshots import (
    DECIDED,
    RECEIVED,
    REMINDED,
    REPORTED,
    URGED,
    Row,
    Snapshot,
    Written,
)
from tier.jurisdiction import Level

ITEM = "01a20711-c1d9-70b4-9b9a-e54a1382fa4d"
TOWNS = ("530101001", "530101002", "530101003")
RETURNED, VERIFIED, UNTOUCHED = TOWNS
ISSUED_KIND, RETURNED_KIND = "ItemIssued", "AssignmentsReturned"
THEN = datetime(2020, 5, 1, tzinfo=UTC)
PETITION, URGE, POINT = "申请1", "催办1", "整改1"
GRANTED, REFUSED = 2, 3
REPORTED_POINT, CLOSED_POINT = 2, 3
CONCLUDED, CLOSED_ITEM = 2, 3
NODES = ("province", "city", "county", "township")
EPOCH = 7


def history() -> History:
    """Return what the clients remember."""
    made = History(targets={ITEM: set(TOWNS)})
    for code in (RETURNED, VERIFIED):
        made.received.add((ITEM, code))
        made.reported[ITEM, code][1] = f"反馈{code}"
    made.epochs[ITEM, RETURNED] = 2
    made.reported[ITEM, RETURNED][2] = "重报"
    made.verified.add((ITEM, VERIFIED))
    life = made.life
    life.asks(PETITION, (ITEM, RETURNED))
    life.decides(PETITION, GRANTED)
    life.clocks[ITEM, RETURNED] += 1
    life.extended[ITEM, RETURNED] += 1
    life.urged(URGE, [(ITEM, VERIFIED)])
    life.rectifies(POINT, (ITEM, VERIFIED))
    life.rectifies(POINT, (ITEM, VERIFIED), CLOSED_POINT)
    life.reopens(ITEM)
    life.ends(ITEM, CONCLUDED)
    return made


def written() -> list[Written]:
    """Return the facts, in the order in which every tier keeps them."""
    told = [
        ("issued", ISSUED_KIND, "province", (), ""),
        ("received", RECEIVED, "township", (RETURNED, VERIFIED), ""),
        ("first", REPORTED, "township", (RETURNED,), f"反馈{RETURNED}"),
        ("second", REPORTED, "township", (VERIFIED,), f"反馈{VERIFIED}"),
        ("returned", RETURNED_KIND, "province", (), ""),
        ("third", REPORTED, "township", (RETURNED,), "重报"),
        ("reminded", REMINDED, "township", (VERIFIED,), "1 1"),
        ("decided", DECIDED, "province", (PETITION,), ""),
        ("urged", URGED, "province", (VERIFIED,), URGE),
    ]
    return [
        Written(number, name, kind, origin, tuple((ITEM, c) for c in codes), mark)
        for number, (name, kind, origin, codes, mark) in enumerate(told, 1)
    ]


def rows() -> dict[tuple[str, str], Row]:
    """Return the assignments as every tier keeps them."""
    return {
        (ITEM, RETURNED): Row(
            ITEM, RETURNED, 2, THEN, THEN, None, 3, "third", term=2, extensions=1
        ),
        (ITEM, VERIFIED): Row(ITEM, VERIFIED, 1, THEN, THEN, THEN, 5, "second"),
        (ITEM, UNTOUCHED): Row(ITEM, UNTOUCHED, 1, None, None, None, 1, ""),
    }


def books() -> Books:
    """Return the rows that every tier keeps beside assignments."""
    of = {"item_id": ITEM, "division": VERIFIED}
    held: Books = {
        **{name: {} for name in TABLES},
        ITEMS: {(ITEM,): {"item_id": ITEM, "state": CONCLUDED, "reopened": 1}},
        PETITIONS: {(PETITION,): {**of, "division": RETURNED, "state": GRANTED}},
        POINTS: {(POINT,): {**of, "state": CLOSED_POINT}},
        URGES: {(URGE, VERIFIED): {**of, "by_rule": False}},
        RAISED: {(ITEM, VERIFIED, 1, 1, 0): {**of, "due_at": f"{THEN}"}},
    }
    return held


def snapshot(node: str) -> Snapshot:
    """Return what one node holds."""
    at = NODES.index(node)
    parent = NODES[at - 1] if at else None
    children = NODES[at + 1 : at + 2]
    facts = written()
    down = [one.fact_id for one in facts if one.origin == "province"]
    up = [one.fact_id for one in facts if one.origin == "township"]
    outbox = {} if parent is None else {parent: _numbered(up)}
    outbox |= {child: _numbered(down) for child in children}
    taken = {} if parent is None else {parent: (EPOCH, len(down))}
    taken |= {child: (EPOCH, len(up)) for child in children}
    lanes = {name: (EPOCH, len(sent)) for name, sent in outbox.items()}
    return Snapshot(
        place=Place(node, Level(at + 1), ("53",), "", "", parent, children),
        items=frozenset({ITEM}),
        rows=rows(),
        ledger=facts,
        head=len(facts),
        outbox=outbox,
        lanes=lanes,
        applied=taken,
        receipts=lanes,
        quarantined=frozenset(),
        books=books(),
    )


def _numbered(ids: Sequence[str]) -> list[tuple[int, str]]:
    return list(enumerate(ids, 1))


def line() -> dict[str, Snapshot]:
    """Return what all nodes hold."""
    return {node: snapshot(node) for node in NODES}


@dataclass(frozen=True, slots=True)
class Planted:
    """Ways to spoil what a node holds."""

    of: Snapshot

    def without_row(self, town: str) -> Snapshot:
        """Forget an assignment."""
        kept = {key: row for key, row in self.of.rows.items() if key[1] != town}
        return replace(self.of, rows=kept)

    def with_row(self, town: str, **changes: object) -> Snapshot:
        """Change an assignment, or make one up."""
        old = self.of.rows.get((ITEM, town))
        row = old or Row(ITEM, town, 1, None, None, None, 1, "")
        changed = replace(row, **changes)  # type: ignore[arg-type] # fields of a row
        return replace(self.of, rows={**self.of.rows, (ITEM, town): changed})

    def with_book(
        self, table: str, key: tuple[object, ...], **changes: object
    ) -> Snapshot:
        """Change a row beside the assignments, or make one up."""
        held = self.of.books[table]
        row = {**next(iter(held.values())), **held.get(key, {}), **changes}
        books = {**self.of.books, table: {**held, key: row}}
        return replace(self.of, books=books)

    def without_books(self, table: str) -> Snapshot:
        """Forget all rows of a table."""
        return replace(self.of, books={**self.of.books, table: {}})

    def without_fact(self, fact_id: str) -> Snapshot:
        """Forget a fact."""
        kept = [one for one in self.of.ledger if one.fact_id != fact_id]
        return replace(self.of, ledger=kept)

    def with_fact(self, known: str, **changes: object) -> Snapshot:
        """Write a fact once more, changed or not, at the end."""
        (one,) = (one for one in self.of.ledger if one.fact_id == known)
        again = replace(one, position=self.of.head + 1, **changes)  # type: ignore[arg-type] # fields of a fact
        return replace(self.of, ledger=[*self.of.ledger, again], head=self.of.head + 1)

    def swapped(self, one: str, other: str) -> Snapshot:
        """Have two facts change places."""
        ids = {one: other, other: one}
        by_id = {fact.fact_id: fact for fact in self.of.ledger}
        ledger = [
            replace(by_id[ids.get(fact.fact_id, fact.fact_id)], position=fact.position)
            for fact in self.of.ledger
        ]
        return replace(self.of, ledger=ledger)
