"""Refusals about items and assignments."""

from __future__ import annotations

import grpc

from tier.assignment.model import Flaw, Loaded, No
from tier.division import TargetsInvalid
from tier.reporting.errors import ItemUnknown
from tier.runtime.errors import TierError

__all__ = ["ItemUnknown", "TargetsInvalid"]


class AssignmentUnknown(TierError):
    """Check the item and the division, or wait until the link has brought it."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "ASSIGNMENT_UNKNOWN"
    en = "division {division} has no assignment of item {item_id}; check both"
    zh = "行政区划 {division} 没有督查事项 {item_id} 的交办单，请核对"


class LevelMayNotIssue(TierError):
    """Ask the county to issue: a township executes only (law 1)."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "LEVEL_MAY_NOT_ISSUE"
    en = "{division} is a township or below: it executes and does not issue; ask its county"
    zh = "{division} 属乡级及以下，只承办、不发起督查；请由县级交办"


class SkipLevelUnreasoned(TierError):
    """Give `skip_level_reason`, or issue to the next tier in cascade mode (law 1)."""

    reason = "SKIP_LEVEL_UNREASONED"
    en = "{division} lies below the next tier; give skip_level_reason, or use cascade mode"
    zh = "{division} 越过下一级，属越级交办，请填写越级理由或改为逐级分解"


class UrgencyUnjustified(TierError):
    """Say why it may not wait, or make it routine (law 5)."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "URGENCY_UNJUSTIFIED"
    en = "an urgent item needs urgency_justification; give it, or make the item routine"
    zh = "急件须说明理由，请填写加急理由或改为平件"


class DeadlineInvalid(TierError):
    """Move the deadlines: now, then receipt, then report, then the parent's own deadline."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "DEADLINE_INVALID"
    en = "the deadlines do not fit ({problem}); receipt must lie ahead, before the deadline"
    zh = "时限不合理（{problem}）：签收时限应晚于当前时间且不晚于办结时限，并为上级预留审核时间"


class ClosingRuleInvalid(TierError):
    """Give a quorum of 1 to 100 percent; make the lead unit's division a target."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "CLOSING_RULE_INVALID"
    en = "the closing rule does not fit: {problem}"
    zh = "办结规则不合理：{problem}"


class MoveNotAllowed(TierError):
    """Read the assignment again; its state decides what comes next."""

    reason = "MOVE_NOT_ALLOWED"
    en = "the assignment of {division} is {state}; {move} is not possible now"
    zh = "{division} 的交办单状态为 {state}，当前不能执行 {move}"


class EpochStale(TierError):
    """Read the assignment again, see why it was returned, and report under its epoch."""

    reason = "EPOCH_STALE"
    en = "{division} was returned since: its epoch is {epoch}; read it again before reporting"
    zh = "{division} 的交办单已被退回（当前版次 {epoch}），请重新查看后再反馈"


class ChildrenOpen(TierError):
    """Verify what the divisions below reported, then report."""

    reason = "CHILDREN_OPEN"
    en = "{open_children} divisions below {division} are not verified yet; verify them first"
    zh = "{division} 分解给下级的 {open_children} 份交办单尚未核查，请先核查"


class ItemEnded(TierError):
    """Nothing is left to do: the item is closed, withdrawn or archived."""

    reason = "ITEM_ENDED"
    en = "item {item_id} is closed, withdrawn or archived; nothing is left to do"
    zh = "督查事项 {item_id} 已办结、撤回或归档，无需再办"


class NotIssuer(TierError):
    """Ask the division that issued the item."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "NOT_ISSUER"
    en = "only {issuer}, which issued the item, may do this; {division} may not"
    zh = "只有交办单位 {issuer} 可执行此操作，{division} 不可"


