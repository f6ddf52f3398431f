"""Refusals of the link."""

from __future__ import annotations

import grpc

from tier.runtime.errors import TierError


class NeighbourUnknown(TierError):
    """Add the child to the parent's configuration, or call the right parent."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "NEIGHBOUR_UNKNOWN"
    en = "node {child} is not a child of {node}; add it to the configuration of {node}"
    zh = "节点 {child} 不是 {node} 的下级节点，请先在 {node} 的配置中登记"


class BundleForged(TierError):
    """Look who else speaks for the neighbour; the facts are asked for again by themselves."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "BUNDLE_FORGED"
    en = (
        "this bundle is not what {neighbour} sent: {problem}; nothing of it was applied"
    )
    zh = "该数据包并非 {neighbour} 所发：{problem}；未作任何处理"


class QuarantineUnknown(TierError):
    """List the quarantine and use an id from there."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "QUARANTINE_UNKNOWN"
    en = "no open quarantine entry {quarantine_id}; list them"
    zh = "没有编号为 {quarantine_id} 的待处理隔离记录，请重新查询"


class QuarantineStands(TierError):
    """Remove the cause that the message names, then retry; or drop the entry."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "QUARANTINE_STANDS"
    en = "entry {quarantine_id} still cannot be applied: {cause}: {detail}"
    zh = "隔离记录 {quarantine_id} 仍无法执行：{cause}：{detail}"
