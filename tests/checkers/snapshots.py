"""What a node's database holds, read in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from ducha.assignment.v1 import assignment_facts_pb2
from ducha.link.v1 import link_pb2
from tests.checkers.history import Key
from tests.checkers.places import Place
from tier import division

REPORTED = assignment_facts_pb2.AssignmentReported.DESCRIPTOR.full_name
RECEIVED = assignment_facts_pb2.AssignmentsReceived.DESCRIPTOR.full_name
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


@dataclass(frozen=True, slots=True)
class Written:
    """A fact in the ledger."""

    position: int
    fact_id: str
    kind: str
    origin: str
    keys: tuple[Key, ...]
    """Assignments it speaks of; only of receipts and reports."""
    mark: str
    """The text of a report."""


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


ROWS = """
    SELECT item_id::text, division, epoch, received_at, reported_at, verified_at, state,
           coalesce(report_fact::text, '') AS report_fact
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
    )


def _written(position: int, body: bytes) -> Written:
    fact = link_pb2.Fact.FromString(body)
    keys: tuple[Key, ...] = ()
    mark = ""
    if fact.kind == REPORTED:
        report = assignment_facts_pb2.AssignmentReported.FromString(fact.payload)
        keys, mark = ((report.item_id, report.division),), report.report.summary
    elif fact.kind == RECEIVED:
        receipt = assignment_facts_pb2.AssignmentsReceived.FromString(fact.payload)
        codes = division.set_from(receipt.divisions)
        keys = tuple((receipt.item_id, code) for code in codes)
    return Written(position, fact.fact_id, fact.kind, fact.origin, keys, mark)
