"""Refusals about progress."""

from __future__ import annotations

import grpc

from tier.runtime.errors import TierError


class ItemUnknown(TierError):
    """Check the id, or wait until the link has brought the item."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "ITEM_UNKNOWN"
    en = "this node holds no item {item_id}; check the id, or wait for the link"
    zh = "本节点没有督查事项 {item_id}，请核对编号或等待链路送达"


class ResumeTokenInvalid(TierError):
    """Start the watch again, without a token: what it names is not in this ledger."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "RESUME_TOKEN_INVALID"
    en = (
        "the resume token does not belong to this node's ledger; start again without it"
    )
    zh = "续传标记不属于本节点台账，请不带标记重新开始"
