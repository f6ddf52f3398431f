"""The way of finished spans out of the process: bounded, quiet, never waited for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from tier.runtime.metrics import counter
from tier.runtime.trace_rules import LINKS_KEPT, TEXT_KEPT

SPANS_WAITING: Final = 4_096
SPANS_A_BATCH: Final = 512
EXPORT_EVERY_MS: Final = 1_000
EXPORT_SECONDS: Final = 2.0
CLOSE_SECONDS: Final = 3.0

# They log every failed batch, in words; `_Quietly` says it once and counts.
_CHATTY: Final = (
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
    "opentelemetry.sdk._shared_internal",
)

_log = structlog.get_logger(__name__)
_spans = counter("ducha_telemetry_spans", "Finished spans, by what became of them.")


class _Quietly(SpanExporter):
    """An exporter that says once that the collector is away, and once that it is back."""

    def __init__(self, inner: SpanExporter, endpoint: str) -> None:
        self._inner, self._endpoint = inner, endpoint
        self._away = False
        self._close_by = float("inf")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if time.monotonic() >= self._close_by:
            _spans.add(len(spans), {"outcome": "lost"})
            return SpanExportResult.FAILURE
        result = self._inner.export(spans)
        away = result is not SpanExportResult.SUCCESS
        _spans.add(len(spans), {"outcome": "lost" if away else "exported"})
        if away is not self._away:
            self._away = away
            _log.warning(
                "collector away" if away else "collector back", to=self._endpoint
            )
        if away and self._close_by != float("inf"):
            self._close_by = 0.0
        return result

    def close_by(self, when: float) -> None:
        """Refuse batches from then on, and after the first that fails."""
        self._close_by = when

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


class Pipeline:
    """A tracer and its exporter; at most `SPANS_WAITING` spans wait, the newest stay."""

    def __init__(self, endpoint: str, resource: Mapping[str, str]) -> None:
        """Export to the OTLP gRPC `endpoint`; it need not be there yet."""
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        inner = OTLPSpanExporter(
            endpoint=endpoint,
            timeout=EXPORT_SECONDS,
            channel_options=_channel_options(endpoint),
        )
        self._exporter = _Quietly(inner, endpoint)
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,  # `trace_rules` decided before
            resource=Resource(dict(resource)),
            shutdown_on_exit=False,
            span_limits=SpanLimits(
                max_links=LINKS_KEPT, max_span_attribute_length=TEXT_KEPT
            ),
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                self._exporter,
                max_queue_size=SPANS_WAITING,
                max_export_batch_size=SPANS_A_BATCH,
                schedule_delay_millis=EXPORT_EVERY_MS,
            )
        )
        self.tracer = self._provider.get_tracer("ducha")

    def close(self) -> None:
        """Export what waits, for at most a few seconds, and stop."""
        self._exporter.close_by(time.monotonic() + CLOSE_SECONDS)
        # The SDK waits half a minute for its thread; a node that drains will not.
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS + EXPORT_SECONDS)


def _channel_options(endpoint: str) -> Any:
    """Keep a collector on this machine out of reach of proxy settings.

    Any, because the exporter asks for a text and gRPC refuses all but a number.
    """
    host = urlsplit(endpoint).hostname or ""
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    return (("grpc.enable_http_proxy", 0),) if loopback else None
