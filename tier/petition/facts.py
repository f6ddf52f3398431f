"""The link door: what neighbours tell about petitions.

What is filed and withdrawn climbs, and each node on the way keeps it; where the decider
acts it is judged against today. What is decided goes down to the branches it concerns, and
up as a notice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from ducha.petition.v1 import petition_facts_pb2 as pb
from tier.app import App, Arrived, Unfit
from tier.arriving import (
    UNKNOWN_ASSIGNMENT,
    WRONG_JURISDICTION,
    Door,
    Outcome,
    keep,
    kinds,
    pass_on,
)
from tier.jurisdiction import Code, contains, parse, within
from tier.ledger import Entry
from tier.petition import notices, store, wire
from tier.petition.actions import taking
from tier.petition.actions.scenes import surroundings
from tier.petition.model import Petition, State
from tier.runtime import moments
from tier.runtime.db import Tx

UNKNOWN_PETITION = "UNKNOWN_PETITION"


async def _filed(app: App, tx: Tx, one: Arrived) -> Outcome:
    """Keep what was filed; where its decider acts, judge it against today."""
    payload = pb.PetitionsFiled.FromString(one.fact.payload)
    now = app.now()
    petitions = [wire.petition_from(each, now) for each in payload.petitions]
    asking = parse(payload.division)
    foreign = _not_theirs(one, asking, petitions, payload.item_id)
    if foreign is not None:
        return foreign
    around = await surroundings(tx, (each.key for each in petitions))
    for each in petitions:
        if each.key not in around.standings:
            where = f"{each.key.division} of {each.key.item_id}"
            return Unfit(one, UNKNOWN_ASSIGNMENT, where)
        if each.decider != around.decider(each.key, each.kind):
            return Unfit(one, WRONG_JURISDICTION, f"not for {each.decider} to decide")
    held = await store.load(tx, [each.petition_id for each in petitions])
    await store.insert(tx, petitions)
    fresh = [each for each in petitions if each.petition_id not in held]
    decided = await taking.take(app, tx, fresh)
    return [keep(one, app.node.upward), *decided]


def _not_theirs(
    one: Arrived, asking: Code, petitions: Sequence[Petition], item_id: str
) -> Unfit | None:
    """Say what is wrong with who tells what of whom (I6)."""
    if one.downward or not within(asking, one.area) or asking != one.fact.division:
        return Unfit(one, WRONG_JURISDICTION, f"not the sender's: {asking}")
    for each in petitions:
        if each.key.division != asking or str(each.key.item_id) != item_id:
            return Unfit(one, WRONG_JURISDICTION, f"asked by {each.key.division}")
    return None


async def _withdrawn(app: App, tx: Tx, one: Arrived) -> Outcome:
    """Note what was taken back; a decision that was made first stands."""
    payload = pb.PetitionsWithdrawn.FromString(one.fact.payload)
    at = moments.moment(payload.withdraw_time)
    ids = [UUID(text) for text in payload.petition_ids]
    held = await store.load(tx, ids)
    asking = parse(payload.division)
    missing = _missing(one, ids, held)
    if missing is not None:
        return missing
    foreign = _not_theirs(one, asking, list(held.values()), payload.item_id)
    if foreign is not None:
        return foreign
    await store.withdraw(tx, ids, at)
    pending = [each for each in held.values() if each.state is State.PENDING]
    await taking.release(app, tx, pending)
    return [keep(one, app.node.upward)]


async def _decided(app: App, tx: Tx, one: Arrived) -> Outcome:
    """Keep decisions, and tell those who asked."""
    payload = pb.PetitionsDecided.FromString(one.fact.payload)
    decider = parse(payload.decider_division)
    ids = [UUID(each.petition_id) for each in payload.decisions]
    held = await store.load(tx, ids)
    missing = _missing(one, ids, held)
    if missing is not None:
        return missing
    decided = []
    for petition_id, each in zip(ids, payload.decisions, strict=True):
        petition = held[petition_id]
        if not _is_deciders(one, decider, petition):
            return Unfit(one, WRONG_JURISDICTION, f"not for {decider} to decide")
        decision = wire.decision_from(each)
        decided.append(
            replace(petition, decision=decision, late_arrival=each.late_arrival)
        )
    await store.decide(tx, decided)
    await notices.decided(app, tx, decided)
    return _pass_on(app, one, payload, decided)


def _is_deciders(one: Arrived, decider: Code, petition: Petition) -> bool:
    """Whether a decision was made by who decides, and told by who may tell of it."""
    division = petition.key.division
    from_right = contains(decider, division) and within(division, one.area)
    comes_right = one.downward or within(decider, one.area)
    is_theirs = decider == petition.decider == one.fact.division
    return from_right and comes_right and is_theirs


def _missing(
    one: Arrived, ids: Sequence[UUID], held: Mapping[UUID, Petition]
) -> Unfit | None:
    """Say which petition is not here yet."""
    missing = next((each for each in ids if each not in held), None)
    return None if missing is None else Unfit(one, UNKNOWN_PETITION, str(missing))


def _pass_on(
    app: App, one: Arrived, payload: pb.PetitionsDecided, decided: Sequence[Petition]
) -> list[Entry]:
    """Pass decisions on: up as they are, down to each branch its own."""

    def part(codes: Sequence[Code]) -> pb.PetitionsDecided:
        return pb.PetitionsDecided(
            item_id=payload.item_id,
            decider_division=payload.decider_division,
            decisions=[each for each in payload.decisions if each.division in codes],
        )

    divisions = list(dict.fromkeys(each.key.division for each in decided))
    return pass_on(app, one, divisions, part)


DOORS: Mapping[str, Door] = {
    pb.PetitionsFiled.DESCRIPTOR.full_name: _filed,
    pb.PetitionsWithdrawn.DESCRIPTOR.full_name: _withdrawn,
    pb.PetitionsDecided.DESCRIPTOR.full_name: _decided,
}
KINDS = kinds(DOORS)
