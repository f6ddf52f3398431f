"""Refusals of urging."""

from __future__ import annotations

import grpc

from tier.runtime.errors import TierError


class NotYoursToUrge(TierError):
    """Ask the division that assigned it, or the one that issued the item, to urge."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "NOT_YOURS_TO_URGE"
    en = (
        "{assigner} assigned it to {division} and {issuer} issued the item: one of them"
        " may urge, {acting} may not"
    )
    zh = "{division} 的交办单由 {assigner} 交办、事项由 {issuer} 发起，只有其可催办，{acting} 不可"


class NothingToUrge(TierError):
    """Leave out who reported, is suspended or was withdrawn; urge the others."""

    reason = "NOTHING_TO_URGE"
    en = "nothing is to be urged of {division}: {state}; leave it out"
    zh = "{division} 无需催办（{state}），请去掉后重试"
