"""Spans of one node: opened cheaply, exported by OTLP, never in the way of the work.

`start` once, `span` around a batch of work, `stop` at the end. Before `start`, and for
work that nobody asked to see, a span is one shared object that does nothing. Without an
OTLP endpoint the trace context still flows through calls and facts; nothing is exported.
Only attributes of the allow-list leave, and never the text of an exception: both could
carry what a division reported.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Iterable, Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Protocol, Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from tier.runtime.errors import TierError
from tier.runtime.metrics import counter, gauge, histogram
from tier.runtime.span_export import Pipeline
from tier.runtime.trace_rules import (
    AttributeValue,
    TraceParent,
    allowed,
    ancestry,
    is_sampled,
    is_thinned,
    parse,
    render,
    samples_call,
)

__all__ = [
    "ActiveSpan", "Kind", "counter", "current_traceparent", "gauge", "histogram", "span",
    "start", "stop",
]  # fmt: skip

TRACES_COUNTED: Final = 10_000

_dropped = counter(
    "ducha_telemetry_attributes_dropped", "Span attributes not on the allow-list."
)
_recorded = counter(
    "ducha_telemetry_spans_recorded", "Spans that ended and were queued for export."
)
_thinned = counter(
    "ducha_telemetry_spans_thinned",
    "Spans left out: their trace has many of that name.",
)
_ids: Final = RandomIdGenerator()
_current: ContextVar[str] = ContextVar("ducha_traceparent", default="")


class Kind(enum.Enum):
    """What a span does, in the words of OpenTelemetry."""

    INTERNAL = trace.SpanKind.INTERNAL
    SERVER = trace.SpanKind.SERVER
    CLIENT = trace.SpanKind.CLIENT
    PRODUCER = trace.SpanKind.PRODUCER
    CONSUMER = trace.SpanKind.CONSUMER


class ActiveSpan(Protocol):
    """What the holder of a span may do with it."""

    @property
    def recording(self) -> bool:
        """Say whether anything told to it is kept."""

    def set(self, key: str, value: AttributeValue) -> None:
        """Tell an attribute; one that is not on the allow-list is dropped."""

    def link(self, traceparent: str) -> None:
        """Tell of other work that flowed into this one."""

    def fail(self, reason: str, *, error: bool = True) -> None:
        """Tell why it did not succeed; a refusal is no `error`."""

    def __enter__(self) -> Self:
        """Make it the current span."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it; an exception passing through marks it failed."""


class _Unrecorded:
    """A span nobody asked for."""

    __slots__ = ()
    recording = False

    def set(self, key: str, value: AttributeValue) -> None:
        pass

    def link(self, traceparent: str) -> None:
        pass

    def fail(self, reason: str, *, error: bool = True) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass


class _Carried(_Unrecorded):
    """A span that is not recorded, but whose context must reach what it calls."""

    __slots__ = ("_before", "_token", "_traceparent")

    def __init__(self, traceparent: str) -> None:
        self._traceparent = traceparent
        self._before = ""
        self._token: Token[str] | None = None

    def __enter__(self) -> Self:
        self._before = _current.get()
        self._token = _current.set(self._traceparent)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            _leave(self._token, self._before)


class _Recorded(_Carried):
    """A span that will be exported."""

    __slots__ = ("_span",)
    recording = True

    def __init__(self, traceparent: str, span: trace.Span) -> None:
        super().__init__(traceparent)
        self._span = span

    def set(self, key: str, value: AttributeValue) -> None:
        kept, dropped = allowed({key: value})
        if dropped:
            _dropped.add(dropped, {"key": key})
        self._span.set_attributes(kept)

    def link(self, traceparent: str) -> None:
        linked = parse(traceparent)
        if linked is not None:
            self._span.add_link(_context(linked))

    def fail(self, reason: str, *, error: bool = True) -> None:
        self._span.set_attribute("error.type", reason)
        if error:
            self._span.set_status(trace.StatusCode.ERROR)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, TierError):
            self.fail(error.reason)
        elif kind is not None:
            self.fail(kind.__name__)
        super().__exit__(kind, error, traceback)
        self._span.end()
        _recorded.add()


@dataclass(frozen=True, slots=True)
class _Telemetry:
    """What `start` made."""

    pipeline: Pipeline | None
    rpc_ratio: float
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def is_left_out(self, name: str, origin: str) -> bool:
        """Count a span of `name` in its trace, and say whether it is one too many."""
        key = origin[3:35], name  # the trace id
        before = self.counts.get(key, 0)
        if before == 0 and len(self.counts) >= TRACES_COUNTED:
            self.counts.clear()
        self.counts[key] = before + 1
        return is_thinned(before)


