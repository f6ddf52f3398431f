"""Items with terms and their assignments, as rows, and nodes whose clock a test sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from ducha.assignment.v1 import assignment_pb2
from tier.app import App
from tier.calendar import Term, Terms, terms_to
from tier.jurisdiction import Code, Level
from tier.node import Neighbour, Node
from tier.runtime.db import Tx
from tier.timing.sweeping import Sweeping

START = datetime(2026, 3, 2, 1, tzinfo=UTC)
"""A Monday, nine o'clock in China."""

RECEIVE_BY = START + timedelta(hours=10)
DEADLINE = START + timedelta(hours=100)
HOUR = timedelta(hours=1)
TERMS = Terms(
    source_type=1,
    urgency=1,
    receive=Term(hours=10),
    work=Term(hours=100),
    receipt_near_percent=80,
    near_percent=80,
    ladder=(Term(hours=4), Term(hours=8), Term(hours=12)),
    max_extensions=1,
    max_extension_days=5,
    dispute=Term(hours=5),
    review=Term(hours=5),
    urge_overdue=False,
    version=0,
)
PROVINCE = Node(
    "province",
    Level.PROVINCE,
    (Code("53"),),
    None,
    (Neighbour("city", (Code("5301"),)),),
)
CITY = Node(
    "city",
    Level.CITY,
    (Code("5301"),),
    "province",
    (Neighbour("wuhua", (Code("530102"),)), Neighbour("panlong", (Code("530103"),))),
)
COUNTY = Node(
    "wuhua",
    Level.COUNTY,
    (Code("530102"),),
    "city",
    (Neighbour("streets", (Code("530102"),)),),
)
STREETS = Node("streets", Level.TOWNSHIP, (Code("530102"),), "wuhua")
ALL = Node("all", Level.PROVINCE, (Code("53"),))
"""Everybody acts here."""

TOWNS = [Code(f"530102{number:03}") for number in range(1, 6)]

ITEM = """
    INSERT INTO assignment_item
           (item_id, issuer_division, state, mode, closing_kind, quorum_percent,
            lead_division, receive_by_at, deadline_at, issued_at, traceparent, item)
    VALUES ($1, '53', 1, 1, 1, 0, '53', $3, $4, $2, '', $5)
"""
ASSIGN = """
    INSERT INTO assignment
           (item_id, division, assigner_division, assigned_at, receive_by_at, deadline_at,
            original_deadline_at)
    SELECT $1, division, $3, $4, $5, $6, $6 FROM unnest($2::text[]) AS division
    ON CONFLICT (item_id, division) DO NOTHING
"""
MOVES: Mapping[str, str] = {
    "receive": "received_at = coalesce(received_at, $3)",
    "report": """reported_at = $3, received_at = coalesce(received_at, $3), returned = false""",
    "verify": "verified_at = $3",
    "return": "returned = true, epoch = epoch + 1, reported_at = NULL, verified_at = NULL",
    "suspend": "suspended_at = $3, term = term + 1",
    "resume": """deadline_at = deadline_at + ($3 - coalesce(suspended_at, $3)),
                 receive_by_at = receive_by_at + ($3 - coalesce(suspended_at, $3)),
                 suspended_at = NULL, term = term + 1""",
    "put off": "deadline_at = deadline_at + interval '30 hours', term = term + 1",
    "close": "closed = true",
    "reopen": "closed = false",
    "withdraw": "withdrawn = true",
}
MOVE = """
    UPDATE assignment SET {} WHERE item_id = $1 AND division = ANY($2)
       AND $3::timestamptz IS NOT NULL
"""
RAISED = """
    SELECT division, term, step, rung, due_at, raised_at, superseded FROM timing_raised
     WHERE item_id = $1 ORDER BY raised_at, step, rung, division
"""


class At:
    """A clock that a test sets."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True)
class Assigned:
    """How assignments are made: by whom, and with which moments."""

    assigner: str = "53"
    at: datetime = START
    receive_by: datetime = RECEIVE_BY
    deadline: datetime = DEADLINE


def a_body(terms: Terms | None = TERMS) -> assignment_pb2.Item:
    item = assignment_pb2.Item(
        title="基层减负",
        source_type=assignment_pb2.SOURCE_TYPE_PLAN_LINE,
        urgency=assignment_pb2.URGENCY_ROUTINE,
    )
    if terms is not None:
        item.terms.CopyFrom(terms_to(terms))
    return item


async def an_item(
    tx: Tx, terms: Terms | None = TERMS, item: assignment_pb2.Item | None = None
) -> UUID:
    item_id = uuid4()
    body = (item or a_body(terms)).SerializeToString()
    await tx.execute(ITEM, item_id, START, RECEIVE_BY, DEADLINE, body)
    return item_id


async def assign(
    tx: Tx, item_id: UUID, divisions: Sequence[str], how: Assigned | None = None
) -> None:
    how = how or Assigned()
    moments = (how.at, how.receive_by, how.deadline)
    await tx.execute(ASSIGN, item_id, divisions, how.assigner, *moments)


async def issue(
    app: App,
    divisions: Sequence[str] = TOWNS,
    how: Assigned | None = None,
    terms: Terms | None = TERMS,
) -> UUID:
    async with app.db.transaction() as tx:
        item_id = await an_item(tx, terms)
        await assign(tx, item_id, divisions, how)
    return item_id


async def move(app: App, name: str, item_id: UUID, divisions: Sequence[str]) -> None:
    async with app.db.transaction() as tx:
        await tx.execute(MOVE.format(MOVES[name]), item_id, divisions, app.now())


async def sweep(app: App) -> int:
    """Work what is due, as a node that just started does."""
    return await Sweeping(app).sweep()


async def raised(app: App, item_id: UUID) -> list[tuple[Any, ...]]:
    """Return what was raised of an item: division, term, step, rung, due, raised, superseded."""
    async with app.db.reading() as tx:
        return [tuple(row) for row in await tx.fetch(RAISED, item_id)]


async def steps(app: App, item_id: UUID) -> dict[str, list[tuple[int, int]]]:
    """Return (step, rung) of all that somebody was told of, in its order, by division."""
    found: dict[str, list[tuple[int, int]]] = {}
    for division, _, step, rung, _, _, superseded in await raised(app, item_id):
        if not superseded:
            found.setdefault(division, []).append((step, rung))
    return found


async def clocks(app: App) -> list[Mapping[str, Any]]:
    async with app.db.reading() as tx:
        rows = await tx.fetch("SELECT * FROM timing_clock ORDER BY clock_id")
    return [dict(row) for row in rows]
