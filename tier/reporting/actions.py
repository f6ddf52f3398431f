"""What reporting does: begin a watch, look what is new, audit. It only reads."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from tier.division import names as division_names
from tier.jurisdiction import DIGITS, Code, Level
from tier.ledger import store as ledger_store
from tier.node import Node
from tier.reporting import rules, store, wire
from tier.reporting.errors import ItemUnknown
from tier.reporting.model import Difference, Glimpse, Key, Place, Progress, Scan
from tier.runtime import area
from tier.runtime.db import Tx
from tier.runtime.errors import ResumeTokenInvalid

CHANGES = 500
ROWS = 2000
POSITIONS = 10_000
DIFFERENCES = 1000
ITEM_FACTS = "ducha.assignment."


@dataclass(frozen=True, slots=True)
class ItemView:
    """What an item's watcher wants to see: the counts of one level."""

    item_id: UUID
    level: Level | None
    """None: the top of what is seen."""


async def begin(tx: Tx, node: Node, resume_token: str) -> tuple[UUID, Place]:
    """Return what names this ledger, and where a watch begins: at a token, or now.

    Raises:
        ResumeTokenInvalid: the token names no place in this ledger.
    """
    origin = rules.origin(await store.ledger_id(tx), node.name)
    head = await ledger_store.head(tx)
    if not resume_token:
        return origin, Place(head)
    token = rules.read_token(resume_token)
    if token is None or not rules.is_within_reach(token, origin, head):
        raise ResumeTokenInvalid
    return origin, Place(token.position)


async def known(tx: Tx, item_id: UUID) -> None:
    """Refuse an item of which nothing was counted here.

    Raises:
        ItemUnknown: this node holds no assignment of it.
    """
    if not await store.is_known(tx, item_id):
        raise ItemUnknown(item_id=item_id)


async def look_at_item(tx: Tx, node: Node, view: ItemView, place: Place) -> Glimpse:
    """Return what is new of an item since `place`, a page of it at most."""
    head = await ledger_store.head(tx)
    facts = await ledger_store.about_subject(
        tx, str(view.item_id), place.position, CHANGES
    )
    position = facts[-1].position if len(facts) == CHANGES else head
    rows, seen, scan = await _counts(tx, node, view, place)
    return Glimpse(
        changes=tuple(wire.change_from(fact) for fact in facts),
        progress=tuple(rows),
        place=Place(position, seen, scan),
        more=scan is not None or position < head,
        names=await division_names(tx, [row.division for row in rows]),
    )


async def _counts(
    tx: Tx, node: Node, view: ItemView, place: Place
) -> tuple[list[Progress], str, Scan | None]:
    """Return a page of changed counts, the snapshot known then, and an unfinished scan."""
    level = view.level or area.top()
    scan = place.scan or Scan(await store.snapshot(tx), Key())
    found = await store.changed(
        tx,
        view.item_id,
        within=_common_code(node, level),
        level=level,
        seen=place.seen,
        after=scan.after,
        limit=ROWS + 1,
    )
    if len(found) <= ROWS:
        return found, scan.upto, None
    last = found[ROWS - 1]
    return found[:ROWS], place.seen, Scan(scan.upto, Key(last.division, last.level))


def _common_code(node: Node, level: Level) -> str:
    """Return the code that all divisions of `level` here begin with: less to scan."""
    heads = {host[: DIGITS[level]] for host in node.hosts}
    return heads.pop() if len(heads) == 1 else ""


async def look_at_division(tx: Tx, division: Code, place: Place) -> Glimpse:
    """Return what happened within a division since `place`, a page of it at most."""
    head = await ledger_store.head(tx)
    upto = min(head, place.position + POSITIONS)
    facts = await ledger_store.about_division(
        tx, division, place.position, CHANGES, upto
    )
    position = facts[-1].position if len(facts) == CHANGES else upto
    changes = (wire.change_from(fact) for fact in facts)
    return Glimpse(
        changes=tuple(each for each in changes if each.kind.startswith(ITEM_FACTS)),
        progress=(),
        place=Place(position),
        more=position < head,
    )


async def audit(tx: Tx, item_id: UUID | None) -> tuple[int, list[Difference]]:
    """Compare the counts with a full recomputation; at most 1,000 differences."""
    return await store.audit(tx, item_id, DIFFERENCES)
