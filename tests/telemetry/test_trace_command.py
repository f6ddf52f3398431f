"""`ducha trace` against a real receiver, and a node that knows the item."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from rich.console import Console

from clients.cli.session import Choices, Session
from clients.cli.trace import receiver_address, trace
from clients.cli.trace_view import bar
from clients.cli.waterfall import Row, Span
from clients.cli.words import Language, UsageProblem
from clients.runtime import ClientError, Refused
from clients.runtime.errors import EndpointsUnusable
from ducha.assignment.v1 import assignment_pb2, assignment_service_pb2
from ducha.assignment.v1.assignment_service_pb2_grpc import (
    AssignmentServiceServicer,
    add_AssignmentServiceServicer_to_server,
)
from tests.telemetry.receiver import Receiver
from tier.runtime import telemetry
from tier.runtime.telemetry import Kind, current_traceparent, span

ITEM = "0190f5a8-0000-7000-8000-000000000001"
UNTRACED = "0190f5a8-0000-7000-8000-000000000002"


class Node(AssignmentServiceServicer):
    """Stands in for a node: only GetItem is asked of it."""

    def __init__(self, traces: dict[str, str]) -> None:
        self.traces = traces

    async def GetItem(self, request: Any, context: Any) -> Any:
        """Answer with the trace id alone."""
        if request.item_id not in self.traces:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such item")
        item = assignment_pb2.Item(trace_id=self.traces[request.item_id])
        return assignment_service_pb2.GetItemResponse(item=item)


Start = Callable[[dict[str, str]], Any]


@pytest.fixture
async def start_node() -> AsyncIterator[Start]:
    """Start nodes that know the traces of some items."""
    async with AsyncExitStack() as stack:

        async def start(traces: dict[str, str]) -> str:
            server = grpc.aio.server()
            node = Node(traces)  # type: ignore[abstract]
            add_AssignmentServiceServicer_to_server(node, server)
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            stack.push_async_callback(server.stop, 0)
            return f"127.0.0.1:{port}"

        yield start


def write_endpoints(data: Path, receiver: str, **nodes: str) -> None:
    tiers = {
        tier: [{"node": tier, "hosts": ["53"], "grpc": address}]
        for tier, address in nodes.items()
    }
    content = {"root": "53", "tiers": tiers, "otlp": {"endpoint": receiver}}
    (data / "endpoints.json").write_text(json.dumps(content))


def session(data: Path, stack: AsyncExitStack, **choices: Any) -> Session:
    out = Console(file=io.StringIO(), width=160, highlight=False)
    return Session(Choices(data=data, **choices), stack, out)


async def shown(data: Path, which: str, **choices: Any) -> str:
    async with AsyncExitStack() as stack:
        run = session(data, stack, **choices)
        await trace(run, which)
        written = run.out.file
    assert isinstance(written, io.StringIO)
    return written.getvalue()


@pytest.fixture
def issued(receiver: Receiver) -> str:
    """Four tiers export one item's trace; returns its id."""
    parent = ""
    for tier in ("province", "city", "county", "township"):
        telemetry.start(
            service=f"ducha-{tier}",
            tier=tier,
            node=tier,
            otlp_endpoint=receiver.endpoint,
        )
        name = f"ducha.assignment.v1.AssignmentService/{'IssueItem' if not parent else tier}"
        kind = Kind.SERVER if not parent else Kind.CONSUMER
        with span(name, parent=parent, kind=kind):
            parent = current_traceparent()
            for _ in range(8 if tier == "township" else 1):
                with span("assignment apply", attributes={"ducha.facts": 1}):
                    pass
        telemetry.stop()
    return parent.split("-")[1]


async def test_an_item_is_drawn_over_four_tiers(
    receiver: Receiver, issued: str, start_node: Start, tmp_path: Path
) -> None:
    """The first node that knows the item names its trace; a fan-out is one row."""
    write_endpoints(
        tmp_path,
        receiver.endpoint,
        province=await start_node({}),
        city=await start_node({ITEM: issued}),
    )
    text = await shown(tmp_path, ITEM)

    for word in ("province", "city", "county", "township", "IssueItem", "x8 slowest"):
        assert word in text
    assert issued in text
    assert "critical path" in text
    assert "●" in text
    assert "━" in text


async def test_a_chinese_user_reads_chinese(
    receiver: Receiver, issued: str, tmp_path: Path
) -> None:
    """The heading, the tiers and the sum."""
    write_endpoints(tmp_path, receiver.endpoint)
    text = await shown(tmp_path, issued, lang=Language.ZH)

    for word in ("层级", "耗时", "关键路径", "省", "最慢"):
        assert word in text


async def test_programs_get_one_json_object(
    receiver: Receiver, issued: str, tmp_path: Path
) -> None:
    """All spans, not the collapsed rows."""
    write_endpoints(tmp_path, receiver.endpoint)
    content = json.loads(await shown(tmp_path, issued, as_json=True))

    assert content["trace_id"] == issued
    assert len(content["spans"]) == 4 + 3 + 8
    assert {one["tier"] for one in content["spans"]} == {
        "province", "city", "county", "township",
    }  # fmt: skip
    assert content["critical_path"][-1]["end_ms"] == pytest.approx(
        content["duration_ms"]
    )


async def test_what_cannot_be_found_is_said(
    receiver: Receiver, start_node: Start, tmp_path: Path
) -> None:
    """Neither form, an unknown item, an item without a trace, a trace not kept."""
    node = await start_node({UNTRACED: ""})
    write_endpoints(tmp_path, receiver.endpoint, province=node)

    with pytest.raises(UsageProblem, match="neither"):
        await shown(tmp_path, "53")
    with pytest.raises(Refused, match="no such item"):
        await shown(tmp_path, ITEM)
    with pytest.raises(ClientError, match="has no trace"):
        await shown(tmp_path, UNTRACED)
    with pytest.raises(Refused, match="is kept") as unknown:
        await shown(tmp_path, "e" * 32)
    assert unknown.value.reason == "TRACE_UNKNOWN"
    assert "采集器" in unknown.value.chinese


async def test_another_collector_is_named(start_node: Start, tmp_path: Path) -> None:
    """Only the receiver of `ducha up` can be asked; others have screens of their own."""
    write_endpoints(tmp_path, f"http://{await start_node({})}")

    with pytest.raises(ClientError, match="look for trace"):
        await shown(tmp_path, "e" * 32)


def test_the_receiver_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the list of `ducha up`, or by hand; else it is said what to do."""
    with pytest.raises(EndpointsUnusable, match="ducha up"):
        receiver_address(tmp_path)
    write_endpoints(tmp_path, "http://127.0.0.1:1")
    assert receiver_address(tmp_path) == "127.0.0.1:1"
    monkeypatch.setenv("DUCHA_OTLP_ENDPOINT", "http://127.0.0.1:2/")
    assert receiver_address(tmp_path) == "127.0.0.1:2"


def test_a_bar_stays_in_its_place() -> None:
    """Also for a span of no length at the very end."""
    for start, end in ((0, 1000), (0, 0), (1000, 1000), (999, 1000), (250, 500)):
        one = Span("a", "", "n", "s", "city", start, end)
        two = Span("b", "", "n", "s", "city", 0, 1)
        for row in (Row((one,), 0), Row((one, two), 0)):
            drawn = bar(row, (0, 1000), 40)
            assert 0 < len(drawn.strip()) <= len(drawn) <= 40
    whole = bar(Row((Span("a", "", "n", "s", "city", 250, 500),), 0), (0, 1000), 40)
    assert whole == " " * 10 + "━" * 10
