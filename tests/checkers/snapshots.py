"""What a node's database holds, read in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg

from ducha.assignment.v1 import assignment_facts_pb2
from ducha.link.v1 import link_pb2
from ducha.petition.v1 import petition_facts_pb2 as petitions
from ducha.rectification.v1 import rectification_facts_pb2 as points
from ducha.timing.v1 import timing_facts_pb2 as timing
from ducha.urging.v1 import urging_facts_pb2 as urging
from tests.checkers import books
from tests.checkers.books import Books
from tests.checkers.history import Key
from tests.checkers.places import Place
from tier import division

REPORTED = assignment_facts_pb2.AssignmentReported.DESCRIPTOR.full_name
RECEIVED = assignment_facts_pb2.AssignmentsReceived.DESCRIPTOR.full_name
FILED = petitions.PetitionsFiled.DESCRIPTOR.full_name
DECIDED = petitions.PetitionsDecided.DESCRIPTOR.full_name
URGED = urging.AssignmentsUrged.DESCRIPTOR.full_name
REMINDED = timing.RemindersRaised.DESCRIPTOR.full_name
ESCALATED = timing.AssignmentsEscalated.DESCRIPTOR.full_name
OPENED = points.RectificationsOpened.DESCRIPTOR.full_name
PUT_RIGHT = points.RectificationsReported.DESCRIPTOR.full_name
ACCEPTED = points.RectificationsClosed.DESCRIPTOR.full_name
Mark = tuple[int, int]
"""(epoch, seq)."""


@dataclass(frozen=True, slots=True)
class Row:
    """An assignment."""

    item_id: str
    division: str
    epoch: int
    received_at: datetime | None
    reported_at: datetime | None
    verified_at: datetime | None
    state: int
    report_fact: str
    assigned_at: datetime | None = None
    receive_by_at: datetime | None = None
    deadline_at: datetime | None = None
    term: int = 1
    suspended_at: datetime | None = None
    stopped: timedelta = timedelta()
    extensions: int = 0
    transferred_to: str = ""
    problem_count: int = 0
    return_reason: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A fact in the ledger."""

    position: int
    fact_id: str
    kind: str
    origin: str
    keys: tuple[Key, ...]
    """Assignments, petitions or points it speaks of; only where each is told once."""
    mark: str
    """The text of a report; of an urge its id, of a timer its term, step and rung."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One database at one moment."""

    place: Place
    items: frozenset[str]
    rows: Mapping[Key, Row]
    ledger: Sequence[Written]
    head: int
    outbox: Mapping[str, Sequence[tuple[int, str]]]
    """By neighbour: (seq, fact id) in order."""
    lanes: Mapping[str, Mark]
    applied: Mapping[str, Mark]
    receipts: Mapping[str, Mark]
    quarantined: frozenset[tuple[str, int]]
    """(neighbour, seq) of what was set aside: what cannot be read has no id."""
    books: Books = field(default_factory=lambda: {name: {} for name in books.TABLES})
    """What tiers hold in common beside assignments."""


ROWS = """
    SELECT item_id::text, division, epoch, received_at, reported_at, verified_at, state,
           coalesce(report_fact::text, '') AS report_fact, assigned_at, receive_by_at,
           deadline_at, term, suspended_at, stopped, extensions, transferred_to,
           problem_count, return_reason
      FROM assignment
"""
OUTBOX = """
    SELECT o.neighbour, o.seq, f.fact_id::text AS fact_id
      FROM ledger_outbox o LEFT JOIN ledger_fact f USING (position)
     ORDER BY o.neighbour, o.seq
"""
MARKS = """
    SELECT i.neighbour, i.epoch, i.seq, r.epoch AS receipt_epoch, r.seq AS receipt_seq
      FROM link_inbound i JOIN link_receipt r USING (neighbour)
"""


