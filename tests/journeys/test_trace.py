"""One trace: from the issue at the province, over every tier, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import grpc
import pytest

from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.trace.v1 import trace_service_pb2 as trace
from ducha.trace.v1 import trace_service_pb2_grpc as trace_grpc
from tests.journeys.office import Office, eventually
from tests.journeys.running import Running

TIERS = ("province", "city", "county", "township")
REPORT = "assignment report"
ISSUE = "ducha.assignment.v1.AssignmentService/IssueItem"
MOST_SPANS = 100
"""What a reader still overlooks, whatever the number of targets."""


async def test_one_trace_runs_over_four_tiers_and_back(
    four_tiers: Running, office: Office
) -> None:
    """A real OTLP receiver gets the spans; every one of them hangs under the issue."""
    item = await office.issue("53")
    towns = sorted(office.history.targets[item])
    await office.until("township", item, towns, pb.ASSIGNMENT_STATE_ISSUED)
    await office.report(item, towns)
    await office.until("province", item, towns, pb.ASSIGNMENT_STATE_REPORTED)
    issued = await office.desks["province"].assignments.GetItem(
        api.GetItemRequest(item_id=item)
    )
    spans: list[trace.Span] = []

    async def whole() -> bool:
        spans[:] = await kept(four_tiers, issued.item.trace_id)
        return bool(back(spans)) and roots(spans) == [ISSUE]

    # Each process sends its spans when it likes: a child may be there before its parent.
    await eventually(whole, "the way back, in one trace without loose ends")
    by_id = {span.span_id: span for span in spans}

    assert {span.tier for span in spans} >= set(TIERS)
    assert hops(spans, "apply dn") == ["city", "county", "township"]
    assert hops(spans, REPORT) == ["township"]
    assert hops(spans, "apply up") == ["city", "county", "province"]
    assert any(origin(span, by_id) == ISSUE for span in back(spans))
    assert len(spans) <= MOST_SPANS
    assert not any(span.failed for span in spans)


async def test_a_refused_report_is_no_step_of_the_work(
    four_tiers: Running, office: Office
) -> None:
    """Somebody reports twice: the trace shows that the second call failed."""
    item = await office.issue("53")
    town = min(office.history.targets[item])
    await office.until("township", item, [town], pb.ASSIGNMENT_STATE_ISSUED)
    await office.report(item, [town])
    desk = office.desks["township"].assignments
    issued = await desk.GetItem(api.GetItemRequest(item_id=item))
    with pytest.raises(grpc.aio.AioRpcError):
        await office.report(item, [town])

    async def marks() -> list[bool]:
        spans = await kept(four_tiers, issued.item.trace_id)
        return sorted(one.failed for one in spans if one.name == REPORT)

    async def both() -> bool:
        return len(await marks()) == 2

    await eventually(both, "the spans of both reports")

    assert await marks() == [False, True]


async def kept(line: Running, trace_id: str) -> Sequence[trace.Span]:
    """Return the spans that the receiver has so far."""
    address = line.line.site.otlp_endpoint.removeprefix("http://")
    async with grpc.aio.insecure_channel(address) as channel:
        stub = trace_grpc.TraceServiceStub(channel)
        try:
            answer = await stub.GetTrace(trace.GetTraceRequest(trace_id=trace_id))
        except grpc.aio.AioRpcError as unknown:
            if unknown.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return []
    return answer.spans


def back(spans: Sequence[trace.Span]) -> list[trace.Span]:
    """Return where the province applied what came back."""
    return [one for one in spans if (one.tier, one.name) == ("province", "apply up")]


def roots(spans: Sequence[trace.Span]) -> list[str]:
    """Return the names of the spans that hang under no other."""
    by_id = {span.span_id: span for span in spans}
    return [span.name for span in spans if not ancestor(span, by_id)]


def hops(spans: Sequence[trace.Span], name: str) -> list[str]:
    """Return the tiers with a span of that name."""
    return sorted({span.tier for span in spans if span.name == name})


def ancestor(span: trace.Span, by_id: Mapping[str, trace.Span]) -> trace.Span | None:
    """Return what a span hangs under, if it is there."""
    above = [span.parent_span_id, *span.linked_span_ids]
    return next((by_id[one] for one in above if one in by_id), None)


def origin(span: trace.Span, by_id: Mapping[str, trace.Span]) -> str:
    """Return the name of the span at the top of the way to this one."""
    above = ancestor(span, by_id)
    while above is not None:
        span, above = above, ancestor(above, by_id)
    return span.name
