"""The receiver as a process, by its public services."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from opentelemetry.proto.collector.logs.v1 import (
    logs_service_pb2,
    logs_service_pb2_grpc,
)
from opentelemetry.proto.collector.metrics.v1 import (
    metrics_service_pb2,
    metrics_service_pb2_grpc,
)
from opentelemetry.proto.collector.trace.v1 import (
    trace_service_pb2,
    trace_service_pb2_grpc,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from tests.telemetry.receiver import ROOT, SECONDS, Receiver, start_receiver


def stub(made: Any, channel: grpc.Channel) -> Any:
    """Make a stub of generated code that has no types."""
    return made(channel)


def test_it_is_healthy_and_says_what_it_serves(receiver: Receiver) -> None:
    """`buf curl` and load balancers need no proto files."""
    with grpc.insecure_channel(receiver.address) as channel:
        health = stub(health_pb2_grpc.HealthStub, channel)
        state = health.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        reflected = stub(reflection_pb2_grpc.ServerReflectionStub, channel)
        (said,) = reflected.ServerReflectionInfo(iter([ask]), timeout=SECONDS)

    assert state.status == health_pb2.HealthCheckResponse.SERVING
    names = {service.name for service in said.list_services_response.service}
    assert "ducha.trace.v1.TraceService" in names
    assert "opentelemetry.proto.collector.trace.v1.TraceService" in names


def test_metrics_and_logs_are_accepted_and_forgotten(receiver: Receiver) -> None:
    """So that an exporter of all three signals is content."""
    with grpc.insecure_channel(receiver.address) as channel:
        metrics = stub(metrics_service_pb2_grpc.MetricsServiceStub, channel)
        logs = stub(logs_service_pb2_grpc.LogsServiceStub, channel)
        asked = metrics_service_pb2.ExportMetricsServiceRequest()
        said = metrics.Export(asked, timeout=SECONDS)
        heard = logs.Export(
            logs_service_pb2.ExportLogsServiceRequest(), timeout=SECONDS
        )

    assert said == metrics_service_pb2.ExportMetricsServiceResponse()
    assert heard == logs_service_pb2.ExportLogsServiceResponse()


def test_a_broken_span_is_rejected_and_counted(receiver: Receiver) -> None:
    """As OTLP wants it: the rest of the batch is kept."""
    good = Span(trace_id=b"\7" * 16, span_id=b"\7" * 8, name="good")
    spans = [good, Span(trace_id=b"\7" * 16, span_id=b"short")]
    request = trace_service_pb2.ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])]
    )
    with grpc.insecure_channel(receiver.address) as channel:
        traces = stub(trace_service_pb2_grpc.TraceServiceStub, channel)
        answer = traces.Export(request, timeout=SECONDS)

    assert answer.partial_success.rejected_spans == 1
    assert [span.name for span in receiver.trace("07" * 16).spans] == ["good"]


@pytest.mark.parametrize(
    ("trace_id", "code"),
    [
        ("f" * 32, grpc.StatusCode.NOT_FOUND),
        ("", grpc.StatusCode.INVALID_ARGUMENT),
        ("XYZ", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_what_is_not_kept_is_refused(
    receiver: Receiver, trace_id: str, code: grpc.StatusCode
) -> None:
    """Unknown and malformed are told apart."""
    with pytest.raises(grpc.RpcError) as refused:
        receiver.trace(trace_id)

    assert refused.value.code() is code


def test_it_keeps_no_more_than_told() -> None:
    """Memory is bounded whatever comes; SIGTERM ends it with 0."""
    running = start_receiver("--keep", "2")
    spans = [
        Span(trace_id=bytes([n]) * 16, span_id=bytes([n]) * 8) for n in range(1, 5)
    ]
    request = trace_service_pb2.ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])]
    )
    with grpc.insecure_channel(running.address) as channel:
        traces = stub(trace_service_pb2_grpc.TraceServiceStub, channel)
        traces.Export(request, timeout=SECONDS)
    kept = running.trace("04" * 16)
    with pytest.raises(grpc.RpcError):
        running.trace("01" * 16)
    code = running.terminate()
    assert running.process.stderr is not None
    running.process.stderr.close()

    assert kept.dropped_count == 2
    assert code == 0


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "example.org:4317", "127.0.0.1"])
def test_it_listens_to_this_machine_only(listen: str) -> None:
    """It believes what it is sent."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.embedded.otlp", "--listen", listen],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'gen'}"},
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 2
    assert b"127.0.0.1:4317" in done.stderr
