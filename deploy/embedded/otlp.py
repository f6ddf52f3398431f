"""A small OTLP receiver: `python -m deploy.embedded.otlp --listen 127.0.0.1:4317`.

It takes what the nodes export, keeps the spans of lately in memory, and answers
`ducha trace`. No disk, no search: for more, point the nodes at a collector instead.
Metrics and logs are accepted and forgotten, so that any exporter is content.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from ipaddress import ip_address
from typing import Any, Final

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection
from opentelemetry.proto.collector.logs.v1 import (
    logs_service_pb2 as logs_pb,
)
from opentelemetry.proto.collector.logs.v1 import (
    logs_service_pb2_grpc as logs_grpc,
)
from opentelemetry.proto.collector.metrics.v1 import (
    metrics_service_pb2 as metrics_pb,
)
from opentelemetry.proto.collector.metrics.v1 import (
    metrics_service_pb2_grpc as metrics_grpc,
)
from opentelemetry.proto.collector.trace.v1 import (
    trace_service_pb2 as trace_pb,
)
from opentelemetry.proto.collector.trace.v1 import (
    trace_service_pb2_grpc as trace_grpc,
)

from deploy.embedded.errors import DeploymentRefused
from deploy.embedded.spans import Ring, read
from ducha.trace.v1 import trace_service_pb2 as pb
from ducha.trace.v1 import trace_service_pb2_grpc as pb_grpc
from tier.runtime import logs
from tier.runtime.errors import TierError
from tier.runtime.server import OPTIONS, Door

KEEP: Final = 50_000
MOST_CALLS: Final = 64
GRACE_SECONDS: Final = 1.0

_log = structlog.get_logger(__name__)


class TraceUnknown(TierError):
    """Wait a second for the exporters, or ask the collector that the nodes export to."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "TRACE_UNKNOWN"
    en = "no span of trace {trace_id} is kept; wait a second, or use your collector"
    zh = "没有链路 {trace_id} 的记录；请稍候一秒再查，或到所用的采集器中查询"


class NotLoopback(DeploymentRefused):
    """The receiver believes whatever it is sent, so only this machine may send."""

    def __init__(self, listen: str) -> None:
        """Name the address."""
        super().__init__(
            f"{listen} is not a loopback address with a port.",
            remedy="Use --listen 127.0.0.1:4317, or a collector of your own.",
        )


class _Spans(trace_grpc.TraceServiceServicer):
    """Takes spans in."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    async def Export(
        self, request: trace_pb.ExportTraceServiceRequest, context: object
    ) -> trace_pb.ExportTraceServiceResponse:
        rejected = 0
        for group in request.resource_spans:
            for scope in group.scope_spans:
                for span in scope.spans:
                    kept = read(group.resource, span)
                    if kept is None:
                        rejected += 1
                    else:
                        self._ring.add(kept)
        response = trace_pb.ExportTraceServiceResponse()
        if rejected:
            response.partial_success.rejected_spans = rejected
            response.partial_success.error_message = "trace_id or span_id is broken"
        return response


class _Metrics(metrics_grpc.MetricsServiceServicer):
    """Accepts metrics and forgets them: they are read at /metrics."""

    async def Export(
        self, request: metrics_pb.ExportMetricsServiceRequest, context: object
    ) -> metrics_pb.ExportMetricsServiceResponse:
        return metrics_pb.ExportMetricsServiceResponse()


class _Logs(logs_grpc.LogsServiceServicer):
    """Accepts log records and forgets them: they are on standard error."""

    async def Export(
        self, request: logs_pb.ExportLogsServiceRequest, context: object
    ) -> logs_pb.ExportLogsServiceResponse:
        return logs_pb.ExportLogsServiceResponse()


class _Traces(pb_grpc.TraceServiceServicer):
    """Shows what is kept."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    async def GetTrace(
        self, request: pb.GetTraceRequest, context: object
    ) -> pb.GetTraceResponse:
        kept = self._ring.trace(request.trace_id)
        if not kept:
            raise TraceUnknown(trace_id=request.trace_id)
        spans = sorted(
            (pb.Span.FromString(span.body) for span in kept),
            key=lambda span: (span.start_unix_nanos, span.span_id),
        )
        return pb.GetTraceResponse(spans=spans, dropped_count=self._ring.dropped)


async def start(listen: str, keep: int = KEEP) -> tuple[grpc.aio.Server, int]:
    """Start the receiver and return it with its port.

    Raises:
        NotLoopback: `listen` could be reached from elsewhere.
        RuntimeError: the port is taken.
    """
    _assert_loopback(listen)
    server = grpc.aio.server(
        interceptors=[Door()], options=OPTIONS, maximum_concurrent_rpcs=MOST_CALLS
    )
    _add_services(server, Ring(keep))
    await _add_health(server)
    port = server.add_insecure_port(listen)
    await server.start()
    return server, port


def _add_services(server: grpc.aio.Server, ring: Ring) -> None:
    """Add what takes spans in and what shows them."""
    services: tuple[tuple[Any, object], ...] = (  # the OTLP ones come without types
        (trace_grpc.add_TraceServiceServicer_to_server, _Spans(ring)),
        (metrics_grpc.add_MetricsServiceServicer_to_server, _Metrics()),
        (logs_grpc.add_LogsServiceServicer_to_server, _Logs()),
        (pb_grpc.add_TraceServiceServicer_to_server, _Traces(ring)),
    )
    for add, servicer in services:
        add(servicer, server)


async def _add_health(server: grpc.aio.Server) -> None:
    """Add health and reflection."""
    served = health.HealthServicer()
    await served.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(served, server)
    shown = (
        pb.DESCRIPTOR.services_by_name["TraceService"],
        trace_pb.DESCRIPTOR.services_by_name["TraceService"],
        health_pb2.DESCRIPTOR.services_by_name["Health"],
    )
    reflection.enable_server_reflection(
        [*(one.full_name for one in shown), reflection.SERVICE_NAME], server
    )


def _assert_loopback(listen: str) -> None:
    host, _, port = listen.rpartition(":")
    try:
        loopback = ip_address(host.strip("[]")).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback or not port.isdecimal():
        raise NotLoopback(listen)


async def run(listen: str, keep: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wanted, stop.set)
    server, port = await start(listen, keep)
    _log.info("listening on loopback only", port=port, keep=keep)
    await stop.wait()
    await server.stop(GRACE_SECONDS)


def main() -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded.otlp")
    parser.add_argument("--listen", default="127.0.0.1:4317", metavar="HOST:PORT")
    parser.add_argument("--keep", type=int, default=KEEP, metavar="SPANS")
    given = parser.parse_args()
    if given.keep < 1:
        parser.error("--keep must be 1 or more")
    logs.configure("info", node="otlp", tier="")
    try:
        asyncio.run(run(given.listen, given.keep))
    except (DeploymentRefused, RuntimeError) as refused:
        _log.error("not started", problem=str(refused))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
