"""Refusals about petitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import grpc

from tier.assignment.errors import EpochStale, ItemEnded
from tier.assignment.model import Key
from tier.calendar import CHINA, Term, after
from tier.petition.model import Kind, No, Scene
from tier.runtime.errors import TierError


class PetitionUnknown(TierError):
    """Check the id, or wait until the link has brought the petition."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "PETITION_UNKNOWN"
    en = "this node holds no petition {petition_id}; check the id, or wait for the link"
    zh = "本级没有申请 {petition_id}，请核对编号或等待同步"


class PetitionNotOpen(TierError):
    """Read the assignment again: where it stands leaves no room for this petition."""

    reason = "PETITION_NOT_OPEN"
    en = "the assignment of {division} is {state}: no {kind} is possible now; read it again"
    zh = "{division} 的交办单状态为 {state}，当前不能申请{kind_zh}，请重新查看"


class PetitionPending(TierError):
    """Wait for the decision, or withdraw the petition that waits."""

    reason = "PETITION_PENDING"
    en = "a petition of {division} for {kind} waits already; wait, or withdraw it first"
    zh = "{division} 已有一份{kind_zh}申请待定，请等待决定或先撤回"


class PetitionDecided(TierError):
    """Read the petition: it was decided, and that stands."""

    reason = "PETITION_DECIDED"
    en = "petition {petition_id} was decided before ({state}); a decision is made once"
    zh = "申请 {petition_id} 已有决定（{state}），不再重复决定"


class PetitionWithdrawn(TierError):
    """Nothing is to be done: who asked took the petition back."""

    reason = "PETITION_WITHDRAWN"
    en = "{division} took petition {petition_id} back; nothing is left to be done"
    zh = "{division} 已撤回申请 {petition_id}，无需再办"


class NotDecider(TierError):
    """Ask the division that assigned it, of a review the issuer, to decide."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "NOT_DECIDER"
    en = "only {decider} decides petition {petition_id}; {division} may not"
    zh = "申请 {petition_id} 只能由 {decider} 决定，{division} 无权决定"


class NotPetitioner(TierError):
    """Ask the division that filed the petition to withdraw it."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "NOT_PETITIONER"
    en = "only {petitioner}, which filed petition {petition_id}, may withdraw it"
    zh = "只有提出申请 {petition_id} 的 {petitioner} 可以撤回"


class ExtensionTooLate(TierError):
    """Report; it will be labelled late. An extension is asked before the deadline."""

    reason = "EXTENSION_TOO_LATE"
    en = "the deadline {deadline} of {division} has passed; an extension is asked before it"
    zh = "{division} 的办结时限 {deadline} 已过，延期须在时限届满前申请"


class ExtensionDaysInvalid(TierError):
    """Ask for, or grant, 1 working day up to what the terms allow."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "EXTENSION_DAYS_INVALID"
    en = "an extension is 1 to {most} working days, not {days}"
    zh = "每次延期为 1 至 {most} 个工作日，不能为 {days} 个"


class ExtensionsUsedUp(TierError):
    """Report by the deadline: no more extensions are to be had."""

    reason = "EXTENSIONS_USED_UP"
    en = "{division} was granted {granted} extensions, as many as the terms allow"
    zh = "{division} 已获准延期 {granted} 次，达到规定上限"


class ExtensionExceedsParent(TierError):
    """Grant fewer days, or ask for an extension of your own deadline first."""

    reason = "EXTENSION_EXCEEDS_PARENT"
    en = (
        "{deadline} lies beyond {latest}, a review buffer before the deadline of {decider};"
        " grant fewer days, or have that one extended first"
    )
    zh = (
        "新时限 {deadline} 超过 {latest}（{decider} 自身时限预留审核时间后），"
        "请减少天数或先申请本级延期"
    )


class EvidenceMissing(TierError):
    """Add at least one piece of evidence: a suspension needs it."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "EVIDENCE_MISSING"
    en = "a suspension needs evidence of what stops the work; add it"
    zh = "申请挂账须附佐证材料，请补充"


class DisputeTermOver(TierError):
    """Report what was found: the time to dispute the assignment is over."""

    reason = "DISPUTE_TERM_OVER"
    en = "{division} had until {until} to dispute the assignment; report what was found"
    zh = "{division} 提出转办异议的期限（{until}）已过，请按期反馈"


class ReviewNotOpen(TierError):
    """Wait for the conclusion; once the item is archived, there is no review."""

    reason = "REVIEW_NOT_OPEN"
    en = "item {item_id} is {state}: only a conclusion that stands can be reviewed"
    zh = "督查事项 {item_id} 状态为 {state}，仅可对现有结论申请复核"


class ReviewTermOver(TierError):
    """The conclusion stands: the time to ask for a review is over."""

    reason = "REVIEW_TERM_OVER"
    en = "{division} had until {until} to ask for a review of the conclusion"
    zh = "{division} 申请复核的期限（{until}）已过"


class ReviewerIsAuthor(TierError):
    """Let another officer of the issuer decide: nobody reviews a conclusion of their own."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "REVIEWER_IS_AUTHOR"
    en = "{reviewer} wrote the conclusion; another officer decides about its review"
    zh = "结论由 {reviewer} 作出，复核须由其他人员决定"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is refused: a kind of petition, or days to be granted, and what stands around."""

    kind: Kind
    key: Key
    scene: Scene
    days: int = 0


CHINESE: Mapping[Kind, str] = {
    Kind.EXTENSION: "延期",
    Kind.SUSPENSION: "挂账",
    Kind.RESUMPTION: "恢复",
    Kind.DISPUTE: "转办异议",
    Kind.REVIEW: "复核",
}

DENIALS: Mapping[No, Callable[[Asked], TierError]] = {
    No.ENDED: lambda one: ItemEnded(item_id=one.key.item_id),
    No.STALE_EPOCH: lambda one: EpochStale(
        division=one.key.division, epoch=one.scene.epoch
    ),
    No.NOT_OPEN: lambda one: PetitionNotOpen(
        division=one.key.division,
        state=one.scene.state.name,
        kind=one.kind.name,
        kind_zh=CHINESE[one.kind],
    ),
    No.PENDING: lambda one: PetitionPending(
        division=one.key.division, kind=one.kind.name, kind_zh=CHINESE[one.kind]
    ),
    No.TOO_LATE: lambda one: ExtensionTooLate(
        division=one.key.division, deadline=shown(one.scene.deadline)
    ),
    No.DAYS: lambda one: ExtensionDaysInvalid(
        most=one.scene.terms.max_extension_days, days=one.days
    ),
    No.USED_UP: lambda one: ExtensionsUsedUp(
        division=one.key.division, granted=one.scene.granted
    ),
    No.UNEVIDENCED: lambda _: EvidenceMissing(),
    No.DISPUTE_OVER: lambda one: DisputeTermOver(
        division=one.key.division, until=_end(one.scene, one.scene.terms.dispute)
    ),
    No.NOT_CONCLUDED: lambda one: ReviewNotOpen(
        item_id=one.key.item_id, state=one.scene.item_state.name
    ),
    No.REVIEW_OVER: lambda one: ReviewTermOver(
        division=one.key.division, until=_end(one.scene, one.scene.terms.review)
    ),
}


def denied(no: No, asked: Asked) -> TierError:
    """Return the refusal of a petition, or of what somebody wants to grant."""
    return DENIALS[no](asked)


def shown(at: datetime) -> str:
    """Write a moment as people in China read it."""
    return at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")


def _end(scene: Scene, term: Term) -> str:
    return shown(after(scene.calendar, scene.began_at, term).at)
