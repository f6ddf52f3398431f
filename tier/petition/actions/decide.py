"""Down: grant or refuse what was asked. What is granted takes effect in the same transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from ducha.petition.v1 import petition_service_pb2 as service
from tier import assignment
from tier.acting import Call, Work, once
from tier.app import App
from tier.assignment.errors import TargetsInvalid
from tier.assignment.model import Cause, Key, PutOff
from tier.assignment.model import State as AssignmentState
from tier.identity import current
from tier.jurisdiction import Code
from tier.petition import notices, rules, store, wire
from tier.petition.actions import taking
from tier.petition.actions.scenes import Surroundings, surroundings
from tier.petition.errors import (
    Asked,
    ExtensionExceedsParent,
    NotDecider,
    PetitionDecided,
    PetitionUnknown,
    PetitionWithdrawn,
    ReviewerIsAuthor,
    denied,
    shown,
)
from tier.petition.model import Decision, Kind, Outcome, Petition, State, Wanted
from tier.runtime.errors import InvalidInput, Violation

Why = tuple[UUID, Kind, str]
"""What takes effect together: item, kind, and in words."""


async def decide(
    app: App, call: Call, wanted: Sequence[Wanted]
) -> service.DecidePetitionsResponse:
    """Decide petitions, all or none.

    Raises:
        TierError: whatever the rules say against one of them.
    """
    response = service.DecidePetitionsResponse()
    async with once(app, call, response) as work:
        if work is not None:
            pending = await _pending(work, wanted)
            around = await _around(work, pending)
            decided = [
                _decided(work, petition, one, around)
                for petition, one in zip(pending, wanted, strict=True)
            ]
            await store.decide(work.tx, decided)
            await taking.release(app, work.tx, decided)
            for payload, onward in taking.told(app, decided):
                work.record(payload, subject=payload.item_id, onward=onward)
            await notices.decided(app, work.tx, decided)
            await _take_effect(work, decided, around)
            response.petitions.extend(map(wire.petition_to, decided))
    return response


async def _pending(work: Work, wanted: Sequence[Wanted]) -> list[Petition]:
    """Return the petitions, if all of them are the acting division's to decide now.

    Raises:
        TierError: one is not.
    """
    held = await store.load(work.tx, [one.petition_id for one in wanted])
    if len({one.petition_id for one in wanted}) < len(wanted):
        problem = "a petition is named twice（重复列出同一申请）"
        raise InvalidInput(
            problem=problem, violations=[Violation("decisions", problem)]
        )
    acting = work.call.division
    for one in wanted:
        petition = held.get(one.petition_id)
        # Whether others ask something is none of the acting division's business.
        if petition is None or not rules.touches(acting, petition):
            raise PetitionUnknown(petition_id=one.petition_id)
        if petition.decider != acting:
            raise NotDecider(
                petition_id=one.petition_id, decider=petition.decider, division=acting
            )
        if petition.state is State.WITHDRAWN:
            raise PetitionWithdrawn(
                petition_id=one.petition_id, division=petition.key.division
            )
        if petition.state is not State.PENDING:
            raise PetitionDecided(
                petition_id=one.petition_id, state=petition.state.name
            )
    return [held[one.petition_id] for one in wanted]


async def _around(work: Work, pending: Sequence[Petition]) -> Surroundings:
    """Load what stands around petitions, the decider's own assignments too."""
    own = [Key(one.key.item_id, one.decider) for one in pending]
    return await surroundings(work.tx, [*(one.key for one in pending), *own])


def _decided(
    work: Work, petition: Petition, wanted: Wanted, around: Surroundings
) -> Petition:
    """Return a petition with its decision.

    Raises:
        TierError: the rules say against it.
    """
    reviewer = current.principal() or work.call.actor
    if petition.kind is Kind.REVIEW:
        concluded_by = around.standings[petition.key].item.concluded_by
        if rules.is_author(petition.author, concluded_by, reviewer):
            raise ReviewerIsAuthor(reviewer=reviewer)
    decision = Decision(
        wanted.outcome,
        wanted.reason,
        work.app.now(),
        work.call.actor,
        current.principal(),
    )
    if wanted.outcome is Outcome.GRANTED:
        decision = _granted(work, petition, wanted, around, decision)
    return replace(petition, decision=decision)


