"""Refusals of approval."""

from __future__ import annotations

import grpc

from tier.runtime.errors import TierError


class NotApprovedBelow(TierError):
    """Wait for the divisions that BadRequest names, at most 20 of them: they approve first."""

    reason = "NOT_APPROVED_BELOW"
    en = (
        "{count} divisions below {division}, such as {first}, have not approved all their "
        "values for {period}; they go first"
    )
    zh = "{division} 下有 {count} 个单位（如 {first}）尚未审核完 {period} 的数据，请先由其审核"


class ConflictsOpen(TierError):
    """Resolve the conflicts, then approve."""

    reason = "CONFLICTS_OPEN"
    en = "{count} conflicts of {division} for {period} wait for a decision; resolve them first"
    zh = "{division} {period} 尚有 {count} 个数据冲突待裁定，请先处理"


class PeriodEmpty(TierError):
    """Check the period: nothing is held for it."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "PERIOD_EMPTY"
    en = "nothing is held of {division} for {period}; check the period"
    zh = "{division} 没有 {period} 的数据，请核对周期"


class NotUnlockingAuthority(TierError):
    """Ask the unit that approved highest, or one above it, to unlock."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "NOT_UNLOCKING_AUTHORITY"
    en = "{approver} approved {period} too; ask it to unlock, {division} may not"
    zh = "{period} 数据已由 {approver} 审核，请由其解锁，{division} 无权解锁"


class PeriodNotLocked(TierError):
    """Just correct the value: nothing is approved there."""

    reason = "PERIOD_NOT_LOCKED"
    en = "nothing of {within} is approved for {period}; just correct the value"
    zh = "{within} 的 {period} 数据未审核锁定，可直接更正"


class ExpiryInvalid(TierError):
    """Move the end: it must lie in the future, and within 30 days."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "EXPIRY_INVALID"
    en = (
        "an unlocking ends in the future and within {days} days, not {expires}; move it"
    )
    zh = "解锁截止时间须在今后 {days} 天内，{expires} 不符，请调整"