async def take(place: Place) -> Snapshot:
    """Read a node's database."""
    connection = await asyncpg.connect(place.database_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await read(place, connection)
    finally:
        await connection.close()


async def read(
    place: Place, connection: asyncpg.Connection[asyncpg.Record]
) -> Snapshot:
    """Read what a connection sees, planted rows of its transaction included."""
    rows = [Row(*row.values()) for row in await connection.fetch(ROWS)]
    items = await connection.fetch("SELECT item_id::text FROM assignment_item")
    facts = await connection.fetch(
        "SELECT position, body FROM ledger_fact ORDER BY position"
    )
    lanes = await connection.fetch("SELECT neighbour, epoch, seq FROM ledger_lane")
    marks = await connection.fetch(MARKS)
    outbox: dict[str, list[tuple[int, str]]] = {row["neighbour"]: [] for row in lanes}
    for row in await connection.fetch(OUTBOX):
        outbox[row["neighbour"]].append((row["seq"], row["fact_id"]))
    aside = await connection.fetch("SELECT neighbour, seq FROM link_quarantine")
    return Snapshot(
        place=place,
        items=frozenset(row[0] for row in items),
        rows={(row.item_id, row.division): row for row in rows},
        ledger=[_written(row["position"], row["body"]) for row in facts],
        head=await connection.fetchval("SELECT position FROM ledger_head"),
        outbox=outbox,
        lanes={row["neighbour"]: (row["epoch"], row["seq"]) for row in lanes},
        applied={row["neighbour"]: (row["epoch"], row["seq"]) for row in marks},
        receipts={
            row["neighbour"]: (row["receipt_epoch"], row["receipt_seq"])
            for row in marks
        },
        quarantined=frozenset((row["neighbour"], row["seq"]) for row in aside),
        books=await books.read(connection),
    )


def _written(position: int, body: bytes) -> Written:
    fact = link_pb2.Fact.FromString(body)
    told = TELL.get(fact.kind)
    keys, mark = told(fact.payload) if told else ((), "")
    return Written(position, fact.fact_id, fact.kind, fact.origin, tuple(keys), mark)


Told = tuple[Iterable[Key], str]
"""What a fact speaks of, and its mark."""


def _reported(payload: bytes) -> Told:
    fact = assignment_facts_pb2.AssignmentReported.FromString(payload)
    return [(fact.item_id, fact.division)], fact.report.summary


def _received(payload: bytes) -> Told:
    fact = assignment_facts_pb2.AssignmentsReceived.FromString(payload)
    return [(fact.item_id, code) for code in division.set_from(fact.divisions)], ""


def _filed(payload: bytes) -> Told:
    fact = petitions.PetitionsFiled.FromString(payload)
    return [(fact.item_id, one.petition_id) for one in fact.petitions], ""


def _decided(payload: bytes) -> Told:
    fact = petitions.PetitionsDecided.FromString(payload)
    return [(fact.item_id, one.petition_id) for one in fact.decisions], ""


def _urged(payload: bytes) -> Told:
    fact = urging.AssignmentsUrged.FromString(payload)
    codes = division.set_from(fact.divisions)
    return [(fact.item_id, code) for code in codes], fact.urge_id


def _reminded(payload: bytes) -> Told:
    fact = timing.RemindersRaised.FromString(payload)
    codes = division.set_from(fact.divisions)
    return [(fact.item_id, code) for code in codes], f"{fact.term} {fact.step}"


def _escalated(payload: bytes) -> Told:
    fact = timing.AssignmentsEscalated.FromString(payload)
    codes = division.set_from(fact.divisions)
    return [(fact.item_id, code) for code in codes], f"{fact.term} {fact.rung}"


def _opened(payload: bytes) -> Told:
    fact = points.RectificationsOpened.FromString(payload)
    return [(fact.item_id, one.rectification_id) for one in fact.points], ""


def _put_right(payload: bytes) -> Told:
    fact = points.RectificationsReported.FromString(payload)
    keys = [(one.rectification_id, f"round {one.round}") for one in fact.points]
    return keys, ""


def _accepted(payload: bytes) -> Told:
    fact = points.RectificationsClosed.FromString(payload)
    return [(fact.item_id, one.rectification_id) for one in fact.points], ""


TELL: Mapping[str, Callable[[bytes], Told]] = {
    REPORTED: _reported,
    RECEIVED: _received,
    FILED: _filed,
    DECIDED: _decided,
    URGED: _urged,
    REMINDED: _reminded,
    ESCALATED: _escalated,
    OPENED: _opened,
    PUT_RIGHT: _put_right,
    ACCEPTED: _accepted,
}
"""Facts whose every part is told once."""
UPWARD = frozenset({REPORTED, RECEIVED, FILED, REMINDED, PUT_RIGHT})
"""Of these, the ones that are never taken apart for the branches they concern."""
