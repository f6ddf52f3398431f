"""What approval does: approve a period, unlock it for a while, and say what is locked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import uuid_utils

from ducha.approval.v1 import approval_facts_pb2 as facts
from ducha.approval.v1 import approval_service_pb2 as pb
from tier.acting import Call, Work, once
from tier.app import App
from tier.approval import rules, store, wire
from tier.approval.errors import (
    ConflictsOpen,
    ExpiryInvalid,
    NotApprovedBelow,
    NotUnlockingAuthority,
    PeriodEmpty,
    PeriodNotLocked,
)
from tier.approval.model import Act, Approval, Decision, Holding, Unlocking
from tier.approval.rules import No
from tier.jurisdiction import Code, contains
from tier.node import Node
from tier.registry import Key, mark, marked_within, open_conflicts
from tier.runtime.db import Tx
from tier.runtime.errors import InvalidInput, Violation

SHOWN = 20
Told = tuple[tuple[str, ...], Mapping[Code, int]]
"""Neighbours, and the sheets that they hear of."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be unlocked, why, and until when."""

    within: Code
    period: str
    reason: str
    expires_at: datetime


async def locked(tx: Tx, keys: Iterable[Key], now: datetime) -> Mapping[Key, str]:
    """Return which sheets are locked, each with the division that approved it highest."""
    acts = {Act(*key): key for key in keys}
    areas = {area for act in acts for area in rules.path(act.division)}
    approved = await store.approvers(tx, {act.period for act in acts}, areas)
    if not approved:
        return {}
    unlockings = await store.standing(tx, {act.period for act in approved}, now)
    found = rules.locks(acts, approved, unlockings, now)
    return {acts[act]: approver for act, approver in found.items()}


async def approve(app: App, call: Call, period: str) -> pb.ApprovePeriodResponse:
    """Approve what a division holds for a period, and lock it.

    Raises:
        PeriodEmpty: nothing is held.
        ConflictsOpen: somebody must decide first.
        NotApprovedBelow: the tier below goes first.
    """
    response = pb.ApprovePeriodResponse()
    async with once(app, call, response) as work:
        if work is not None:
            act = Act(call.division, period)
            decision = await _decided(work.tx, act)
            await mark(work.tx, period, decision.flags)
            approval = await _record(work, act, decision)
            response.approval.CopyFrom(wire.approval_to(approval))
            response.approved_count = decision.approved
            response.unchanged_count = decision.unchanged
    return response


async def _decided(tx: Tx, act: Act) -> Decision:
    """Decide what an approval comes to."""
    rows = await marked_within(tx, act.period, act.division)
    if not rows:
        raise PeriodEmpty(division=act.division, period=act.period)
    conflicts = await open_conflicts(tx, act.period, act.division)
    if conflicts:
        raise ConflictsOpen(count=conflicts, division=act.division, period=act.period)
    decision = rules.approve((Holding(*row) for row in rows), act.division)
    if decision.short:
        raise _too_early(act, decision.short)
    return decision


def _too_early(act: Act, short: Mapping[Code, int]) -> NotApprovedBelow:
    """Name who must approve first, the first of them one by one."""
    named = sorted(short.items())[:SHOWN]
    violations = [
        Violation(
            "division", f"{code}: {count} values not approved（{count} 项未审核）"
        )
        for code, count in named
    ]
    return NotApprovedBelow(
        violations=violations,
        count=len(short),
        first=named[0][0],
        division=act.division,
        period=act.period,
    )


async def _record(work: Work, act: Act, decision: Decision) -> Approval:
    """Keep the approval and tell of it; if nothing moved since the last time, say that one."""
    before = await store.get(work.tx, act)
    if before is not None and not decision.approved:
        return before
    now = work.app.now()
    this_time = Approval(act, now, work.call.actor, decision.approved)
    for neighbours, revisions in told(work.app.node, act.division, decision.revisions):
        payload = wire.approved_to(this_time, revisions)
        work.record(payload, subject=subject(act), onward=neighbours)
    return await store.add(work.tx, this_time)


def told(node: Node, division: Code, revisions: Mapping[Code, int]) -> list[Told]:
    """Return who hears of an approval that is made here, each branch only of its sheets."""
    branches = branches_told(node, division, revisions)
    if len(branches) == 1:
        ((name, part),) = branches.items()
        if len(part) == len(revisions):
            return [((name, *node.upward), revisions)]
    parts: list[Told] = [((name,), part) for name, part in branches.items()]
    if node.upward or not parts:
        parts.append((node.upward, revisions))
    return parts


def branches_told(
    node: Node, division: Code, revisions: Mapping[Code, int]
) -> dict[str, dict[Code, int]]:
    """Return which sheets each branch hears of: of none, if it only must know of the lock."""
    names = children_of(node, division)
    by_branch = node.branches(revisions)
    return {
        name: {code: revisions[code] for code in by_branch.get(name, [])}
        for name in names
    }


def children_of(node: Node, area: Code) -> tuple[str, ...]:
    """Return the child nodes that hold any of an area."""
    return rules.concerned(((one.name, one.hosts) for one in node.children), area)


def subject(act: Act) -> str:
    """Return what the ledger calls an approval's or unlocking's subject."""
    return f"{act.division}/{act.period}"


async def unlock(app: App, call: Call, wanted: Wanted) -> pb.UnlockPeriodResponse:
    """Let values of an approved period be corrected for a while.

    Raises:
        InvalidInput: it lies outside of the division that acts.
        ExpiryInvalid: it ends too early or too late.
        PeriodNotLocked: nothing is approved there.
        NotUnlockingAuthority: a unit above approved too.
    """
    response = pb.UnlockPeriodResponse()
    async with once(app, call, response) as work:
        if work is not None:
            await _check(work, wanted)
            unlocking = _made(work, wanted)
            await store.unlock(work.tx, unlocking)
            message = wire.unlocking_to(unlocking)
            work.record(
                facts.PeriodUnlocked(unlocking=message),
                subject=subject(Act(wanted.within, wanted.period)),
                onward=(*children_of(app.node, wanted.within), *app.node.upward),
            )
            response.unlocking.CopyFrom(message)
    return response


async def _check(work: Work, wanted: Wanted) -> None:
    """Refuse what may not be unlocked, here, by this unit, or for so long."""
    authority, now = work.call.division, work.app.now()
    if not contains(authority, wanted.within):
        problem = f"{wanted.within} is not within {authority}（不在其辖区内）"
        raise InvalidInput(problem=problem, violations=[Violation("within", problem)])
    if not rules.is_expiry_valid(wanted.expires_at, now):
        raise ExpiryInvalid(
            days=rules.LONGEST.days, expires=wanted.expires_at.isoformat()
        )
    approvers = await store.approvers_around(
        work.tx, wanted.period, rules.path(wanted.within), wanted.within
    )
    match rules.refusal_to_unlock(authority, wanted.within, approvers):
        case No.NOT_LOCKED, _:
            raise PeriodNotLocked(within=wanted.within, period=wanted.period)
        case No.NOT_AUTHORITY, approver:
            raise NotUnlockingAuthority(
                approver=approver, period=wanted.period, division=authority
            )


def _made(work: Work, wanted: Wanted) -> Unlocking:
    return Unlocking(
        UUID(int=uuid_utils.uuid7().int),
        work.call.division,
        wanted.within,
        wanted.period,
        work.call.actor,
        wanted.reason,
        work.app.now(),
        wanted.expires_at,
    )
