"""The link door: what neighbours tell about items and assignments.

Facts are worked in their order. Those that change rows are folded in memory, so that a
bundle of hundreds is one load and one write; those that make rows, or end an item, come
between. What comes from below goes on to the parent as it is; what comes from above goes
on to the branches it concerns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.protobuf.message import Message

from ducha.assignment.v1 import assignment_facts_pb2 as pb
from ducha.assignment.v1 import assignment_pb2
from tier import division, ledger, routes
from tier.app import App, Arrived, Unfit, Verdict
from tier.assignment import item_store, rules, store, wire
from tier.assignment.actions.calls import branches_of
from tier.assignment.model import (
    Change,
    Fenceable,
    Fenced,
    ItemState,
    Key,
    Received,
    Reported,
    Returned,
    Verified,
)
from tier.jurisdiction import Code, parse, within
from tier.ledger import Author
from tier.runtime import moments
from tier.runtime.db import Tx
from tier.runtime.telemetry import current_traceparent

UNKNOWN_ASSIGNMENT = "UNKNOWN_ASSIGNMENT"
UNKNOWN_ITEM = "UNKNOWN_ITEM"
WRONG_JURISDICTION = "WRONG_JURISDICTION"


@dataclass(frozen=True, slots=True)
class Read:
    """A fact with its payload and the changes it brings to single assignments."""

    arrived: Arrived
    payload: Any
    changes: tuple[tuple[Key, Change], ...]


async def apply(app: App, tx: Tx, arrived: Sequence[Arrived]) -> Verdict:
    """Apply facts of this capability, in order."""
    verdict = Verdict()
    folding: list[Read] = []
    for one in arrived:
        reader = CHANGES.get(one.fact.kind)
        if reader is not None:
            payload, found = reader(one)
            changes = tuple(found)
            if _trespasses(one, (key.division for key, _ in changes), verdict):
                continue
            folding.append(Read(one, payload, changes))
            continue
        await _fold(app, tx, folding, verdict)
        folding.clear()
        await MAKERS[one.fact.kind](app, tx, one, verdict)
    await _fold(app, tx, folding, verdict)
    return verdict


def _trespasses(one: Arrived, divisions: Iterable[Code], verdict: Verdict) -> bool:
    """Set a fact aside that speaks of divisions its sender does not answer for (I6)."""
    foreign = next((code for code in divisions if not within(code, one.area)), None)
    if foreign is None:
        return False
    verdict.unfit.append(Unfit(one, WRONG_JURISDICTION, f"not the sender's: {foreign}"))
    return True


async def _fold(app: App, tx: Tx, reads: Sequence[Read], verdict: Verdict) -> None:
    """Fold changes into their assignments: one load, one write."""
    if not reads or await _take_reports(app, tx, reads, verdict):
        return
    keys = list({key for read in reads for key, _ in read.changes})
    before = await store.load(tx, keys)
    standing = {key: loaded.assignment for key, loaded in before.items()}
    stale: list[Fenceable] = []
    for read in reads:
        missing = next((key for key, _ in read.changes if key not in standing), None)
        if missing is not None:
            where = f"{missing.division} of {missing.item_id}"
            verdict.unfit.append(Unfit(read.arrived, UNKNOWN_ASSIGNMENT, where))
            continue
        for key, change in read.changes:
            folded = rules.fold(standing[key], change)
            if isinstance(folded, Fenced):
                stale.append(_fenceable(read, key, change, standing[key].epoch))
            else:
                standing[key] = folded
        _pass_on(app, read, verdict)
    changed = {
        key: assignment
        for key, assignment in standing.items()
        if assignment is not before[key].assignment
    }
    await store.write(tx, changed)
    await store.fence(tx, stale, app.now())


async def _take_reports(
    app: App, tx: Tx, reads: Sequence[Read], verdict: Verdict
) -> bool:
    """Write a run of nothing but reports at once; False if it must be folded after all."""
    reports: dict[Key, Reported] = {}
    for read in reads:
        for key, change in read.changes:
            if not isinstance(change, Reported) or key in reports:
                return False
            reports[key] = change
    if not await store.report(tx, reports):
        return False
    for read in reads:
        _pass_on(app, read, verdict)
    return True


def _fenceable(read: Read, key: Key, change: Change, current: int) -> Fenceable:
    """Describe work that came under a passed epoch."""
    epoch = change.epoch if isinstance(change, Reported) else 0
    fact_id = read.arrived.fact_id
    return Fenceable(key, epoch, current, fact_id, read.arrived.body)


def _pass_on(app: App, read: Read, verdict: Verdict) -> None:
    """Keep the fact, and say who hears of it next."""
    one = read.arrived
    if not one.downward:
        verdict.entries.append(
            ledger.keep(one.fact, one.fact_id, one.body, app.node.upward)
        )
        return
    _distribute(
        app, one, [key.division for key, _ in read.changes], read.payload, verdict
    )


def _distribute(
    app: App,
    one: Arrived,
    divisions: Sequence[Code],
    payload: Message,
    verdict: Verdict,
) -> None:
    """Pass a fact from above to its branches: unchanged where one branch has it all."""
    onward = routes.downward(app.node, divisions)
    if len(onward) == 1 and len(onward[0][1]) == len(divisions):
        verdict.entries.append(
            ledger.keep(one.fact, one.fact_id, one.body, onward[0][0])
        )
        return
    verdict.entries.append(ledger.keep(one.fact, one.fact_id, one.body, ()))
    fact = one.fact
    author = Author.at(app.now(), app.node.name, fact.actor)
    for neighbours, codes in onward:
        part = _part(payload, divisions, codes)
        verdict.entries.append(
            ledger.record(
                author,
                part,
                division=fact.division,
                subject=fact.subject,
                onward=neighbours,
            )
        )


def _part(payload: Any, divisions: Sequence[Code], codes: Sequence[Code]) -> Message:
    """Return the payload for one branch: the same words about fewer divisions."""
    part = type(payload)()
    part.CopyFrom(payload)
    if isinstance(payload, pb.ItemIssued | pb.AssignmentSplit):
        part.targets.CopyFrom(division.set_to(codes))
        return part  # type: ignore[no-any-return]
    part.divisions.CopyFrom(division.set_to(codes))
    if isinstance(payload, pb.AssignmentsReturned):
        epochs = dict(zip(divisions, payload.epochs, strict=True))
        del part.epochs[:]
        part.epochs.extend(
            wire.epochs_in_order(codes, [epochs[code] for code in codes])
        )
    return part  # type: ignore[no-any-return]


Changes = Iterator[tuple[Key, Change]]


def _received(one: Arrived) -> tuple[Message, Changes]:
    payload = pb.AssignmentsReceived.FromString(one.fact.payload)
    at = moments.moment(payload.receive_time)
    return payload, _each(
        payload.item_id, division.set_from(payload.divisions), Received(at)
    )


def _reported(one: Arrived) -> tuple[Message, Changes]:
    payload = pb.AssignmentReported.FromString(one.fact.payload)
    at: datetime = moments.moment(payload.report_time)
    change = Reported(at, payload.epoch, len(payload.report.problems), one.fact_id)
    return payload, _each(payload.item_id, [parse(payload.division)], change)


def _returned(one: Arrived) -> tuple[Message, Changes]:
    payload = pb.AssignmentsReturned.FromString(one.fact.payload)
    item_id = wire.item_id(payload.item_id)
    divisions = division.set_from(payload.divisions)
    pairs = zip(divisions, payload.epochs, strict=True)
    changes = (
        (Key(item_id, code), Returned(epoch, payload.reason)) for code, epoch in pairs
    )
    return payload, changes


def _verified(one: Arrived) -> tuple[Message, Changes]:
    payload = pb.AssignmentsVerified.FromString(one.fact.payload)
    at = moments.moment(payload.verify_time)
    return payload, _each(
        payload.item_id, division.set_from(payload.divisions), Verified(at)
    )


def _each(item_id: str, divisions: Sequence[Code], change: Change) -> Changes:
    owner = wire.item_id(item_id)
    return ((Key(owner, division), change) for division in divisions)


async def _issued(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    """Keep an item and its assignments in this subtree."""
    payload = pb.ItemIssued.FromString(one.fact.payload)
    targets = division.set_from(payload.targets)
    if _trespasses(one, targets, verdict):
        return
    item = wire.item_from(payload.item, current_traceparent() or one.fact.traceparent)
    await item_store.insert(tx, item)
    await store.insert(
        tx,
        item,
        targets,
        assigner=item.issuer,
        receive_by=item.receive_by,
        deadline=item.deadline,
    )
    _onward(app, one, targets, payload, verdict)


async def _split(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    """Keep assignments that a tier passed on."""
    payload = pb.AssignmentSplit.FromString(one.fact.payload)
    item_id = wire.item_id(payload.item_id)
    item = (await item_store.items(tx, [item_id])).get(item_id)
    if item is None:
        verdict.unfit.append(Unfit(one, UNKNOWN_ITEM, payload.item_id))
        return
    targets = division.set_from(payload.targets)
    if _trespasses(one, targets, verdict):
        return
    await store.insert(
        tx,
        item,
        targets,
        assigner=parse(payload.assigner_division),
        receive_by=moments.moment(payload.receive_by_time),
        deadline=moments.moment(payload.deadline_time),
        instructions=payload.instructions,
    )
    await store.mark_split(tx, Key(item_id, parse(payload.assigner_division)))
    _onward(app, one, targets, payload, verdict)


def _onward(
    app: App, one: Arrived, targets: Sequence[Code], payload: Message, verdict: Verdict
) -> None:
    """Pass a fact that made rows on, in the direction it travels."""
    if one.downward:
        _distribute(app, one, targets, payload, verdict)
    else:
        verdict.entries.append(
            ledger.keep(one.fact, one.fact_id, one.body, app.node.upward)
        )


async def _concluded(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    payload = pb.ItemConcluded.FromString(one.fact.payload)
    await _set_state(
        app, tx, one, ItemState.CONCLUDED, verdict, conclusion=payload.conclusion
    )


async def _closed(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    payload = pb.ItemClosed.FromString(one.fact.payload)
    if await _set_state(app, tx, one, ItemState.CLOSED, verdict):
        await item_store.close(tx, wire.item_id(payload.item_id))


async def _withdrawn(app: App, tx: Tx, one: Arrived, verdict: Verdict) -> None:
    payload = pb.ItemWithdrawn.FromString(one.fact.payload)
    if await _set_state(app, tx, one, ItemState.WITHDRAWN, verdict):
        await item_store.withdraw(tx, wire.item_id(payload.item_id))


async def _set_state(
    app: App,
    tx: Tx,
    one: Arrived,
    state: ItemState,
    verdict: Verdict,
    *,
    conclusion: assignment_pb2.Conclusion | None = None,
) -> bool:
    """Set where an item stands, and pass it on; False if the item is not here."""
    item_id = wire.item_id(one.fact.subject)
    item = await item_store.locked(tx, item_id)
    if item is None:
        verdict.unfit.append(Unfit(one, UNKNOWN_ITEM, one.fact.subject))
        return False
    message = wire.item_to(item)
    message.state = assignment_pb2.ItemState.ValueType(state)
    if conclusion is not None:
        message.conclusion.CopyFrom(conclusion)
    await item_store.set_state(tx, item_id, state, message.SerializeToString())
    onward = await branches_of(app, tx, item_id) if one.downward else app.node.upward
    verdict.entries.append(ledger.keep(one.fact, one.fact_id, one.body, onward))
    return True


CHANGES: Mapping[str, Callable[[Arrived], tuple[Message, Changes]]] = {
    pb.AssignmentsReceived.DESCRIPTOR.full_name: _received,
    pb.AssignmentReported.DESCRIPTOR.full_name: _reported,
    pb.AssignmentsReturned.DESCRIPTOR.full_name: _returned,
    pb.AssignmentsVerified.DESCRIPTOR.full_name: _verified,
}
MAKERS = {
    pb.ItemIssued.DESCRIPTOR.full_name: _issued,
    pb.AssignmentSplit.DESCRIPTOR.full_name: _split,
    pb.ItemConcluded.DESCRIPTOR.full_name: _concluded,
    pb.ItemClosed.DESCRIPTOR.full_name: _closed,
    pb.ItemWithdrawn.DESCRIPTOR.full_name: _withdrawn,
}
KINDS = dict.fromkeys([*CHANGES, *MAKERS], apply)
