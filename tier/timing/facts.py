"""The link door: what other nodes raised.

Every node keeps it, so that every tier can count; what it tells a unit is delivered where
the unit acts.
"""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from ducha.timing.v1 import timing_facts_pb2 as pb
from tier import division, inbox, ledger, routes
from tier.app import App, Arrived, Unfit, Verdict
from tier.jurisdiction import Code, parse, within
from tier.ledger import Author, Entry
from tier.runtime import moments
from tier.runtime.db import Tx
from tier.runtime.errors import InvalidInput
from tier.timing import items, store, telling, wire
from tier.timing.model import Mark, Told

UNKNOWN_ASSIGNMENT = "UNKNOWN_ASSIGNMENT"
WRONG_JURISDICTION = "WRONG_JURISDICTION"
UNREADABLE = "UNREADABLE"
BROKEN = (DecodeError, ValueError, InvalidInput)

REMINDED = pb.RemindersRaised.DESCRIPTOR.full_name
ESCALATED = pb.AssignmentsEscalated.DESCRIPTOR.full_name


async def apply(app: App, tx: Tx, arrived: Sequence[Arrived]) -> Verdict:
    """Apply facts of this capability, in order."""
    verdict = Verdict()
    for one in arrived:
        try:
            outcome = await _apply(app, tx, one)
        except BROKEN as wrong:
            outcome = Unfit(one, UNREADABLE, str(wrong) or type(wrong).__name__)
        if isinstance(outcome, Unfit):
            verdict.unfit.append(outcome)
        else:
            verdict.entries.extend(outcome)
    return verdict


async def _apply(app: App, tx: Tx, one: Arrived) -> Unfit | list[Entry]:
    """Keep what was raised, tell whom it concerns, and pass it on."""
    message = (
        pb.RemindersRaised if one.fact.kind == REMINDED else pb.AssignmentsEscalated
    )
    payload = message.FromString(one.fact.payload)
    mark = wire.mark_from(payload, parse(one.fact.division))
    raised_at = moments.moment(payload.raise_time)
    divisions = division.set_from(payload.divisions)
    unfit = await _unfit(tx, one, mark, divisions)
    if unfit is not None:
        return unfit
    new = await store.keep(tx, mark, divisions, raised_at)
    if isinstance(payload, pb.RemindersRaised):
        return [_up(app, one)]
    if new:  # a node that was restored from a backup takes its steps again
        known = await items.known(tx, [mark.item_id])
        told = Told(mark, new, known[mark.item_id], raised_at)
        await inbox.deliver(app, tx, telling.notices(told, one.fact_id))
    return _down(app, one, payload, divisions) if one.downward else [_up(app, one)]


async def _unfit(
    tx: Tx, one: Arrived, mark: Mark, divisions: Sequence[Code]
) -> Unfit | None:
    """Say why a fact cannot be applied: its sender does not answer for it, or it is early."""
    if one.fact.kind == REMINDED and one.downward:
        return Unfit(one, WRONG_JURISDICTION, "reminders come from below")
    foreign = next((code for code in divisions if not within(code, one.area)), None)
    if foreign is not None:
        return Unfit(one, WRONG_JURISDICTION, f"not the sender's: {foreign}")
    missing = set(divisions) - await store.held(tx, mark.item_id, divisions)
    if missing:
        where = f"{min(missing)} of {mark.item_id}"
        return Unfit(one, UNKNOWN_ASSIGNMENT, where)
    return None


def _up(app: App, one: Arrived) -> Entry:
    return ledger.keep(one.fact, one.fact_id, one.body, app.node.upward)


def _down(
    app: App,
    one: Arrived,
    payload: pb.AssignmentsEscalated,
    divisions: Sequence[Code],
) -> list[Entry]:
    """Pass an escalation from above on to its branches: unchanged where one has it all."""
    onward = routes.downward(app.node, divisions)
    if len(onward) == 1 and len(onward[0][1]) == len(divisions):
        return [ledger.keep(one.fact, one.fact_id, one.body, onward[0][0])]
    entries = [ledger.keep(one.fact, one.fact_id, one.body, ())]
    author = Author.at(app.now(), app.node.name, one.fact.actor)
    for neighbours, codes in onward:
        part = pb.AssignmentsEscalated()
        part.CopyFrom(payload)
        part.divisions.CopyFrom(division.set_to(codes))
        entries.append(
            ledger.record(
                author,
                part,
                division=one.fact.division,
                subject=one.fact.subject,
                onward=neighbours,
            )
        )
    return entries


KINDS = dict.fromkeys([REMINDED, ESCALATED], apply)
