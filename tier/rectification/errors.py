"""Refusals of rectification."""

from __future__ import annotations

import grpc

from tier.runtime.errors import TierError


class RectificationUnknown(TierError):
    """Check the id, or wait until the link has brought it."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "RECTIFICATION_UNKNOWN"
    en = "no point of rectification {rectification_id} is here; check the id"
    zh = "本节点没有整改事项 {rectification_id}，请核对编号"


class RectificationNotYours(TierError):
    """Ask the division that it is for: who assigned opens and judges, who executes reports."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "RECTIFICATION_NOT_YOURS"
    en = "only {rightful} may {move} points of rectification of {division} here; ask it"
    zh = "{division} 的整改事项只有 {rightful} 可执行 {move}，请由其办理"


class RectificationMoveNotAllowed(TierError):
    """Read the point again; its state decides what comes next."""

    reason = "RECTIFICATION_MOVE_NOT_ALLOWED"
    en = "point {rectification_id} is {state}; {move} is not possible now"
    zh = "整改事项 {rectification_id} 状态为 {state}，当前不能执行 {move}"


class RoundStale(TierError):
    """Read the point again, see why it was returned, and report in its round."""

    reason = "ROUND_STALE"
    en = "point {rectification_id} was returned since: its round is {round}; read it again"
    zh = "整改事项 {rectification_id} 已被退回（当前为第 {round} 轮），请重新查看后再报"


class RectificationDeadlineInvalid(TierError):
    """Move the deadline: it must lie ahead."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "RECTIFICATION_DEADLINE_INVALID"
    en = "a rectification must be due in the future, not at {deadline}; move it"
    zh = "整改时限须晚于当前时间，{deadline} 不符，请调整"
