"""The division tree's link door: what the tier above imported."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from ducha.division.v1 import division_facts_pb2 as pb
from tier import ledger
from tier.app import App, Arrived, Unfit, Verdict
from tier.division import actions, rules, store, wire
from tier.division.errors import DivisionRowsInvalid
from tier.division.model import Division
from tier.jurisdiction import contains, within
from tier.ledger import Author
from tier.node import Node
from tier.runtime.db import Tx


async def imported(app: App, tx: Tx, arrived: Sequence[Arrived]) -> Verdict:
    """Take the tree as the tier above says it is, and tell the children their parts.

    The facts that came are kept as they are; a child is told by facts made here, for
    it may know no more than its own branch.
    """
    verdict = Verdict()
    latest: dict[tuple[str, str], Division] = {}
    for one in arrived:
        divisions = _read(app.node, one)
        if isinstance(divisions, Unfit):
            verdict.unfit.append(divisions)
            continue
        for entry in divisions:
            latest[entry.code, entry.valid_from.isoformat()] = entry
        fact = one.fact
        author = Author.at(app.now(), app.node.name, fact.actor, fact.traceparent)
        verdict.entries.append(ledger.keep(fact, one.fact_id, one.body, onward=()))
        verdict.entries.extend(actions.passed_on(app.node, author, divisions))
    await store.upsert(tx, list(latest.values()))
    return verdict


def _read(node: Node, arrived: Arrived) -> list[Division] | Unfit:
    """Read the entries of a fact, or say why it cannot be taken."""
    if not arrived.downward:
        return Unfit(arrived, "WRONG_DIRECTION", "only the tier above keeps the tree")
    try:
        payload = pb.DivisionsImported.FromString(arrived.fact.payload)
    except DecodeError as wrong:
        return Unfit(arrived, "UNREADABLE", str(wrong))
    divisions, faults = rules.read([wire.row_from(row) for row in payload.divisions])
    if faults:
        return Unfit(
            arrived, DivisionRowsInvalid.reason, str(DivisionRowsInvalid.of(faults))
        )
    for entry in divisions:
        above = any(contains(entry.code, host) for host in node.hosts)
        if not (above or within(entry.code, node.hosts)):
            return Unfit(
                arrived, "WRONG_JURISDICTION", f"{entry.code} is not of {node.name}"
            )
    return divisions
