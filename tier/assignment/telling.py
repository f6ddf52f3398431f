"""What units are told about their assignments, where they act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from ducha.assignment.v1 import assignment_facts_pb2 as facts
from tier import inbox
from tier.app import App
from tier.assignment.model import (
    Assignment,
    Clocking,
    Key,
    Light,
    Moved,
    Resumed,
    Suspended,
)
from tier.inbox import Kind, Notice
from tier.jurisdiction import Code
from tier.runtime import moments
from tier.runtime.db import Tx

SHOWN = 200  # characters of a report, in a notice
LIGHTS = {
    facts.MovesJudged.OUTCOME_ACCEPTED: Light.GREEN,
    facts.MovesJudged.OUTCOME_ACCEPTED_LATE: Light.YELLOW,
    facts.MovesJudged.OUTCOME_REFUSED: Light.RED,
}


async def tell_clocks(
    app: App, tx: Tx, moved: Sequence[tuple[Assignment, Clocking]], source: UUID
) -> None:
    """Tell executors that act here that their clocks were moved, stopped, or run again."""
    told = [
        _clock(before, change, source)
        for before, change in moved
        if not isinstance(change, Moved) or change.deadline != before.deadline
    ]
    await inbox.deliver(app, tx, told)


def _clock(before: Assignment, change: Clocking, source: UUID) -> Notice:
    kind, light, details = _told(before, change)
    key, reason = before.key, change.reason
    return Notice(
        key.division,
        kind,
        key.item_id,
        change.at,
        light,
        source,
        {**details, "reason": reason},
    )


def _told(before: Assignment, change: Clocking) -> tuple[Kind, Light, dict[str, str]]:
    """Return how a change of a clock is told."""
    if isinstance(change, Suspended):
        return Kind.SUSPENDED, Light.YELLOW, {}
    details = {"deadline": change.deadline.isoformat()}
    if isinstance(change, Resumed):
        return Kind.RESUMED, Light.GREEN, details
    details["old_deadline"] = before.deadline.isoformat()
    details["cause"] = change.cause.name.lower()
    earlier = change.deadline < before.deadline
    return Kind.DEADLINE_MOVED, Light.YELLOW if earlier else Light.GREEN, details


@dataclass(frozen=True, slots=True)
class Why:
    """What made an item or assignment change: when, by which fact, for which reason."""

    at: datetime
    source: UUID
    reason: str
    to: str = ""
    """Who has it now, if somebody has."""


async def tell_all(app: App, tx: Tx, kind: Kind, keys: Sequence[Key], why: Why) -> None:
    """Tell executors that act here: withdrawn, given to somebody else, or going on."""
    details = {"reason": why.reason, **({"to_division": why.to} if why.to else {})}
    await inbox.deliver(
        app,
        tx,
        [
            Notice(
                key.division,
                kind,
                key.item_id,
                why.at,
                Light.YELLOW,
                why.source,
                details,
            )
            for key in keys
        ],
    )


async def tell_withdrawn(
    app: App,
    tx: Tx,
    item_id: UUID,
    gone: tuple[Sequence[Code], Sequence[Code]],
    why: Why,
) -> None:
    """Tell those whose assignments were taken back, and those it was split to.

    If somebody else has it now, the first hear who.
    """
    given, below = ([Key(item_id, code) for code in codes] for codes in gone)
    kind = Kind.TRANSFERRED if why.to else Kind.WITHDRAWN
    await tell_all(app, tx, kind, given, why)
    await tell_all(app, tx, Kind.WITHDRAWN, below, replace(why, to=""))


async def tell_verdicts(
    app: App, tx: Tx, item_id: UUID, payload: facts.MovesJudged
) -> None:
    """Tell who moved while away what became of it; one notice a move."""
    at = moments.moment(payload.judge_time)
    await inbox.deliver(
        app,
        tx,
        [
            Notice(
                Code(one.division),
                Kind.VERDICT,
                item_id,
                at,
                LIGHTS[one.outcome],
                UUID(one.fact_id),
                {
                    "move": one.move,
                    "outcome": facts.MovesJudged.Outcome.Name(one.outcome)
                    .removeprefix("OUTCOME_")
                    .lower(),
                    "reason": one.reason,
                    "done_at": moments.moment(one.move_time).isoformat(),
                    "epoch": str(one.epoch),
                },
            )
            for one in payload.judgements
        ],
    )


async def tell_contributed(
    app: App, tx: Tx, payload: facts.AssistContributed, at: datetime, source: UUID
) -> None:
    """Tell the lead what a unit that assists found."""
    details = {
        "by_division": payload.assist_division,
        "summary": payload.report.summary[:SHOWN],
        "problems": str(len(payload.report.problems)),
    }
    notice = Notice(
        Code(payload.lead_division),
        Kind.ASSIST_CONTRIBUTED,
        UUID(payload.item_id),
        at,
        0,
        source,
        details,
    )
    await inbox.deliver(app, tx, [notice])
