"""Refusals of the inbox."""

from __future__ import annotations

import grpc

from tier.runtime.errors import TierError


class NoticesUnknown(TierError):
    """Leave out the notices that BadRequest names: they are not in this inbox."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "NOTICES_UNKNOWN"
    en = (
        "{count} notices, such as {first}, are not in the inbox of {division}; "
        "leave them out"
    )
    zh = "{division} 的收件箱中没有 {count} 条提示（如 {first}），请去除后重试"
