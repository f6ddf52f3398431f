"""The spans kept lately: whole traces, oldest out first, and what flowed between them."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2 as otlp

from ducha.trace.v1 import trace_service_pb2 as pb
from tier.runtime.trace_rules import TEXT_KEPT, allowed

NAME_KEPT: Final = 120
LINKS_KEPT: Final = 64
TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Kept:
    """A span as it is kept: where it hangs, and its answer ready to send."""

    trace_id: str
    span_id: str
    parent_span_id: str
    linked_span_ids: tuple[str, ...]
    body: bytes  # a serialized ducha.trace.v1.Span: a fifth of the room of a message


def read(resource: Resource, span: otlp.Span) -> Kept | None:
    """Take what may be kept of a received span; None when its ids are broken.

    The allow-list is applied again: what reaches this port need not be ours.
    """
    if (len(span.trace_id), len(span.span_id)) != (TRACE_ID_BYTES, SPAN_ID_BYTES):
        return None
    place = _texts(resource.attributes)
    links = tuple(link.span_id.hex() for link in span.links[:LINKS_KEPT])
    kept, _ = allowed(_texts(span.attributes))
    shown = pb.Span(
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
        name=span.name[:NAME_KEPT],
        service=place.get("service.name", "")[:TEXT_KEPT],
        tier=place.get("ducha.tier", "")[:TEXT_KEPT],
        start_unix_nanos=_signed(span.start_time_unix_nano),
        end_unix_nanos=_signed(span.end_time_unix_nano),
        failed=span.status.code == otlp.Status.STATUS_CODE_ERROR,
        linked_span_ids=links,
        attributes={key: str(value) for key, value in kept.items()},
    )
    return Kept(
        trace_id=span.trace_id.hex(),
        span_id=shown.span_id,
        parent_span_id=shown.parent_span_id,
        linked_span_ids=links,
        body=shown.SerializeToString(),
    )


def _texts(attributes: Iterable[KeyValue]) -> dict[str, str]:
    return {entry.key: _text(entry.value) for entry in attributes}


def _text(value: AnyValue) -> str:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value":
            return str(value.int_value)
        case "double_value":
            return str(value.double_value)
        case "bool_value":
            return "true" if value.bool_value else "false"
        case _:  # lists and maps are never ours
            return ""


def _signed(nanos: int) -> int:
    """Fit OTLP's unsigned time into the signed one of protobuf clients."""
    return min(nanos, 2**63 - 1)


class Ring:
    """At most `room` spans, in whole traces; the trace begun first goes first."""

    def __init__(self, room: int) -> None:
        """Start empty."""
        self._room = room
        self._held = 0
        self._traces: OrderedDict[str, list[Kept]] = OrderedDict()
        self.dropped = 0

    def __len__(self) -> int:
        return self._held

    def add(self, span: Kept) -> None:
        """Keep a span; a trace that fills the ring alone loses its newest spans."""
        trace = self._traces.setdefault(span.trace_id, [])
        if len(trace) >= self._room:
            self.dropped += 1
            return
        trace.append(span)
        self._held += 1
        while self._held > self._room:
            oldest = next(one for one in self._traces if one != span.trace_id)
            lost = len(self._traces.pop(oldest))
            self._held -= lost
            self.dropped += lost

    def trace(self, trace_id: str) -> list[Kept]:
        """Return the spans of a trace, and those of others that its work flowed into.

        A batch that carries two items hangs in the trace of one and links to the
        other; asked for the other, the batch and all beneath it belong to the answer.
        """
        found = list(self._traces.get(trace_id, ()))
        if not found:
            return []
        below = self._below()
        seen = {span.span_id for span in found}
        waiting = deque(found)
        while waiting:
            for span in below.get(waiting.popleft().span_id, ()):
                if span.span_id not in seen:
                    seen.add(span.span_id)
                    found.append(span)
                    waiting.append(span)
        return found

    def _below(self) -> dict[str, list[Kept]]:
        """Index all spans by what they hang under or link to."""
        below: defaultdict[str, list[Kept]] = defaultdict(list)
        for span in self._all():
            for above in {span.parent_span_id, *span.linked_span_ids} - {""}:
                below[above].append(span)
        return below

    def _all(self) -> Iterator[Kept]:
        for trace in self._traces.values():
            yield from trace
