"""Approval model <-> protobuf."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from ducha.approval.v1 import approval_facts_pb2 as facts
from ducha.approval.v1 import approval_pb2 as pb
from tier import division
from tier.approval.model import Act, Approval, Unlocking
from tier.jurisdiction import Code, parse
from tier.registry import parse_period
from tier.runtime import moments


def approval_to(approval: Approval) -> pb.Approval:
    """Write an approval."""
    return pb.Approval(
        division=approval.act.division,
        period=approval.act.period,
        approve_time=moments.stamp_of(approval.approved_at),
        actor=approval.actor,
        approved_count=approval.count,
    )


def approval_from(message: pb.Approval) -> Approval:
    """Read an approval.

    Raises:
        ValueError: its division or period is none.
    """
    return Approval(
        Act(parse(message.division), parse_period(message.period).text),
        moments.moment(message.approve_time),
        message.actor,
        message.approved_count,
    )


def approved_to(
    approval: Approval, revisions: Mapping[Code, int]
) -> facts.PeriodApproved:
    """Write what was approved at one time: of each sheet, how many answers were known."""
    alike: dict[int, list[Code]] = {}
    for code, revision in revisions.items():
        alike.setdefault(revision, []).append(code)
    return facts.PeriodApproved(
        approval=approval_to(approval),
        sheets=[
            facts.ApprovedSheets(revision=revision, divisions=division.set_to(codes))
            for revision, codes in sorted(alike.items())
        ],
    )


def revisions_from(payload: facts.PeriodApproved) -> dict[Code, int]:
    """Read how many answers of each sheet were known.

    Raises:
        ValueError: a division is none.
    """
    return {
        code: group.revision
        for group in payload.sheets
        for code in division.set_from(group.divisions)
    }


def unlocking_to(unlocking: Unlocking) -> pb.Unlocking:
    """Write an unlocking."""
    return pb.Unlocking(
        unlocking_id=str(unlocking.unlocking_id),
        authority_division=unlocking.authority,
        within=unlocking.within,
        period=unlocking.period,
        actor=unlocking.actor,
        reason=unlocking.reason,
        unlock_time=moments.stamp_of(unlocking.unlocked_at),
        expire_time=moments.stamp_of(unlocking.expires_at),
    )


def unlocking_from(message: pb.Unlocking) -> Unlocking:
    """Read an unlocking.

    Raises:
        ValueError: its id, a division or its period is none.
    """
    return Unlocking(
        UUID(message.unlocking_id),
        parse(message.authority_division),
        parse(message.within),
        parse_period(message.period).text,
        message.actor,
        message.reason,
        moments.moment(message.unlock_time),
        moments.moment(message.expire_time),
    )
