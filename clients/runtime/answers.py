"""From a gRPC status with rich details to `Refused` or `Unreachable` (AIP-193)."""

from __future__ import annotations

from typing import TypeVar, cast

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from clients.runtime.errors import Answer, CallFailed, Refused, Unreachable, Violation

NO_ANSWER = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
"""Codes that say nothing about whether the work was done."""

_SIGNS = (
    (
        "CERTIFICATE_VERIFY_FAILED",
        "shows a certificate that none of your authorities issued",
        "出示的证书不是由您信任的根证书签发的",
    ),
    ("WRONG_VERSION_NUMBER", "does not speak TLS: it has no walls", "未启用 TLS"),
    (
        "Socket closed",
        "hung up: it may want a certificate that it trusts",
        "断开了连接：可能要求出示其信任的客户端证书",
    ),
)
"""What gRPC says of a line that could not be opened, and what it means."""

Detail = TypeVar("Detail", bound=Message)


def from_rpc_error(error: grpc.aio.AioRpcError, address: str = "") -> CallFailed:
    """Return what the node meant by `error`, to be raised in its place."""
    answer = read(error)
    if answer.code in NO_ANSWER:
        return Unreachable(_with_address(answer, address), address)
    return Refused(answer, address)


def read(error: grpc.aio.AioRpcError) -> Answer:
    """Read every detail the status carries; what cannot be read counts as absent."""
    message = error.details() or error.code().name
    answer = Answer(code=error.code(), english=message)
    try:
        # grpc_status is typed for the synchronous error; the methods are the same.
        status = rpc_status.from_call(cast("grpc.Call", error))
    except (ValueError, DecodeError):
        return answer
    return answer if status is None else _read_details(answer, status)


def _read_details(answer: Answer, status: status_pb2.Status) -> Answer:
    reason = ""
    metadata: dict[str, str] = {}
    texts: dict[str, str] = {}
    violations: list[Violation] = []
    retry_after: float | None = None
    for detail in status.details:
        if (info := _unpack(detail, error_details_pb2.ErrorInfo())) is not None:
            reason, metadata = info.reason, dict(info.metadata)
        elif (
            text := _unpack(detail, error_details_pb2.LocalizedMessage())
        ) is not None:
            texts[text.locale.split("-")[0]] = text.message
        elif (bad := _unpack(detail, error_details_pb2.BadRequest())) is not None:
            violations += [
                Violation(v.field, v.description) for v in bad.field_violations
            ]
        elif (retry := _unpack(detail, error_details_pb2.RetryInfo())) is not None:
            retry_after = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    english = texts.get("en", answer.english)
    return Answer(
        code=answer.code,
        reason=reason,
        english=english,
        chinese=texts.get("zh", english),
        violations=tuple(violations),
        metadata=metadata,
        retry_after=retry_after,
    )


def _unpack(detail: AnyMessage, into: Detail) -> Detail | None:
    return into if detail.Unpack(into) else None


def _with_address(answer: Answer, address: str) -> Answer:
    if answer.reason:  # the node spoke for itself, such as DRAINING
        return answer
    why, why_zh = _why(answer)
    return Answer(
        code=answer.code,
        english=f"The node at {address} {why} ({answer.english}). "
        "Check that it runs (`ducha doctor`), then repeat the command.",
        chinese=f"节点 {address} {why_zh}（{answer.english}）。"
        "请确认其正在运行（`ducha doctor`），然后重试。",
    )


def _why(answer: Answer) -> tuple[str, str]:
    """Return what the line itself says in the way, as far as gRPC tells."""
    if answer.code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "did not answer in time", "未在时限内应答"
    for sign, english, chinese in _SIGNS:
        if sign in answer.english:
            return english, chinese
    return "cannot be reached", "无法连接"
