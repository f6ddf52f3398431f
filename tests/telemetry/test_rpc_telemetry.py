"""Calls over a real server: what their spans and durations say."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from grpc import aio

from ducha.trace.v1 import trace_service_pb2 as pb
from tests.telemetry.receiver import Receiver
from tier.runtime import metrics, telemetry
from tier.runtime.errors import Contended
from tier.runtime.rpc_telemetry import outgoing, telemetry_interceptor
from tier.runtime.telemetry import Kind, current_traceparent, span

Export = Callable[..., None]
SERVICE = "ducha.probe.v1.ProbeService"
_traces = itertools.count(0xABC0)
_ended_before: dict[str, float] = {}
SPANS = metrics.counter("ducha_telemetry_spans_recorded", "")


async def answer(_: bytes, __: Any) -> bytes:
    return current_traceparent().encode() or b"none"


def contend() -> None:
    raise Contended


async def refuse(_: bytes, context: Any) -> None:
    try:
        contend()
    except Contended as refusal:
        await context.abort(refusal.code, "again")


async def set_code(_: bytes, context: Any) -> bytes:
    context.set_code(grpc.StatusCode.NOT_FOUND)
    return b""


async def hang(_: bytes, __: Any) -> None:
    await asyncio.sleep(30)


async def many(_: bytes, __: Any) -> AsyncIterator[bytes]:
    for _turn in range(3):
        yield current_traceparent().encode()


async def write_many(_: bytes, context: Any) -> None:
    for _turn in range(3):
        await context.write(current_traceparent().encode())


async def break_off(_: bytes, context: Any) -> AsyncIterator[bytes]:
    yield b"1"
    await context.abort(grpc.StatusCode.INTERNAL, "broken")


async def forever(_: bytes, __: Any) -> AsyncIterator[bytes]:
    while True:
        yield b"1"
        await asyncio.sleep(0.01)


async def gather(requests: AsyncIterator[bytes], __: Any) -> bytes:
    return str(len([one async for one in requests])).encode()


async def echo(requests: AsyncIterator[bytes], __: Any) -> AsyncIterator[bytes]:
    async for one in requests:
        yield one


HANDLERS: dict[str, Any] = {
    "Answer": grpc.unary_unary_rpc_method_handler(answer),
    "IssueItem": grpc.unary_unary_rpc_method_handler(answer),
    "Refuse": grpc.unary_unary_rpc_method_handler(refuse),
    "SetCode": grpc.unary_unary_rpc_method_handler(set_code),
    "Hang": grpc.unary_unary_rpc_method_handler(hang),
    "Many": grpc.unary_stream_rpc_method_handler(many),
    "WriteMany": grpc.unary_stream_rpc_method_handler(write_many),
    "BreakOff": grpc.unary_stream_rpc_method_handler(break_off),
    "Forever": grpc.unary_stream_rpc_method_handler(forever),
    "Gather": grpc.stream_unary_rpc_method_handler(gather),
    "Echo": grpc.stream_stream_rpc_method_handler(echo),
}


@pytest.fixture
async def channel() -> AsyncIterator[Any]:
    """A channel to a server with the interceptor."""
    server = aio.server(interceptors=[telemetry_interceptor()])
    handler = grpc.method_handlers_generic_handler(SERVICE, HANDLERS)
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with aio.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened
    await server.stop(0)


@pytest.fixture
def trace_id() -> str:
    made = f"{next(_traces):032x}"
    _ended_before[made] = SPANS.value()
    return made


def sampled(trace_id: str) -> tuple[tuple[str, str], ...]:
    return (("traceparent", f"00-{trace_id}-{'c' * 16}-01"),)


async def only_span(receiver: Receiver, trace_id: str) -> pb.Span:
    """Return the call's span, once it ended: the caller may have its answer before that."""
    async with asyncio.timeout(10):
        while SPANS.value() == _ended_before[trace_id]:
            await asyncio.sleep(0.005)
    telemetry.stop()
    (found,) = receiver.trace(trace_id).spans
    return found


async def requests() -> AsyncIterator[bytes]:
    for _ in range(4):
        yield b"x"


async def test_a_call_hangs_under_its_caller(
    channel: Any, receiver: Receiver, export: Export, trace_id: str
) -> None:
    """The caller's trace goes on in the handler and names the method in full."""
    export()
    inside = await channel.unary_unary(f"/{SERVICE}/Answer")(
        b"", metadata=sampled(trace_id)
    )

    found = await only_span(receiver, trace_id)
    assert inside.decode() == f"00-{trace_id}-{found.span_id}-01"
    assert found.name == f"{SERVICE}/Answer"
    assert found.parent_span_id == "c" * 16
    assert not found.failed
    assert found.attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": f"{SERVICE}/Answer",
        "rpc.response.status_code": "OK",
    }


async def test_a_refusal_is_no_fault_and_says_why(
    channel: Any, receiver: Receiver, export: Export, trace_id: str
) -> None:
    """The status of an abort is the one the caller got; the reason stands beside it."""
    export()
    with pytest.raises(aio.AioRpcError):
        await channel.unary_unary(f"/{SERVICE}/Refuse")(b"", metadata=sampled(trace_id))

    found = await only_span(receiver, trace_id)
    assert not found.failed
    assert found.attributes["rpc.response.status_code"] == "ABORTED"
    assert found.attributes["error.type"] == "CONTENDED"


