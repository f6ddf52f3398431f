"""Up: ask something of who assigned, and take it back while nobody decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

import uuid_utils

from ducha.petition.v1 import petition_facts_pb2 as facts
from ducha.petition.v1 import petition_service_pb2 as service
from tier.acting import Call, Work, once
from tier.app import App
from tier.assignment.errors import AssignmentUnknown
from tier.assignment.model import Key
from tier.identity import current
from tier.petition import rules, store, wire
from tier.petition.actions import taking
from tier.petition.actions.scenes import Surroundings, began, surroundings
from tier.petition.errors import (
    Asked,
    NotPetitioner,
    PetitionDecided,
    PetitionUnknown,
    PetitionWithdrawn,
    denied,
)
from tier.petition.model import Draft, Kind, No, Petition, State
from tier.runtime import moments


async def file(
    app: App, call: Call, drafts: Sequence[Draft]
) -> service.FilePetitionsResponse:
    """File petitions, all or none.

    Raises:
        TierError: whatever the rules say against one of them.
    """
    response = service.FilePetitionsResponse()
    async with once(app, call, response) as work:
        if work is not None:
            petitions = await _judged(work, drafts)
            await store.insert(work.tx, petitions)
            for item_id, group in groupby(sorted(petitions, key=_item), key=_item):
                payload = facts.PetitionsFiled(
                    item_id=item_id,
                    division=call.division,
                    petitions=map(wire.filed_to, group),
                )
                work.record(payload, subject=item_id, onward=app.node.upward)
            work.entries += await taking.take(app, work.tx, petitions)
            kept = await store.load(work.tx, [one.petition_id for one in petitions])
            response.petitions.extend(
                wire.petition_to(kept[one.petition_id]) for one in petitions
            )
    return response


async def _judged(work: Work, drafts: Sequence[Draft]) -> list[Petition]:
    """Return what is asked as petitions, once nothing speaks against any."""
    around = await surroundings(work.tx, (draft.key for draft in drafts))
    asked: set[tuple[Key, Kind]] = set()
    petitions = []
    for draft in drafts:
        petitions.append(await _petition(work, draft, around, asked))
        asked.add((draft.key, draft.kind))
    return petitions


async def _petition(
    work: Work, draft: Draft, around: Surroundings, asked: set[tuple[Key, Kind]]
) -> Petition:
    """Make a petition of what is asked; `asked` is what the same call asks already.

    Raises:
        TierError: the rules say against it.
    """
    key, now = draft.key, work.app.now()
    standing = around.standings.get(key)
    if standing is None:
        raise AssignmentUnknown(division=key.division, item_id=key.item_id)
    began_at = await began(work.tx, standing, draft.kind)
    scene = around.scene(key, began_at)
    no = rules.may_file(draft, scene, now)
    if no is None and (key, draft.kind) in asked:
        no = No.PENDING
    if no is not None:
        raise denied(no, Asked(draft.kind, key, scene, draft.days))
    kind = draft.kind
    return Petition(
        petition_id=UUID(int=uuid_utils.uuid7().int),
        key=key,
        kind=draft.kind,
        decider=around.decider(key, draft.kind),
        reason=draft.reason,
        evidence=draft.evidence,
        days=draft.days if kind is Kind.EXTENSION else 0,
        transfer_to=draft.transfer_to if kind is Kind.DISPUTE else "",
        epoch=scene.epoch,
        deadline=scene.deadline,
        began_at=began_at,
        filed_at=now,
        recorded_at=now,
        actor=work.call.actor,
        principal=current.principal(),
        author=standing.item.concluded_by if kind is Kind.REVIEW else "",
    )


async def withdraw(
    app: App, call: Call, petition_ids: Sequence[UUID]
) -> service.WithdrawPetitionsResponse:
    """Take petitions back, all or none.

    Raises:
        TierError: PETITION_UNKNOWN, NOT_PETITIONER, PETITION_DECIDED,
            PETITION_WITHDRAWN.
    """
    response = service.WithdrawPetitionsResponse()
    async with once(app, call, response) as work:
        if work is not None:
            now = app.now()
            held = await store.load(work.tx, petition_ids)
            ours = [_own(call, petition_id, held) for petition_id in petition_ids]
            await store.withdraw(work.tx, petition_ids, now)
            await taking.release(app, work.tx, ours)
            _tell(work, ours, now)
            response.withdraw_time.CopyFrom(moments.stamp_of(now))
    return response


def _own(call: Call, petition_id: UUID, held: Mapping[UUID, Petition]) -> Petition:
    """Return a petition that the acting division may take back.

    Raises:
        TierError: it may not.
    """
    one = held.get(petition_id)
    # Whether others ask something is none of the acting division's business.
    if one is None or not rules.touches(call.division, one):
        raise PetitionUnknown(petition_id=petition_id)
    if one.key.division != call.division:
        raise NotPetitioner(petition_id=petition_id, petitioner=one.key.division)
    if one.state is State.WITHDRAWN:
        raise PetitionWithdrawn(petition_id=petition_id, division=one.key.division)
    if one.state is not State.PENDING:
        raise PetitionDecided(petition_id=petition_id, state=one.state.name)
    return one


def _tell(work: Work, petitions: Sequence[Petition], now: datetime) -> None:
    """Record what is taken back, item by item."""
    for item_id, group in groupby(sorted(petitions, key=_item), key=_item):
        payload = facts.PetitionsWithdrawn(
            item_id=item_id,
            division=work.call.division,
            petition_ids=[str(one.petition_id) for one in group],
            withdraw_time=moments.stamp_of(now),
        )
        work.record(payload, subject=item_id, onward=work.app.node.upward)


def _item(one: Petition) -> str:
    return str(one.key.item_id)
