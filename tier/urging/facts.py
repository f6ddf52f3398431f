"""The link door: who was urged, on the way down and up."""

from __future__ import annotations

from collections.abc import Sequence

from ducha.urging.v1 import urging_facts_pb2 as pb
from tier import assignment
from tier.app import App, Arrived, Unfit
from tier.arriving import (
    UNKNOWN_ASSIGNMENT,
    UNKNOWN_ITEM,
    WRONG_JURISDICTION,
    Outcome,
    kinds,
    pass_on,
)
from tier.assignment import Key
from tier.jurisdiction import Code, level_of, within
from tier.runtime.db import Tx
from tier.urging import actions, wire
from tier.urging.model import Urge


async def _urged(app: App, tx: Tx, one: Arrived) -> Outcome:
    """Keep an urge, and tell those who are urged here."""
    payload = pb.AssignmentsUrged.FromString(one.fact.payload)
    urge, divisions = wire.urged_from(payload, one.fact.actor)
    unfit = await _unfit(app, tx, one, urge, divisions)
    if unfit is not None:
        return unfit
    await actions.take(app, tx, urge, divisions, one.fact_id)
    return pass_on(app, one, divisions, lambda codes: wire.urged_to(urge, codes))


async def _unfit(
    app: App, tx: Tx, one: Arrived, urge: Urge, divisions: Sequence[Code]
) -> Unfit | None:
    """Say why an urge cannot be taken: not its sender's, or of what is not here."""
    foreign = next((code for code in divisions if not within(code, one.area)), None)
    comes_right = not one.downward or level_of(urge.by) < app.node.level
    if foreign is not None or urge.by != one.fact.division or not comes_right:
        detail = f"not the sender's: {foreign or urge.by}"
        return Unfit(one, WRONG_JURISDICTION, detail)
    item = await assignment.item_of(tx, urge.item_id)
    if item is None:
        return Unfit(one, UNKNOWN_ITEM, str(urge.item_id))
    keys = [Key(urge.item_id, code) for code in divisions]
    standing = await assignment.standing(tx, keys)
    for key in keys:
        if key not in standing:
            detail = f"{key.division} of {urge.item_id}"
            return Unfit(one, UNKNOWN_ASSIGNMENT, detail)
        if urge.by not in {standing[key].assignment.assigner, item.issuer}:
            return Unfit(one, WRONG_JURISDICTION, f"{urge.by} on {key.division}")
    return None


KINDS = kinds({pb.AssignmentsUrged.DESCRIPTOR.full_name: _urged})
