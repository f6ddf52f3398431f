"""`ducha trace`: where the time of an item went, over the four tiers."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import grpc
import typer

from clients.cli import trace_view, waterfall
from clients.cli.session import Json, Session, as_json
from clients.cli.trace_view import Page
from clients.cli.waterfall import Span
from clients.cli.words import UsageProblem
from clients.runtime import ClientError, Refused, endpoints
from clients.runtime.calling import Limits, call
from clients.runtime.errors import CallFailed, EndpointsUnusable
from ducha.assignment.v1.assignment_service_pb2 import GetItemRequest
from ducha.trace.v1 import trace_service_pb2 as pb
from ducha.trace.v1.trace_service_pb2_grpc import TraceServiceStub

ANSWER_BYTES: Final = 64 * 1024 * 1024
LIMITS: Final = Limits(deadline=10.0, attempts=3)
NANOS_A_MS: Final = 1e6

_TRACE_ID: Final = re.compile("[0-9a-f]{32}")
_ITEM_ID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Which = Annotated[str, typer.Argument(help="Item id, or trace id. 事项编号或链路编号")]


async def trace(session: Session, item: Which) -> None:
    """Draw the waterfall of an item over the four tiers, critical path marked. 链路瀑布图."""
    receiver = receiver_address(session.choices.data)
    trace_id = await _trace_id(session, item.strip().lower())
    answer = await _get_trace(receiver, trace_id)
    spans = [from_wire(span) for span in answer.spans]
    tree = waterfall.build(spans)
    path = waterfall.critical_path(tree)
    if session.choices.as_json:
        session.write_json(_as_json(trace_id, answer, path))
        return
    page = Page(trace_id, waterfall.rows(tree), path, answer.dropped_count)
    trace_view.show(session, page, tree)


def receiver_address(data: Path | None) -> str:
    """Return where spans are kept: `DUCHA_OTLP_ENDPOINT`, or what `ducha up` wrote.

    Raises:
        EndpointsUnusable: neither names a receiver.
    """
    given = os.environ.get("DUCHA_OTLP_ENDPOINT", "")
    path = (data or endpoints.default_data()) / endpoints.FILE
    if not given:
        try:
            given = str(json.loads(path.read_text())["otlp"]["endpoint"])
        except (OSError, ValueError, KeyError, TypeError) as missing:
            raise EndpointsUnusable(
                f"{path} names no receiver of spans. Run `ducha up`, give --data DIR, "
                "or set DUCHA_OTLP_ENDPOINT.",
                f"{path} 中没有链路接收端。请运行 `ducha up`、用 --data 指定目录，"
                "或设置 DUCHA_OTLP_ENDPOINT。",
            ) from missing
    return given.removeprefix("http://").rstrip("/")


async def _trace_id(session: Session, which: str) -> str:
    """Return the trace of an item; a trace id is returned as it is.

    Raises:
        UsageProblem: it is neither.
        ClientError: no node knows the item, or it was issued untraced.
    """
    if _TRACE_ID.fullmatch(which):
        return which
    if not _ITEM_ID.fullmatch(which):
        raise UsageProblem(
            f"{which!r} is neither an item id nor a trace id. `ducha item list` has them.",
            f"{which!r} 既不是事项编号也不是链路编号。可用 `ducha item list` 查询。",
        )
    failed: CallFailed | None = None
    for node in await session.nodes():
        client = await session.client_of(node)
        try:
            found = await client.call(
                client.assignments.GetItem, GetItemRequest(item_id=which)
            )
        except CallFailed as error:
            failed = error
            continue
        if found.item.trace_id:
            return found.item.trace_id
    raise failed or ClientError(
        f"Item {which} has no trace: its node did not trace when it was issued.",
        f"事项 {which} 没有链路：下达时节点未启用链路记录。",
    )


async def _get_trace(receiver: str, trace_id: str) -> pb.GetTraceResponse:
    options = [("grpc.max_receive_message_length", ANSWER_BYTES)]
    async with grpc.aio.insecure_channel(receiver, options=options) as channel:
        method = TraceServiceStub(channel).GetTrace
        request = pb.GetTraceRequest(trace_id=trace_id)
        try:
            return await call(method, request, address=receiver, limits=LIMITS)
        except Refused as refused:
            if refused.code is not grpc.StatusCode.UNIMPLEMENTED:
                raise
            raise ClientError(
                f"The collector at {receiver} is not the one of `ducha up`: "
                f"look for trace {trace_id} there.",
                f"{receiver} 不是 `ducha up` 自带的接收端：请到该采集器中查询 {trace_id}。",
            ) from refused


def from_wire(span: pb.Span) -> Span:
    """Return a span of the waterfall; one whose clock ran backwards takes no time."""
    return Span(
        span_id=span.span_id,
        parent_id=span.parent_span_id,
        name=span.name,
        service=span.service,
        tier=span.tier,
        start=span.start_unix_nanos,
        end=max(span.start_unix_nanos, span.end_unix_nanos),
        failed=span.failed,
        linked_ids=tuple(span.linked_span_ids),
    )


def _as_json(
    trace_id: str, answer: pb.GetTraceResponse, path: Sequence[waterfall.Stretch]
) -> Json:
    start = min(span.start_unix_nanos for span in answer.spans)
    end = max(span.end_unix_nanos for span in answer.spans)
    return {
        "trace_id": trace_id,
        "duration_ms": (end - start) / NANOS_A_MS,
        "dropped_count": answer.dropped_count,
        "critical_path": [
            {
                "span_id": stretch.span_id,
                "begin_ms": (stretch.begin - start) / NANOS_A_MS,
                "end_ms": (stretch.end - start) / NANOS_A_MS,
                "waiting": stretch.waiting,
            }
            for stretch in path
        ],
        "spans": [as_json(span) for span in answer.spans],
    }
