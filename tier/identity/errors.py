"""Refusals to who has not proved who they are. They say nothing of what there is."""

from __future__ import annotations

import grpc

from tier.runtime.errors import TierError


class Unidentified(TierError):
    """Call with a certificate of an authority the node trusts, and people with a token."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "UNIDENTIFIED"
    en = "the caller is not identified: {problem}"
    zh = "无法确认调用方身份：{problem}"


class TokenRefused(TierError):
    """Get a new token from the issuer, then send it again."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "TOKEN_REFUSED"
    en = "the token is refused: {problem}; get a new one and send it again"
    zh = "令牌无效：{problem}；请重新获取令牌后再试"


class IdentityRevoked(TierError):
    """Ask whoever issued the identity why it was revoked."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "IDENTITY_REVOKED"
    en = "this identity was revoked, or its time is over; ask its issuer for a new one"
    zh = "该身份已被吊销或已过期，请向签发单位申请新的身份"