_NOTHING: Final = _Unrecorded()
_started: _Telemetry | None = None


def start(
    *, service: str, tier: str, node: str, otlp_endpoint: str, rpc_ratio: float = 0.01
) -> None:
    """Trace from now on, and export to `otlp_endpoint` unless it is empty.

    A collector that is away costs lost spans, which are counted and logged once.
    """
    global _started  # noqa: PLW0603  one process is one node
    stop()
    resource = {"service.name": service, "ducha.tier": tier, "ducha.node": node}
    pipeline = Pipeline(otlp_endpoint, resource) if otlp_endpoint else None
    _started = _Telemetry(pipeline, rpc_ratio)
    gauge("ducha_node_info", "Which node this is.", lambda: [(_labels(resource), 1.0)])


def stop() -> None:
    """Trace no more; spans that wait get a few seconds to leave."""
    global _started
    stopped, _started = _started, None
    if stopped is not None and stopped.pipeline is not None:
        stopped.pipeline.close()


def current_traceparent() -> str:
    """Return the context of the current span, for calls and facts; "" when none."""
    return _current.get()


def span(
    name: str,
    *,
    parent: str = "",
    links: Iterable[str] = (),
    kind: Kind = Kind.INTERNAL,
    attributes: Mapping[str, AttributeValue] | None = None,
) -> ActiveSpan:
    """Open a span, for use with `with`, under `parent`, the current span or a link.

    Nothing is recorded under an unsampled parent, nor without any parent: only calls
    (`Kind.SERVER`, named `package.Service/Method`) begin traces. See `trace_rules`.
    """
    started = _started
    if started is None:
        return _NOTHING
    current = _current.get()
    origin, rest = (
        ancestry(parent, current, links) if links else (parent or current, ())
    )
    if kind is Kind.SERVER:
        method = name.rpartition("/")[2]
        draw = random.random()  # noqa: S311  sampling is no secret
        wanted = samples_call(method, origin, ratio=started.rpc_ratio, draw=draw)
    else:
        wanted = is_sampled(origin)
        if wanted and started.is_left_out(name, origin):
            wanted = False
            _thinned.add()
    if not wanted:
        return _NOTHING if origin == current else _Carried(origin)
    under = parse(origin)
    if under is None and kind is not Kind.SERVER:
        return _NOTHING
    if started.pipeline is None:
        return _Carried(_made_up(under))
    begun = started.pipeline.tracer.start_span(
        name,
        context=_under(under),
        kind=kind.value,
        attributes=_exportable(attributes or {}),
        links=[trace.Link(_context(link)) for link in map(parse, rest) if link],
        record_exception=False,
        set_status_on_exception=False,
    )
    return _Recorded(_traceparent(begun.get_span_context()), begun)


def _exportable(
    attributes: Mapping[str, AttributeValue],
) -> dict[str, AttributeValue]:
    kept, dropped = allowed(attributes)
    if dropped:
        _dropped.add(dropped)
    return kept


def _made_up(under: TraceParent | None) -> str:
    """Return a context for a span that no exporter will see."""
    trace_id = under.trace_id if under else _ids.generate_trace_id()
    return render(TraceParent(trace_id, _ids.generate_span_id(), sampled=True))


def _traceparent(context: trace.SpanContext) -> str:
    return render(TraceParent(context.trace_id, context.span_id, sampled=True))


def _context(parent: TraceParent) -> trace.SpanContext:
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if parent.sampled else 0)
    return trace.SpanContext(
        parent.trace_id, parent.span_id, is_remote=True, trace_flags=flags
    )


def _under(parent: TraceParent | None) -> Context:
    """Return a context of the SDK with this parent, and nothing else."""
    if parent is None:
        return Context()
    return trace.set_span_in_context(
        trace.NonRecordingSpan(_context(parent)), Context()
    )


def _leave(token: Token[str], before: str) -> None:
    try:
        _current.reset(token)
    except ValueError:
        # A stream that its caller abandoned is closed by the event loop, in a context
        # of its own: there is nothing to reset there.
        _current.set(before)


def _labels(resource: Mapping[str, str]) -> dict[str, str]:
    return {key.replace(".", "_"): value for key, value in resource.items()}
