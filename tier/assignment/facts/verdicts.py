"""What becomes of work that was done while a link was away: judged by what stands today.

The row is folded as ever, so that all tiers hold the same; the verdict is what its author is
told. Work that came at once and counts needs none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ducha.assignment.v1 import assignment_facts_pb2 as pb
from tier import ledger, routes
from tier.app import App, Arrived
from tier.assignment.model import (
    Assignment,
    Change,
    Fenced,
    Key,
    Loaded,
    Received,
    Reported,
)
from tier.jurisdiction import Code
from tier.ledger import Author, Entry
from tier.runtime import moments

Outcome = pb.MovesJudged


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict on one move."""

    key: Key
    assigner: Code
    move: str
    at: datetime
    outcome: pb.MovesJudged.Outcome.ValueType
    reason: str
    fact_id: UUID
    epoch: int


def is_replayed(app: App, one: Arrived) -> bool:
    """Whether a fact from below was on its way for longer than a neighbour may be silent."""
    recorded = moments.moment(one.fact.record_time)
    away = app.pace.real_seconds(app.now() - recorded)
    return not one.downward and away > app.contact.total_seconds()


def judge(
    app: App,
    one: Arrived,
    stands: tuple[Loaded, Assignment],
    change: Change,
    folded: Assignment | Fenced,
) -> Judged | None:
    """Return the verdict on an executor's move, where its assigner acts; None if none is due.

    A report that does not count is always told; what counts, only if it was long on its way.
    """
    loaded, was = stands
    if one.downward or not isinstance(change, Received | Reported):
        return None
    if not app.node.acts_for(was.assigner):
        return None
    reason = _refused(loaded, was, folded)
    told = is_replayed(app, one) or (reason and isinstance(change, Reported))
    if not told:
        return None
    due = was.receive_by if isinstance(change, Received) else was.deadline
    outcome = Outcome.OUTCOME_ACCEPTED
    if reason:
        outcome = Outcome.OUTCOME_REFUSED
    elif change.at > due:
        outcome = Outcome.OUTCOME_ACCEPTED_LATE
    return Judged(
        was.key,
        was.assigner,
        one.fact.kind.rsplit(".", 1)[-1],
        change.at,
        outcome,
        reason,
        one.fact_id,
        was.epoch,
    )


def _refused(loaded: Loaded, was: Assignment, folded: Assignment | Fenced) -> str:
    """Say why a move does not count today; empty if it does."""
    if isinstance(folded, Fenced):
        return "EPOCH_STALE"
    if was.withdrawn:
        return "WITHDRAWN"
    return "ITEM_ENDED" if loaded.item_ended else ""


def facts_of(app: App, judged: Sequence[Judged]) -> list[Entry]:
    """Return the facts that carry verdicts down: one an item, assigner and branch."""
    groups: dict[tuple[UUID, Code], list[Judged]] = {}
    for one in judged:
        groups.setdefault((one.key.item_id, one.assigner), []).append(one)
    now = app.now()
    author = Author.at(now, app.node.name, app.node.name)
    entries = []
    for (item_id, assigner), group in groups.items():
        codes = [one.key.division for one in group]
        for onward, below in routes.downward(app.node, codes):
            payload = pb.MovesJudged(
                item_id=str(item_id), judge_time=moments.stamp(now)
            )
            payload.judgements.extend(
                _judgement(one) for one in group if one.key.division in below
            )
            entries.append(
                ledger.record(
                    author,
                    payload,
                    division=assigner,
                    subject=str(item_id),
                    onward=onward,
                )
            )
    return entries


def _judgement(one: Judged) -> pb.MovesJudged.Judgement:
    return pb.MovesJudged.Judgement(
        division=one.key.division,
        move=one.move,
        move_time=moments.stamp(one.at),
        outcome=one.outcome,
        reason=one.reason,
        fact_id=str(one.fact_id),
        epoch=one.epoch,
    )