class NotAssigner(TierError):
    """Ask the division that assigned it."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "NOT_ASSIGNER"
    en = "only {assigner}, which assigned it to {division}, may do this"
    zh = "只有向 {division} 交办的 {assigner} 可执行此操作"


class NotCascade(TierError):
    """Nothing to split: a direct item already reached its targets."""

    reason = "NOT_CASCADE"
    en = "item {item_id} is direct: it already reached its targets, nothing is to be split"
    zh = "督查事项 {item_id} 为直达交办，无需分解"


class ClosingRuleUnmet(TierError):
    """Verify what is missing, then conclude."""

    reason = "CLOSING_RULE_UNMET"
    en = "{lacking} more verified reports are needed by the closing rule; verify them first"
    zh = "按办结规则还差 {lacking} 份已核查的反馈，请先核查"


class NotConcluded(TierError):
    """Conclude the item first."""

    reason = "NOT_CONCLUDED"
    en = "item {item_id} has no conclusion yet; conclude it first"
    zh = "督查事项 {item_id} 尚无结论，请先作出结论"


class NotClosed(TierError):
    """Close the item first."""

    reason = "NOT_CLOSED"
    en = "item {item_id} is not closed yet; close it first"
    zh = "督查事项 {item_id} 尚未办结，请先办结"


class ClosingHeld(TierError):
    """Close the points to rectify and decide the reviews, then try again."""

    reason = "CLOSING_HELD"
    en = (
        "{rectifications} points to rectify are open and {reviews} reviews are pending; "
        "settle them first"
    )
    zh = "尚有 {rectifications} 项整改未销号、{reviews} 件复核申请未决，请先处理"


class ReviewTermRuns(TierError):
    """Wait until the supervised may not ask for a review any more."""

    reason = "REVIEW_TERM_RUNS"
    en = "a review of item {item_id} may be asked until {until}; archive it after that"
    zh = "督查事项 {item_id} 的复核申请期至 {until}，期满后方可归档"


class AssistsOpen(TierError):
    """Verify the units that assist, then the lead."""

    reason = "ASSISTS_OPEN"
    en = "{division} leads, and units that assist are not verified yet: {open_assists}"
    zh = "{division} 为主办，尚有协办单位未核查：{open_assists}"


FLAWS: dict[Flaw, tuple[type[TierError], str]] = {
    Flaw.LEVEL_MAY_NOT_ISSUE: (LevelMayNotIssue, ""),
    Flaw.URGENCY_UNJUSTIFIED: (UrgencyUnjustified, ""),
    Flaw.RECEIVE_BY_PAST: (DeadlineInvalid, "receive_by_time is not in the future"),
    Flaw.RECEIVE_BY_AFTER_DEADLINE: (
        DeadlineInvalid,
        "receive_by_time is after the deadline",
    ),
    Flaw.NO_TARGETS: (TargetsInvalid, "none are left"),
    Flaw.TARGET_OUTSIDE: (TargetsInvalid, "outside the one that assigns:"),
    Flaw.TARGET_LEVEL: (TargetsInvalid, "not below the one that assigns:"),
    Flaw.CASCADE_NEXT_TIER: (TargetsInvalid, "a cascade goes to the next tier, not to"),
    Flaw.SKIP_LEVEL: (SkipLevelUnreasoned, ""),
    Flaw.QUORUM: (ClosingRuleInvalid, "a quorum needs 1 to 100 percent"),
    Flaw.LEAD_NO_TARGET: (
        ClosingRuleInvalid,
        "the lead unit's division is not a target",
    ),
}


def flawed(flaw: Flaw, where: str) -> TierError:
    """Return the refusal of a flawed item."""
    refusal, problem = FLAWS[flaw]
    return refusal(problem=f"{problem} {where}".strip(), division=where)


def denied(no: No, loaded: Loaded, move: str) -> TierError:
    """Return the refusal of a move."""
    assignment = loaded.assignment
    division, item_id = assignment.key.division, assignment.key.item_id
    match no:
        case No.ENDED:
            return ItemEnded(item_id=item_id)
        case No.STALE_EPOCH:
            return EpochStale(division=division, epoch=assignment.epoch)
        case No.STATE:
            return MoveNotAllowed(
                division=division, state=assignment.state.name, move=move
            )
        case No.CHILDREN_OPEN:
            return ChildrenOpen(division=division, open_children=loaded.open_children)
        case No.NOT_ASSIGNER:
            return NotAssigner(division=division, assigner=assignment.assigner)
        case No.NOT_CASCADE:
            return NotCascade(item_id=item_id)
