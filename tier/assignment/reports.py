"""What was reported, read back from the facts in the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from ducha.assignment.v1 import assignment_facts_pb2 as facts
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.link.v1 import link_pb2
from tier.ledger import store as ledger_store
from tier.runtime.db import Tx


async def of(tx: Tx, fact_ids: Iterable[UUID | None]) -> dict[UUID, pb.Report]:
    """Return the reports that these facts brought."""
    asked = [one for one in fact_ids if one is not None]
    bodies = await ledger_store.bodies(tx, asked) if asked else {}
    return {fact_id: _report(body) for fact_id, body in bodies.items()}


def _report(body: bytes) -> pb.Report:
    fact = link_pb2.Fact.FromString(body)
    return facts.AssignmentReported.FromString(fact.payload).report
