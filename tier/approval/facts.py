"""The link door: approvals and unlockings, on their way down and up.

An approval is applied where all answers that its unit knew are here; else it waits in
quarantine for them, and is retried.
"""

from __future__ import annotations

from collections.abc import Mapping

from ducha.approval.v1 import approval_facts_pb2 as pb
from tier import ledger
from tier.app import App, Arrived, Unfit
from tier.approval import rules, store, wire
from tier.approval.actions import branches_told, children_of, subject
from tier.approval.model import Approval, Holding
from tier.arriving import WRONG_JURISDICTION, Outcome, kinds
from tier.jurisdiction import Code, level_of
from tier.ledger import Author, Entry
from tier.registry import mark, marked
from tier.runtime.db import Tx

UNKNOWN_ANSWERS = "UNKNOWN_ANSWERS"


async def _approved(app: App, tx: Tx, one: Arrived) -> Outcome:
    """Lift what the approver knew, and let those hear of it whom it concerns."""
    payload = pb.PeriodApproved.FromString(one.fact.payload)
    approval = wire.approval_from(payload.approval)
    revisions = wire.revisions_from(payload)
    division, period = approval.act
    if _is_astray(app, one, division) or not rules.is_own(
        division, revisions, one.area
    ):
        return Unfit(one, WRONG_JURISDICTION, f"sheets approved by {division}")
    rows = await marked(tx, period, revisions)
    holdings = [Holding(*row) for row in rows]
    missing = rules.unknown(revisions, holdings)
    if missing is not None:
        code, revision = missing
        return Unfit(one, UNKNOWN_ANSWERS, f"{revision} answers of {code}")
    stage = rules.stage_of_unit(division)
    flags = {
        holding.division: rules.lifted(holding, stage, revisions[holding.division])
        for holding in holdings
    }
    await mark(tx, period, flags)
    await store.add(tx, approval)
    if one.downward:
        return _pass_down(app, one, approval, revisions)
    return [ledger.keep(one.fact, one.fact_id, one.body, app.node.upward)]


def _pass_down(
    app: App, one: Arrived, approval: Approval, revisions: Mapping[Code, int]
) -> list[Entry]:
    """Tell each branch of its own sheets."""
    branches = branches_told(app.node, approval.act.division, revisions)
    if all(len(part) == len(revisions) for part in branches.values()):
        # Nobody would hear of another's: the fact goes on as it is.
        return [ledger.keep(one.fact, one.fact_id, one.body, tuple(branches))]
    author = Author.at(app.now(), app.node.name, one.fact.actor)
    entries = [ledger.keep(one.fact, one.fact_id, one.body, ())]
    entries.extend(
        ledger.record(
            author,
            wire.approved_to(approval, part),
            division=approval.act.division,
            subject=subject(approval.act),
            onward=(name,),
        )
        for name, part in branches.items()
    )
    return entries


async def _unlocked(app: App, tx: Tx, one: Arrived) -> Outcome:
    """Keep an unlocking, and let those hear of it whom it concerns."""
    payload = pb.PeriodUnlocked.FromString(one.fact.payload)
    unlocking = wire.unlocking_from(payload.unlocking)
    authority = unlocking.authority
    if _is_astray(app, one, authority) or not rules.is_own(
        authority, [unlocking.within], (authority,)
    ):
        return Unfit(one, WRONG_JURISDICTION, f"unlocked by {authority}")
    await store.unlock(tx, unlocking)
    onward = app.node.upward
    if one.downward:
        onward = children_of(app.node, unlocking.within)
    return [ledger.keep(one.fact, one.fact_id, one.body, onward)]


def _is_astray(app: App, one: Arrived, division: Code) -> bool:
    """Whether an act is not its fact's division's, or does not come from where that acts."""
    level, ours = level_of(division), app.node.level
    comes_right = level < ours if one.downward else level > ours
    return division != one.fact.division or not comes_right


KINDS = kinds(
    {
        pb.PeriodApproved.DESCRIPTOR.full_name: _approved,
        pb.PeriodUnlocked.DESCRIPTOR.full_name: _unlocked,
    }
)
