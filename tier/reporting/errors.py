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
