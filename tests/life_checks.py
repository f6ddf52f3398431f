"""What must hold between two tiers that have told each other everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from ducha.assignment.v1 import assignment_pb2
from ducha.timing.v1 import timing_facts_pb2
from tests.life import Desk, Pair
from tests.servers import quarantined, recorded
from tier import calendar, division
from tier.jurisdiction import Code

Escalation: TypeAlias = "tuple[str, str, int, int]"
"""Item, executor, term, rung."""
Step: TypeAlias = "tuple[str, str, datetime, int]"
"""Item, executor, when it was due, rung."""
Report: TypeAlias = "tuple[str, str]"
"""Item and executor."""

OPEN = """
    SELECT a.item_id, a.division, a.assigner_division, a.deadline_at, i.item
      FROM assignment a JOIN assignment_item i USING (item_id)
     WHERE a.state IN (1, 2, 4) AND i.state IN (1, 2)
"""
RAISED = "SELECT item_id, division, due_at, rung FROM timing_raised WHERE step = 6"
TOLD = "SELECT fact_id FROM ledger_outbox JOIN ledger_fact USING (position)"
KEPT = "SELECT fact_id FROM ledger_fact"
REPORTED = """
    SELECT item_id, division, reported_at,
           (SELECT max(returned_at) FROM assignment_return r
             WHERE (r.item_id, r.division) = (a.item_id, a.division)) AS returned_at
      FROM assignment a
"""
VERDICTS = "SELECT item_id, division, details ->> 'done_at' AS at FROM inbox_notice WHERE kind = $1"
ESCALATED = timing_facts_pb2.AssignmentsEscalated.DESCRIPTOR.full_name


async def missed(desk: Desk, now: datetime) -> set[Step]:
    """Return the steps of ladders that a sweep should have taken here by now, and did not.

    A clock that was stopped for no time at all has a new term and the same steps.
    """
    raised = {
        (str(row["item_id"]), row["division"], row["due_at"], row["rung"])
        for row in await desk.fetch(RAISED)
    }
    async with desk.app.db.reading() as tx:
        days = await calendar.current(tx)
    due: set[Step] = set()
    for row in await desk.fetch(OPEN):
        if not desk.app.node.acts_for(Code(row["assigner_division"])):
            continue
        terms = assignment_pb2.Item.FromString(row["item"]).terms
        for rung, term in enumerate(terms.ladder, 1):
            moment = calendar.after(days, row["deadline_at"], calendar.term_from(term))
            if moment.at <= now:
                due.add((str(row["item_id"]), row["division"], moment.at, rung))
    return due - raised


async def twice(desk: Desk) -> dict[Escalation, int]:
    """Return the steps that more than one fact made, as this node heard it."""
    made: Counter[Escalation] = Counter()
    for fact in await recorded(desk.app):
        if fact.kind != ESCALATED:
            continue
        told = timing_facts_pb2.AssignmentsEscalated.FromString(fact.payload)
        for code in division.set_from(told.divisions):
            made[told.item_id, code, told.term, told.rung] += 1
    return {step: count for step, count in made.items() if count > 1}


async def lost(pair: Pair) -> list[UUID]:
    """Return facts that one owed the other, and that the other does not keep."""
    found: list[UUID] = []
    for sender, receiver in ((pair.upper, pair.lower), (pair.lower, pair.upper)):
        told = {row["fact_id"] for row in await sender.fetch(TOLD)}
        found += told - {row["fact_id"] for row in await receiver.fetch(KEPT)}
    return found


async def forgotten(desk: Desk, reports: Mapping[Report, datetime]) -> list[Report]:
    """Return acknowledged reports that neither stand, nor were returned since."""
    rows = {
        (str(row["item_id"]), row["division"]): (row["reported_at"], row["returned_at"])
        for row in await desk.fetch(REPORTED)
    }
    return [
        key
        for key, at in reports.items()
        if rows[key][0] != at and not (rows[key][1] and rows[key][1] >= at)
    ]


async def agree(pair: Pair, reports: Mapping[Report, datetime]) -> None:
    """Assert that the two hold the same, that nothing was lost, and nothing done twice."""
    differing = await pair.differing()
    assert not differing, "\n".join(differing)
    unheard = await lost(pair)
    assert not unheard, unheard
    for desk in (pair.upper, pair.lower):
        await _stands(desk, reports)


async def _stands(desk: Desk, reports: Mapping[Report, datetime]) -> None:
    """Assert that a node set nothing aside, kept every report, and counts what happened."""
    aside = await quarantined(desk.app)
    assert not aside, aside
    gone = await forgotten(desk, reports)
    assert not gone, gone
    again = await twice(desk)
    assert not again, again
    audited = await desk.audit()
    assert not audited.differences, audited
