"""The link door: what other nodes raised.

Every node keeps it, so that every tier can count; what it tells a unit is delivered where
the unit acts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ducha.timing.v1 import timing_facts_pb2 as pb
from tier import division, inbox
from tier.app import App, Arrived, Unfit
from tier.arriving import (
    UNKNOWN_ASSIGNMENT,
    WRONG_JURISDICTION,
    Outcome,
    keep,
    kinds,
    pass_on,
)
from tier.jurisdiction import Code, parse, within
from tier.runtime import moments
from tier.runtime.db import Tx
from tier.timing import items, store, telling, wire
from tier.timing.model import Mark, Told

REMINDED = pb.RemindersRaised.DESCRIPTOR.full_name
ESCALATED = pb.AssignmentsEscalated.DESCRIPTOR.full_name


async def _raised(app: App, tx: Tx, one: Arrived) -> Outcome:
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
        return [keep(one, app.node.upward)]
    if new:  # a node that was restored from a backup takes its steps again
        known = await items.known(tx, [mark.item_id])
        told = Told(mark, new, known[mark.item_id], raised_at)
        await inbox.deliver(app, tx, telling.notices(told, one.fact_id))
    return pass_on(app, one, divisions, partial(_part, payload))


async def _unfit(
    tx: Tx, one: Arrived, mark: Mark, divisions: Sequence[Code]
) -> Unfit | None:
    """Say why a fact cannot be applied: its sender does not answer for it, or it is early."""
    if one.fact.kind == REMINDED and one.downward:
        return Unfit(one, WRONG_JURISDICTION, "reminders come from below")
    foreign = next((code for code in divisions if not within(code, one.area)), None)
    if foreign is not None:
        return Unfit(one, WRONG_JURISDICTION, f"not the sender's: {foreign}")
    assigners = await store.assigners(tx, mark.item_id, divisions)
    missing = set(divisions) - assigners.keys()
    if missing:
        where = f"{min(missing)} of {mark.item_id}"
        return Unfit(one, UNKNOWN_ASSIGNMENT, where)
    if one.fact.kind == ESCALATED and set(assigners.values()) - {mark.assigner}:
        return Unfit(one, WRONG_JURISDICTION, f"not assigned by {mark.assigner}")
    return None


def _part(
    payload: pb.AssignmentsEscalated, codes: Sequence[Code]
) -> pb.AssignmentsEscalated:
    """Return an escalation for one branch: the same words about fewer divisions."""
    part = pb.AssignmentsEscalated()
    part.CopyFrom(payload)
    part.divisions.CopyFrom(division.set_to(codes))
    return part


KINDS = kinds(dict.fromkeys([REMINDED, ESCALATED], _raised))
