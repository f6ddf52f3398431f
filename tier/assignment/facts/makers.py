"""Facts that make rows, or end an item: one maker a kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ducha.assignment.v1 import assignment_facts_pb2 as pb
from tier import division, ledger
from tier.app import App, Arrived, Unfit, Verdict
from tier.arriving import (
    UNKNOWN_ASSIGNMENT,
    UNKNOWN_ITEM,
    WRONG_JURISDICTION,
    keep,
    pass_on,
)
from tier.assignment import clock_store, item_store, store, wire
from tier.assignment.actions.calls import branches_of
from tier.assignment.facts.passing import (
    climbs,
    is_forged,
    onward,
    trespasses,
)
from tier.assignment.model import Given, Item, ItemState, Key
from tier.assignment.telling import (
    Why,
    tell_all,
    tell_contributed,
    tell_verdicts,
    tell_withdrawn,
)
from tier.inbox import Kind
from tier.jurisdiction import Code, contains, parse
from tier.ledger import Author
from tier.runtime import moments
from tier.runtime.db import Tx
from tier.runtime.telemetry import current_traceparent


async def _issued(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    """Keep an item and its assignments in this subtree."""
    payload = pb.ItemIssued.FromString(one.fact.payload)
    targets = division.set_from(payload.targets)
    if trespasses(one, targets, verdict):
        return
    if not one.downward and is_forged(one, payload.item.issuer_division, verdict):
        return
    item = wire.item_from(payload.item, current_traceparent() or one.fact.traceparent)
    await item_store.insert(tx, item)
    await store.insert(tx, item, targets, wire.given_of(payload.item))
    onward(app, one, targets, payload, verdict)


async def _split(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    """Keep assignments that a tier passed on."""
    payload = pb.AssignmentSplit.FromString(one.fact.payload)
    item_id = wire.item_id(payload.item_id)
    item = (await item_store.items(tx, [item_id])).get(item_id)
    if item is None:
        verdict.unfit.append(Unfit(one, UNKNOWN_ITEM, payload.item_id))
        return
    targets = division.set_from(payload.targets)
    if trespasses(one, targets, verdict):
        return
    if is_forged(one, payload.assigner_division, verdict):
        return
    if one.downward:
        await _introduce(app, tx, one, (item, targets), verdict)
    await store.insert(tx, item, targets, _given(one, payload), payload.instructions)
    await store.mark_split(tx, Key(item_id, parse(payload.assigner_division)))
    onward(app, one, targets, payload, verdict)


def _given(one: Arrived, payload: pb.AssignmentSplit) -> Given:
    """Read what a split gives; facts from before it was told began when they were recorded."""
    told = payload.HasField("split_time")
    return Given(
        parse(payload.assigner_division),
        moments.moment(payload.split_time if told else one.fact.record_time),
        moments.moment(payload.receive_by_time),
        moments.moment(payload.deadline_time),
        payload.work_days,
        payload.receive_days,
        payload.provisional,
    )


async def _introduce(
    app: App,
    tx: Tx,
    one: Arrived,
    told: tuple[Item, Sequence[Code]],
    verdict: Verdict,
) -> None:
    """Tell branches that hold nothing of an item what it is, before their part of it.

    Who assigned lies further up than the next tier: an assignment was transferred.
    """
    item, targets = told
    holding = await branches_of(app, tx, item.item_id)
    new = tuple(name for name in app.node.branches(targets) if name not in holding)
    if new:
        verdict.entries.append(
            ledger.record(
                Author.at(app.now(), app.node.name, one.fact.actor),
                pb.ItemIssued(item=wire.item_to(item)),
                division=one.fact.division,
                subject=one.fact.subject,
                onward=new,
            )
        )


async def _withdrawn_alone(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    """Withdraw assignments, and whatever was split from them here or below."""
    payload = pb.AssignmentsWithdrawn.FromString(one.fact.payload)
    divisions = division.set_from(payload.divisions)
    if trespasses(one, divisions, verdict):
        return
    item_id, acting = wire.item_id(payload.item_id), parse(one.fact.division)
    if await _is_unfit(tx, one, [Key(item_id, code) for code in divisions], verdict):
        return
    to = payload.transferred_to
    gone = await clock_store.withdraw(tx, item_id, divisions, to, acting)
    why = Why(moments.moment(payload.withdraw_time), one.fact_id, payload.reason, to)
    await tell_withdrawn(app, tx, item_id, gone, why)
    # Those who were split from hear it too, though the fact did not name them.
    concerned = list(dict.fromkeys([*divisions, *gone[0], *gone[1]]))
    onward(app, one, concerned, payload, verdict)


async def _is_unfit(
    tx: Tx, one: Arrived, keys: Sequence[Key], verdict: Verdict
) -> bool:
    """Set a withdrawal aside of what is not here, or of what its teller did not assign.

    It names what was split from that too: the assigner of each lies within the teller.
    """
    held = await store.load(tx, keys)
    for key in keys:
        if key not in held:
            where = f"{key.division} of {key.item_id}"
            verdict.unfit.append(Unfit(one, UNKNOWN_ASSIGNMENT, where))
            return True
        assigner = held[key].assignment.assigner
        if not contains(parse(one.fact.division), assigner):
            detail = f"{key.division} was not assigned by {one.fact.division}"
            verdict.unfit.append(Unfit(one, WRONG_JURISDICTION, detail))
            return True
    return False


async def _judged(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    """Tell those who moved while away what became of it."""
    payload = pb.MovesJudged.FromString(one.fact.payload)
    divisions = [parse(each.division) for each in payload.judgements]
    if climbs(one, verdict) or trespasses(one, divisions, verdict):
        return
    await tell_verdicts(app, tx, wire.item_id(payload.item_id), payload)

    def part(codes: Sequence[Code]) -> pb.MovesJudged:
        mine = [each for each in payload.judgements if each.division in codes]
        return pb.MovesJudged(
            item_id=payload.item_id, judge_time=payload.judge_time, judgements=mine
        )

    verdict.entries.extend(pass_on(app, one, list(dict.fromkeys(divisions)), part))


async def _contributed(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    """Hand what a unit that assists found to the lead."""
    payload = pb.AssistContributed.FromString(one.fact.payload)
    lead = parse(payload.lead_division)
    if climbs(one, verdict) or trespasses(one, [lead], verdict):
        return
    at = moments.moment(one.fact.record_time)
    await tell_contributed(app, tx, payload, at, one.fact_id)
    verdict.entries.append(keep(one, tuple(app.node.branches([lead]))))


async def _concluded(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    payload = pb.ItemConcluded.FromString(one.fact.payload)
    item = await _item(tx, one, verdict)
    if item is not None:
        conclusion = payload.conclusion
        if not conclusion.HasField("conclude_time"):
            conclusion.conclude_time.CopyFrom(one.fact.record_time)
        await _set(app, tx, one, wire.concluded(item, conclusion), verdict)


async def _closed(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    item = await _item(tx, one, verdict)
    if item is not None:
        await _set(app, tx, one, replace(item, state=ItemState.CLOSED), verdict)
        await item_store.close(tx, item.item_id)


async def _withdrawn(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    payload = pb.ItemWithdrawn.FromString(one.fact.payload)
    item = await _item(tx, one, verdict)
    if item is not None:
        await _set(app, tx, one, replace(item, state=ItemState.WITHDRAWN), verdict)
        gone = await item_store.withdraw(tx, item.item_id)
        at = moments.moment(payload.withdraw_time)
        keys = [Key(item.item_id, code) for code in gone]
        why = Why(at, one.fact_id, payload.reason)
        await tell_all(app, tx, Kind.WITHDRAWN, keys, why)


async def _reopened(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    payload = pb.ItemReopened.FromString(one.fact.payload)
    item = await _item(tx, one, verdict)
    if item is not None:
        after = replace(item, state=ItemState.ISSUED, reopened=payload.reopen_count)
        await _set(app, tx, one, after, verdict)
        concerned = await item_store.go_on(tx, item.item_id)
        at = moments.moment(payload.reopen_time)
        keys = [Key(item.item_id, code) for code in concerned]
        why = Why(at, one.fact_id, payload.reason)
        await tell_all(app, tx, Kind.REOPENED, keys, why)


async def _archived(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    item = await _item(tx, one, verdict)
    if item is not None:
        await _set(app, tx, one, replace(item, state=ItemState.ARCHIVED), verdict)


async def _item(tx: Tx, one: Arrived, verdict: Verdict) -> Item | None:
    """Return the item of a fact of its issuer, locked; what is of no such item is set aside."""
    item = await item_store.locked(tx, wire.item_id(one.fact.subject))
    if item is None:
        verdict.unfit.append(Unfit(one, UNKNOWN_ITEM, one.fact.subject))
        return None
    return None if is_forged(one, item.issuer, verdict) else item


async def _set(app: App, tx: Tx, one: Arrived, item: Item, verdict: Verdict) -> None:
    """Write where an item stands, and pass the fact on."""
    await item_store.set_state(tx, item)
    below = one.downward
    told = await branches_of(app, tx, item.item_id) if below else app.node.upward
    verdict.entries.append(keep(one, told))


MAKERS = {
    pb.ItemIssued.DESCRIPTOR.full_name: _issued,
    pb.AssignmentSplit.DESCRIPTOR.full_name: _split,
    pb.ItemConcluded.DESCRIPTOR.full_name: _concluded,
    pb.ItemClosed.DESCRIPTOR.full_name: _closed,
    pb.ItemWithdrawn.DESCRIPTOR.full_name: _withdrawn,
    pb.ItemReopened.DESCRIPTOR.full_name: _reopened,
    pb.ItemArchived.DESCRIPTOR.full_name: _archived,
    pb.AssignmentsWithdrawn.DESCRIPTOR.full_name: _withdrawn_alone,
    pb.AssistContributed.DESCRIPTOR.full_name: _contributed,
    pb.MovesJudged.DESCRIPTOR.full_name: _judged,
}
