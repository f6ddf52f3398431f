"""The refusal of the policy. It says what the caller may do, never what there is."""

from __future__ import annotations

import grpc

from tier.runtime.errors import TierError


class NotAllowed(TierError):
    """Call with a role and a division that the table of the policy allows: docs/policy.md."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "NOT_ALLOWED"
    en = (
        "{roles} of {division} may not call {rpc} for {concerned};"
        " see the policy for who may"
    )
    zh = "{division} 的 {roles} 无权就 {concerned} 调用 {rpc}；谁可调用见权限表"
