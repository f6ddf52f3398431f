"""Refusals of collection."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from tier.runtime.errors import TierError, Violation

SHOWN = 100


class ValuesInvalid(TierError):
    """Correct the values that BadRequest names, at most 100 of them, and send all again."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "VALUES_INVALID"
    en = "{count} values cannot be taken, the first: {first}; nothing was recorded"
    zh = "共有 {count} 个数据值无效，首个：{first}；未作任何记录"

    @classmethod
    def of(cls, violations: Sequence[Violation]) -> ValuesInvalid:
        """Show the first values, and how many there are."""
        first = f"{violations[0].field}: {violations[0].description}"
        return cls(violations=violations[:SHOWN], count=len(violations), first=first)


class CorrectionUnreasoned(TierError):
    """Say why the held value is corrected: nobody asks it again (law 6)."""

    reason = "CORRECTION_UNREASONED"
    en = "{element} of {division} for {period} is held already with another value; give a reason"
    zh = "{division} {period} 的 {element} 已有不同的数据值，更正请填写理由"


class PeriodLocked(TierError):
    """Ask whoever approved the period to unlock it."""

    reason = "PERIOD_LOCKED"
    en = "{period} of {division} is approved and locked; ask {approver} to unlock it"
    zh = "{division} 的 {period} 数据已审核锁定，如需更正请向 {approver} 申请解锁"


class ConflictUnknown(TierError):
    """Check the id, or list the conflicts."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "CONFLICT_UNKNOWN"
    en = "this node holds no conflict {conflict_id}; check the id"
    zh = "本级没有冲突 {conflict_id}，请核对编号"


class ConflictEnded(TierError):
    """Correct the value instead, with a reason: the conflict is decided."""

    reason = "CONFLICT_ENDED"
    en = "conflict {conflict_id} was decided by {resolver}; correct the value instead"
    zh = "冲突 {conflict_id} 已由 {resolver} 裁定；如需更正请直接更正数据值"
