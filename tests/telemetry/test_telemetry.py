"""Spans: from a `with` block to a receiver in another process."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from tests.telemetry.receiver import Receiver
from tier.runtime import metrics, telemetry
from tier.runtime.errors import Contended
from tier.runtime.telemetry import Kind, current_traceparent, span

Export = Callable[..., None]
ISSUE = "ducha.assignment.v1.AssignmentService/IssueItem"


def ids(traceparent: str) -> tuple[str, str]:
    _, trace_id, span_id, _ = traceparent.split("-")
    return trace_id, span_id


def fail_within(error: Exception, seen: list[str]) -> None:
    """Raise inside a span, with an attribute off the list; note the trace id."""
    with span(ISSUE, kind=Kind.SERVER) as opened:
        seen.append(ids(current_traceparent())[0])
        opened.set("ducha.title", "canary")
        raise error


def test_nothing_happens_before_start() -> None:
    """A tool that imports a capability need not start telemetry."""
    with span(ISSUE, kind=Kind.SERVER, attributes={"ducha.facts": 1}) as opened:
        opened.set("ducha.targets", 2)
        opened.link("nonsense")
        opened.fail("REFUSED")
        inside = current_traceparent()

    assert inside == ""
    assert not opened.recording


def test_a_tree_with_links_reaches_the_receiver(
    receiver: Receiver, export: Export
) -> None:
    """One tree: the call, a batch under it, and a batch that two items share."""
    export()
    with span(ISSUE, kind=Kind.SERVER, attributes={"ducha.item_id": "i-1"}):
        call = current_traceparent()
        with span("assignment apply", attributes={"ducha.facts": 129}):
            apply = current_traceparent()
    with span(ISSUE, kind=Kind.SERVER):
        other = current_traceparent()
    links = [call, other, call]
    with span("link send", links=links, kind=Kind.PRODUCER) as send:
        send.set("messaging.system", "nats")
        assert ids(current_traceparent())[0] == ids(call)[0]
    telemetry.stop()

    spans = {one.name: one for one in receiver.trace(ids(call)[0]).spans}
    assert spans[ISSUE].parent_span_id == ""
    assert spans[ISSUE].attributes == {"ducha.item_id": "i-1"}
    assert (spans[ISSUE].service, spans[ISSUE].tier) == ("ducha-county", "county")
    assert spans["assignment apply"].parent_span_id == ids(call)[1]
    assert spans["assignment apply"].span_id == ids(apply)[1]
    assert spans["link send"].parent_span_id == ids(call)[1]
    assert spans["link send"].linked_span_ids == [ids(other)[1]]
    assert spans["link send"].attributes == {"messaging.system": "nats"}
    followed = {one.name for one in receiver.trace(ids(other)[0]).spans}
    assert followed == {ISSUE, "link send"}


def test_payloads_never_leave(receiver: Receiver, export: Export) -> None:
    """Neither an attribute off the list nor the text of an exception is exported."""
    export()
    seen: list[str] = []
    with pytest.raises(ValueError, match="canary"):
        fail_within(ValueError("canary"), seen)
    telemetry.stop()

    kept = receiver.trace(seen[0])
    assert kept.spans[0].failed
    assert kept.spans[0].attributes == {"error.type": "ValueError"}
    assert b"canary" not in kept.SerializeToString()
    assert b'{key="ducha.title"}' in metrics.exposition()


def test_a_refusal_shows_its_reason(receiver: Receiver, export: Export) -> None:
    """Operators search by the reason that callers see."""
    export()
    seen: list[str] = []
    with pytest.raises(Contended):
        fail_within(Contended(), seen)
    telemetry.stop()

    assert receiver.trace(seen[0]).spans[0].attributes == {"error.type": "CONTENDED"}


def test_nothing_hangs_under_unsampled_work(export: Export) -> None:
    """The choice made upstream holds for all that follows from it."""
    export(rpc_ratio=0.0)
    unsampled = f"00-{'a' * 32}-{'b' * 16}-00"
    with span(ISSUE, kind=Kind.SERVER):
        with span("apply", parent=unsampled) as apply:
            below = current_traceparent()
            with span("store") as store:
                pass
        after = current_traceparent()

    assert not apply.recording
    assert not store.recording
    assert below == unsampled
    assert after not in {"", unsampled}


def test_background_work_that_nobody_asked_for_is_not_traced(export: Export) -> None:
    """A trace begins with a call, so the collector is not filled by loops."""
    export(rpc_ratio=1.0)
    with span("link poll", links=["", "nonsense"]) as opened:
        inside = current_traceparent()

    assert not opened.recording
    assert inside == ""


def test_reports_one_by_one_do_not_cost_a_span_each(
    receiver: Receiver, export: Export
) -> None:
    """What is left out still hands the item's trace on."""
    export()
    with span(ISSUE, kind=Kind.SERVER):
        item = current_traceparent()
    handed_on = set()
    for _ in range(1_461):
        with span("assignment report", links=[item]):
            handed_on.add(ids(current_traceparent())[0])
    telemetry.stop()

    assert handed_on == {ids(item)[0]}
    assert 128 < len(receiver.trace(ids(item)[0]).spans) < 250


def test_context_flows_without_a_collector() -> None:
    """Facts carry trace ids even at a node that exports nothing."""
    telemetry.start(service="s", tier="city", node="n", otlp_endpoint="")
    try:
        with span(ISSUE, kind=Kind.SERVER) as opened:
            call = current_traceparent()
            with span("apply"):
                below = current_traceparent()
    finally:
        telemetry.stop()

    assert not opened.recording
    assert ids(call)[0] == ids(below)[0]
    assert ids(call)[1] != ids(below)[1]
    assert current_traceparent() == ""


def test_a_collector_that_is_away_hurts_nobody(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Spans are lost and counted, one line is logged, and stopping is quick."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        telemetry.start(service="s", tier="city", node="n", otlp_endpoint=endpoint)
        with capture_logs() as logs:
            for _ in range(1_500):
                with span(ISSUE, kind=Kind.SERVER):
                    pass
            begun = time.monotonic()
            telemetry.stop()
            took = time.monotonic() - begun

    assert took < 6
    assert [line["event"] for line in logs] == ["collector away"]
    assert caplog.records == []
    assert capsys.readouterr().err == ""
    assert b'ducha_telemetry_spans_total{outcome="lost"}' in metrics.exposition()