async def test_a_code_set_by_hand_is_seen(
    channel: Any, receiver: Receiver, export: Export, trace_id: str
) -> None:
    """gRPC has two ways to refuse."""
    export()
    with pytest.raises(aio.AioRpcError):
        await channel.unary_unary(f"/{SERVICE}/SetCode")(
            b"", metadata=sampled(trace_id)
        )

    found = await only_span(receiver, trace_id)
    assert found.attributes["rpc.response.status_code"] == "NOT_FOUND"


async def test_a_deadline_is_a_fault(
    channel: Any, receiver: Receiver, export: Export, trace_id: str
) -> None:
    """The handler was cancelled, but what the caller saw is DEADLINE_EXCEEDED."""
    export()
    with pytest.raises(aio.AioRpcError):
        await channel.unary_unary(f"/{SERVICE}/Hang")(
            b"", timeout=0.2, metadata=sampled(trace_id)
        )
    await asyncio.sleep(0.2)

    found = await only_span(receiver, trace_id)
    assert found.failed
    assert found.attributes["rpc.response.status_code"] == "DEADLINE_EXCEEDED"


async def test_a_caller_that_leaves_is_cancelled(
    channel: Any, receiver: Receiver, export: Export, trace_id: str
) -> None:
    """A watcher closes its stream: no fault of ours."""
    export()
    call = channel.unary_stream(f"/{SERVICE}/Forever")(b"", metadata=sampled(trace_id))
    await call.read()
    call.cancel()
    await asyncio.sleep(0.2)

    found = await only_span(receiver, trace_id)
    assert not found.failed
    assert found.attributes["rpc.response.status_code"] == "CANCELLED"


@pytest.mark.parametrize("method", ["Many", "WriteMany"])
async def test_a_stream_is_one_span(
    channel: Any,
    receiver: Receiver,
    export: Export,
    trace_id: str,
    method: str,
) -> None:
    """Both manners of streaming, and the context is there for every answer."""
    export()
    call = channel.unary_stream(f"/{SERVICE}/{method}")(b"", metadata=sampled(trace_id))
    inside = {one async for one in call}

    found = await only_span(receiver, trace_id)
    assert inside == {f"00-{trace_id}-{found.span_id}-01".encode()}
    assert found.attributes["rpc.response.status_code"] == "OK"


async def test_a_stream_that_breaks_off_is_a_fault(
    channel: Any, receiver: Receiver, export: Export, trace_id: str
) -> None:
    """Also after some answers."""
    export()
    call = channel.unary_stream(f"/{SERVICE}/BreakOff")(b"", metadata=sampled(trace_id))
    with pytest.raises(aio.AioRpcError):
        _ = [one async for one in call]

    found = await only_span(receiver, trace_id)
    assert found.failed
    assert found.attributes["rpc.response.status_code"] == "INTERNAL"


async def test_streams_of_requests_are_traced(
    channel: Any, receiver: Receiver, export: Export, trace_id: str
) -> None:
    """Client streaming and both ways."""
    export()
    metadata = sampled(trace_id)
    many = await channel.stream_unary(f"/{SERVICE}/Gather")(
        requests(), metadata=metadata
    )
    call = channel.stream_stream(f"/{SERVICE}/Echo")(requests(), metadata=metadata)
    answers = [one async for one in call]
    telemetry.stop()

    assert (many, len(answers)) == (b"4", 4)
    names = {one.name for one in receiver.trace(trace_id).spans}
    assert names == {f"{SERVICE}/Gather", f"{SERVICE}/Echo"}


async def test_only_what_starts_an_item_is_traced_unasked(
    channel: Any, export: Export
) -> None:
    """Hot calls stay cheap; an item always has its trace."""
    export(rpc_ratio=0.0)

    assert await channel.unary_unary(f"/{SERVICE}/Answer")(b"") == b"none"
    assert (await channel.unary_unary(f"/{SERVICE}/IssueItem")(b"")).startswith(b"00-")
    export(rpc_ratio=1.0)
    assert (await channel.unary_unary(f"/{SERVICE}/Answer")(b"")).startswith(b"00-")


async def test_a_broken_traceparent_costs_only_the_trace(
    channel: Any, export: Export
) -> None:
    """The call itself goes on."""
    export()
    metadata = (("traceparent", "not one"),)

    answered = await channel.unary_unary(f"/{SERVICE}/Answer")(b"", metadata=metadata)
    assert answered in {b"none", b"not one"}


async def test_context_goes_out_with_a_call(channel: Any, export: Export) -> None:
    """What a node asks of its parent node stays in the trace."""
    export()
    with span("x/IssueItem", kind=Kind.SERVER):
        here = current_traceparent()
        sent = outgoing((("k", "v"),))
        inside = await channel.unary_unary(f"/{SERVICE}/Answer")(b"", metadata=sent)

    assert sent == (("k", "v"), ("traceparent", here))
    assert inside.decode()[:36] == here[:36]
    assert outgoing() == ()


async def test_every_call_is_timed(channel: Any) -> None:
    """By method and status, traced or not; unknown methods make no series."""
    await channel.unary_unary(f"/{SERVICE}/Answer")(b"")
    with pytest.raises(aio.AioRpcError):
        await channel.unary_unary(f"/{SERVICE}/Refuse")(b"")
    with pytest.raises(aio.AioRpcError):
        await channel.unary_unary(f"/{SERVICE}/NoSuch")(b"")

    shown = metrics.exposition().decode()
    series = "rpc_server_call_duration_seconds_count"
    for method, code in (("Answer", "OK"), ("Refuse", "ABORTED")):
        labels = f'rpc_method="{SERVICE}/{method}",rpc_response_status_code="{code}"'
        assert f"{series}{{{labels}}}" in shown
    assert "NoSuch" not in shown
