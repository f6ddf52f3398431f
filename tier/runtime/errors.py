"""The one error family that crosses tiers.

Raise these anywhere. The server turns them into a gRPC status with `ErrorInfo`, a
Chinese and an English `LocalizedMessage`, and whatever details they carry; any other
exception reaches the caller as INTERNAL, without its text. A class is one refusal: its
docstring says what to do, `en` and `zh` are what the caller reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import grpc


@dataclass(frozen=True, slots=True)
class Violation:
    """One wrong field of a request."""

    field: str
    description: str


class TierError(Exception):
    """A refusal the caller can act on."""

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.FAILED_PRECONDITION
    reason: ClassVar[str] = "REFUSED"
    en: ClassVar[str] = "refused"
    zh: ClassVar[str] = "已拒绝"

    def __init__(
        self,
        *,
        violations: Sequence[Violation] = (),
        retry_after: float | None = None,
        **details: object,
    ) -> None:
        """Fill the texts with `details`; `retry_after` is in seconds."""
        self.details = {key: str(value) for key, value in details.items()}
        self.violations = tuple(violations)
        self.retry_after = retry_after
        super().__init__(self.en.format_map(self.details))

    def in_chinese(self) -> str:
        """Return what a Chinese reader sees."""
        return self.zh.format_map(self.details)


class InvalidInput(TierError):
    """Correct the fields that BadRequest names, then send it again."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_INPUT"
    en = "the request is not valid: {problem}; correct it and send it again"
    zh = "请求无效：{problem}；请更正后重新提交"


class Contended(TierError):
    """Send the same request again: another writer was first."""

    code = grpc.StatusCode.ABORTED
    reason = "CONTENDED"
    en = "another writer was first; send the same request again"
    zh = "并发冲突，请以同一请求编号重试"


class RequestIdReused(TierError):
    """Make a new request id: this one was used for other content."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "REQUEST_ID_REUSED"
    en = "request_id {request_id} was used for other content; make a new one"
    zh = "请求编号 {request_id} 已用于其他内容，请换用新编号"


class Overloaded(TierError):
    """Wait as RetryInfo says, then send the same request again."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "OVERLOADED"
    en = "{waiting} calls wait already; wait {retry_after_seconds} s and send it again"
    zh = "已有 {waiting} 个请求在排队，请在 {retry_after_seconds} 秒后重试"


class CallerOverloaded(TierError):
    """Wait as RetryInfo says, then send the same request again, with fewer at once."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "CALLER_OVERLOADED"
    en = (
        "{running} calls of this caller are under way, as many as there is room for now;"
        " wait {retry_after_seconds} s and send it again"
    )
    zh = "该调用方已有 {running} 个请求在办，已达当前上限，请在 {retry_after_seconds} 秒后重试"


class SlowCaller(TierError):
    """Send the same request again over a better line, or read the answers as they come."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    reason = "CALLER_TOO_SLOW"
    en = "a message was not sent or taken within {seconds} s; send it again"
    zh = "消息未在 {seconds} 秒内传完，请重新发送"


class PageTokenInvalid(TierError):
    """Start the listing again, without a token."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "PAGE_TOKEN_INVALID"
    en = "the page token is not one of ours; start again without it"
    zh = "分页标记无效，请从第一页重新查询"


class ResumeTokenInvalid(TierError):
    """Start the watch again, without a token: what it names is not in this ledger."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "RESUME_TOKEN_INVALID"
    en = (
        "the resume token does not belong to this node's ledger; start again without it"
    )
    zh = "续传标记不属于本节点台账，请不带标记重新开始"


class DatabaseAway(TierError):
    """Send the same request again: whether it was kept shows by its request id."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "DATABASE_AWAY"
    en = "the database went away; send the same request again, with its request_id"
    zh = "数据库暂不可用，请以同一请求编号重试"


class DatabaseFull(DatabaseAway):
    """Nothing was kept: have the node's operator make room, then send the same request again."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "DATABASE_FULL"
    en = (
        "the database has no disk, memory or connection left; nothing was kept;"
        " send the same request again when its operator has made room"
    )
    zh = (
        "数据库磁盘、内存或连接已耗尽，本次未保存；请待运维人员清理后以同一请求编号重试"
    )


class Draining(TierError):
    """Call again, here or at a replica: this server stops."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "DRAINING"
    en = "the server stops; call again in a moment"
    zh = "服务正在停止，请稍后重试"


class DivisionNotHosted(TierError):
    """Call the node that hosts the division."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "DIVISION_NOT_HOSTED"
    en = "division {division} does not act at node {node}; call the node that hosts it"
    zh = "行政区划 {division} 不在节点 {node} 办理，请访问其所属节点"
