"""What becomes of petitions where their decider acts: they wait, or a rule refuses them.

A petition is judged against today when it comes, and again whenever what it is about
moves: where nothing is left to decide, nobody has to decide it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from uuid import UUID

from ducha.petition.v1 import petition_facts_pb2 as facts
from tier import ledger, routes
from tier.app import App
from tier.assignment import hold
from tier.assignment.errors import EpochStale, ItemEnded
from tier.jurisdiction import Code
from tier.ledger import Author, Entry
from tier.petition import notices, rules, store, wire
from tier.petition.actions.scenes import Surroundings, surroundings
from tier.petition.errors import (
    ExtensionDaysInvalid,
    ExtensionsUsedUp,
    ExtensionTooLate,
    PetitionNotOpen,
    ReviewNotOpen,
)
from tier.petition.model import Decision, Kind, No, Outcome, Petition
from tier.runtime.db import Tx
from tier.runtime.errors import TierError

RULES: Mapping[No, tuple[type[TierError], str]] = {
    No.ENDED: (ItemEnded, "事项已办结或撤回。The item ended."),
    No.STALE_EPOCH: (
        EpochStale,
        "交办单此后已被退回。The assignment was returned since.",
    ),
    No.NOT_OPEN: (
        PetitionNotOpen,
        "交办单此后已反馈、转办或变更状态。The assignment moved on since.",
    ),
    No.TOO_LATE: (
        ExtensionTooLate,
        "申请时办结时限已过。The deadline had passed when it was filed.",
    ),
    No.USED_UP: (ExtensionsUsedUp, "延期次数已用完。No extensions are left."),
    No.DAYS: (
        ExtensionDaysInvalid,
        "延期天数超出规定。The terms allow fewer days.",
    ),
    No.NOT_CONCLUDED: (
        ReviewNotOpen,
        "结论已被推翻或事项已归档、撤回。No conclusion stands, or the item is archived.",
    ),
}
"""Which rule refuses what is moot, and what its author is told."""


async def take(app: App, tx: Tx, petitions: Sequence[Petition]) -> list[Entry]:
    """Judge petitions that were just kept here; return the decisions that rules made.

    Those that others decide elsewhere are left alone.
    """
    ours = [one for one in petitions if app.node.acts_for(one.decider)]
    if not ours:
        return []
    around = await surroundings(tx, (one.key for one in ours))
    gone = _moot(ours, around)
    waiting = [one for one in ours if one.petition_id not in gone]
    now = app.now()
    late = [
        one.petition_id
        for one in ours
        if rules.is_late_arrival(one, around.scene(one.key, one.began_at), now)
    ]
    await store.label_late(tx, late)
    await _hold(tx, waiting, +1)
    await notices.filed(app, tx, waiting)
    labelled = [replace(one, late_arrival=one.petition_id in late) for one in ours]
    return await _refuse(app, tx, labelled, gone)


async def settle(app: App, tx: Tx, petitions: Sequence[Petition]) -> list[Entry]:
    """Refuse those of pending petitions that became moot; return the decisions."""
    ours = [one for one in petitions if app.node.acts_for(one.decider)]
    around = await surroundings(tx, (one.key for one in ours))
    ours = [one for one in ours if one.key in around.standings]
    gone = _moot(ours, around)
    await release(app, tx, [one for one in ours if one.petition_id in gone])
    return await _refuse(app, tx, ours, gone)


async def release(app: App, tx: Tx, ended: Iterable[Petition]) -> None:
    """Let items be closed that pending reviews held, where their issuer acts."""
    await _hold(tx, [one for one in ended if app.node.acts_for(one.decider)], -1)


async def _hold(tx: Tx, petitions: Iterable[Petition], step: int) -> None:
    for one in petitions:
        if one.kind is Kind.REVIEW:
            await hold(tx, one.key.item_id, reviews=step)


def _moot(petitions: Iterable[Petition], around: Surroundings) -> dict[UUID, No]:
    """Return why nothing is left to decide about those of which it is so."""
    judged = (
        (one.petition_id, rules.moot(one, around.scene(one.key, one.began_at)))
        for one in petitions
    )
    return {petition_id: no for petition_id, no in judged if no is not None}


async def _refuse(
    app: App, tx: Tx, petitions: Iterable[Petition], gone: Mapping[UUID, No]
) -> list[Entry]:
    """Have rules refuse what is moot, and tell everybody concerned."""
    now = app.now()
    decided = []
    for one in petitions:
        if one.petition_id in gone:
            refusal, words = RULES[gone[one.petition_id]]
            decision = Decision(
                Outcome.REFUSED, words, now, app.node.name, rule=refusal.reason
            )
            decided.append(replace(one, decision=decision))
    await store.decide(tx, decided)
    await notices.decided(app, tx, decided)
    author = Author.at(now, app.node.name, app.node.name, principal="")
    return [
        ledger.record(
            author,
            payload,
            division=payload.decider_division,
            subject=payload.item_id,
            onward=onward,
        )
        for payload, onward in told(app, decided)
    ]


def told(
    app: App, decided: Sequence[Petition]
) -> list[tuple[facts.PetitionsDecided, tuple[str, ...]]]:
    """Return what neighbours must hear of decisions made here: each branch of its own."""
    parts = []
    ordered = sorted(decided, key=_item_and_decider)
    for (item_id, decider), group in groupby(ordered, _item_and_decider):
        ours = list(group)
        for onward, codes in routes.both_ways(app.node, _divisions(ours)):
            payload = facts.PetitionsDecided(
                item_id=item_id,
                decider_division=decider,
                decisions=[
                    wire.decision_to(one) for one in ours if one.key.division in codes
                ],
            )
            parts.append((payload, onward))
    return parts


def _item_and_decider(one: Petition) -> tuple[str, Code]:
    return str(one.key.item_id), one.decider


def _divisions(petitions: Iterable[Petition]) -> list[Code]:
    return list(dict.fromkeys(one.key.division for one in petitions))
