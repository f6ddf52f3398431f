"""The link door: who was urged, on the way down and up."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from ducha.urging.v1 import urging_facts_pb2 as pb
from tier import assignment, ledger, routes
from tier.app import App, Arrived, Unfit, Verdict
from tier.assignment import Key
from tier.jurisdiction import Code, level_of, within
from tier.ledger import Author, Entry
from tier.runtime.db import Tx
from tier.runtime.errors import InvalidInput
from tier.urging import actions, wire
from tier.urging.model import Urge

UNKNOWN_ASSIGNMENT = "UNKNOWN_ASSIGNMENT"
UNKNOWN_ITEM = "UNKNOWN_ITEM"
UNREADABLE = "UNREADABLE"
WRONG_JURISDICTION = "WRONG_JURISDICTION"
BROKEN = (DecodeError, ValueError, InvalidInput)


async def apply(app: App, tx: Tx, arrived: Sequence[Arrived]) -> Verdict:
    """Apply facts of this capability, in order."""
    verdict = Verdict()
    for one in arrived:
        try:
            payload = pb.AssignmentsUrged.FromString(one.fact.payload)
            urge, divisions = wire.urged_from(payload, one.fact.actor)
        except BROKEN as wrong:
            detail = str(wrong) or type(wrong).__name__
            verdict.unfit.append(Unfit(one, UNREADABLE, detail))
            continue
        unfit = await _unfit(app, tx, one, urge, divisions)
        if unfit is not None:
            verdict.unfit.append(unfit)
            continue
        await actions.take(app, tx, urge, divisions, one.fact_id)
        verdict.entries.extend(_onward(app, one, urge, divisions))
    return verdict


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


def _onward(
    app: App, one: Arrived, urge: Urge, divisions: Sequence[Code]
) -> list[Entry]:
    """Pass the fact on: up as it is, down to each branch its own part."""
    if not one.downward:
        return [ledger.keep(one.fact, one.fact_id, one.body, app.node.upward)]
    onward = routes.downward(app.node, divisions)
    if len(onward) == 1 and len(onward[0][1]) == len(divisions):
        return [ledger.keep(one.fact, one.fact_id, one.body, onward[0][0])]
    fact = one.fact
    author = Author.at(app.now(), app.node.name, fact.actor)
    return [
        ledger.keep(fact, one.fact_id, one.body, ()),
        *(
            ledger.record(
                author,
                wire.urged_to(urge, part),
                division=fact.division,
                subject=fact.subject,
                onward=neighbours,
            )
            for neighbours, part in onward
        ),
    ]


KINDS = {pb.AssignmentsUrged.DESCRIPTOR.full_name: apply}
