"""The ring of kept spans: bounded, whole traces, and what flowed between them."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from deploy.embedded.spans import Kept, Ring, read
from ducha.trace.v1 import trace_service_pb2 as pb


def kept(trace: str, span: str, parent: str = "", links: Sequence[str] = ()) -> Kept:
    return Kept(trace, span, parent, tuple(links), b"")


@given(st.lists(st.integers(0, 6), max_size=60), st.integers(1, 12))
def test_the_ring_is_bounded_and_counts_what_it_drops(
    traces: list[int], room: int
) -> None:
    """Nothing is lost uncounted, and no trace older than a kept one is half kept."""
    ring = Ring(room)
    for number, trace in enumerate(traces):
        ring.add(kept(str(trace), str(number)))

    held = sum(len(ring.trace(str(trace))) for trace in range(7))
    assert held == len(ring) <= room
    assert held + ring.dropped == len(traces)


def test_the_oldest_trace_goes_first_and_whole() -> None:
    """Half a waterfall misleads."""
    ring = Ring(4)
    for number, trace in enumerate("aabbc"):
        ring.add(kept(trace, str(number)))

    assert ring.trace("a") == []
    assert len(ring.trace("b")) == 2
    assert len(ring.trace("c")) == 1
    assert ring.dropped == 2


def test_a_trace_shows_the_batch_it_shares_and_all_beneath() -> None:
    """A bundle of two items hangs in one trace and links to the other."""
    ring = Ring(100)
    ring.add(kept("a", "a1"))
    ring.add(kept("b", "b1"))
    ring.add(kept("a", "send", "a1", links=["b1"]))
    ring.add(kept("a", "apply", "send"))
    ring.add(kept("a", "alone", "a1"))

    assert {span.span_id for span in ring.trace("b")} == {"b1", "send", "apply"}
    assert {span.span_id for span in ring.trace("a")} == {
        "a1",
        "send",
        "apply",
        "alone",
    }
    assert ring.trace("c") == []


def attribute(key: str, value: AnyValue) -> KeyValue:
    return KeyValue(key=key, value=value)


def test_a_received_span_is_read_and_sifted() -> None:
    """Whatever exporter sent it, only the allow-list is kept."""
    span = Span(
        trace_id=b"\1" * 16,
        span_id=b"\2" * 8,
        parent_span_id=b"\3" * 8,
        name="n" * 500,
        start_time_unix_nano=5,
        end_time_unix_nano=2**64 - 1,
        status=Status(code=Status.STATUS_CODE_ERROR),
        links=[Span.Link(span_id=b"\4" * 8)],
        attributes=[
            attribute("ducha.facts", AnyValue(int_value=7)),
            attribute("error.type", AnyValue(string_value="X")),
            attribute("rpc.method", AnyValue(bool_value=True)),
            attribute("messaging.x", AnyValue(double_value=0.5)),
            attribute("ducha.title", AnyValue(string_value="canary")),
        ],
    )
    place = Resource(
        attributes=[attribute("ducha.tier", AnyValue(string_value="city"))]
    )
    found = read(place, span)

    assert found is not None
    shown = pb.Span.FromString(found.body)
    assert (found.trace_id, found.span_id) == ("01" * 16, "02" * 8)
    assert shown.parent_span_id == "03" * 8
    assert list(shown.linked_span_ids) == ["04" * 8]
    assert (shown.tier, shown.failed, len(shown.name)) == ("city", True, 120)
    assert shown.attributes == {
        "ducha.facts": "7",
        "error.type": "X",
        "rpc.method": "true",
        "messaging.x": "0.5",
    }
    assert b"canary" not in found.body


def test_a_span_with_broken_ids_is_not_kept() -> None:
    """It could be found by nobody."""
    assert read(Resource(), Span(trace_id=b"\1", span_id=b"\2" * 8)) is None