def _granted(
    work: Work,
    petition: Petition,
    wanted: Wanted,
    around: Surroundings,
    decision: Decision,
) -> Decision:
    """Return a decision with what it grants.

    Raises:
        TierError: it cannot be granted as things stand.
    """
    scene = around.scene(petition.key, petition.began_at)
    no = rules.may_grant(petition, wanted, scene)
    days = wanted.days or petition.days
    if no is not None:
        raise denied(no, Asked(petition.kind, petition.key, scene, days))
    if petition.kind is Kind.DISPUTE:
        return replace(decision, transfer_to=_transferable(petition, wanted))
    if petition.kind is not Kind.EXTENSION:
        return decision
    to = _put_off(petition.key, days, around)
    latest = rules.exceeds(
        to.deadline,
        _own_deadline(petition, around),
        work.app.review_buffer,
        work.app.now(),
    )
    if latest is not None:
        raise ExtensionExceedsParent(
            deadline=shown(to.deadline), latest=shown(latest), decider=petition.decider
        )
    return replace(
        decision, days=days, deadline=to.deadline, provisional=to.provisional
    )


def _put_off(key: Key, days: int, around: Surroundings) -> PutOff:
    """Return where a deadline is moved."""
    return rules.extended(around.calendar, around.standings[key].assignment, days)


def _own_deadline(petition: Petition, around: Surroundings) -> datetime | None:
    """Return until when the decider must report itself, if it must."""
    own = around.standings.get(Key(petition.key.item_id, petition.decider))
    if own is None or own.assignment.state is AssignmentState.WITHDRAWN:
        return None
    return own.assignment.deadline


def _transferable(petition: Petition, wanted: Wanted) -> str:
    """Return to whom an assignment goes; empty for nobody.

    Raises:
        TargetsInvalid: it is where it is now.
    """
    if wanted.transfer_to == petition.key.division:
        problem = f"it is with {wanted.transfer_to} already（仍为原承办单位）"
        raise TargetsInvalid(problem=problem, division=wanted.transfer_to)
    return wanted.transfer_to


async def _take_effect(
    work: Work, decided: Sequence[Petition], around: Surroundings
) -> None:
    """Do what was granted; what is alike is done at once."""
    alike: defaultdict[Why, dict[Code, Decision]] = defaultdict(dict)
    for one in decided:
        decision = one.decision
        if decision is not None and decision.outcome is Outcome.GRANTED:
            why = (one.key.item_id, one.kind, decision.reason)
            alike[why][one.key.division] = decision
    for why, granted in alike.items():
        await _effect(work, why, granted, around)


async def _effect(
    work: Work,
    why: Why,
    granted: Mapping[Code, Decision],
    around: Surroundings,
) -> None:
    """Do for some divisions what was granted about one item, for one reason."""
    item_id, kind, reason = why
    match kind:
        case Kind.EXTENSION:
            to = {
                division: _put_off(Key(item_id, division), decision.days, around)
                for division, decision in granted.items()
            }
            await assignment.put_off(work, item_id, to, Cause.EXTENSION, reason)
        case Kind.SUSPENSION:
            await assignment.suspend(work, item_id, list(granted), reason)
        case Kind.RESUMPTION:
            await assignment.resume(work, item_id, list(granted), reason)
        case Kind.DISPUTE:
            targets = {
                division: decision.transfer_to for division, decision in granted.items()
            }
            await assignment.transfer(work, item_id, targets, reason)
        case Kind.REVIEW:
            await assignment.reopen(work, item_id, Cause.REVIEW, reason)
