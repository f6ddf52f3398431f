"""Every rpc of the descriptors: a sound request that is about one division, and its handler.

Requests are filled by the constraints of the protos alone, and wherever a field can hold a
division it holds the one that is meant; the table of the policy is not asked.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

import ducha
from buf.validate import validate_pb2

SECONDS = 20.0
DIVISION_NAMES = re.compile(r"(\w+_)?(division|code)")


def rpcs() -> list[Rpc]:
    """Return all rpcs of ours, by name."""
    pool = descriptor_pool.Default()
    found = []
    root = Path(next(iter(ducha.__path__)))
    for path in root.rglob("*_service_pb2.py"):
        name = ".".join(path.relative_to(root.parent).with_suffix("").parts)
        file = pool.FindFileByName(import_module(name).DESCRIPTOR.name)
        for service in file.services_by_name.values():
            found += [Rpc(method) for method in service.methods]
    return sorted(found, key=lambda rpc: rpc.name)


@dataclass(frozen=True, slots=True)
class Rpc:
    """One rpc."""

    method: MethodDescriptor

    @property
    def service(self) -> str:
        return str(self.method.containing_service.full_name)

    @property
    def name(self) -> str:
        return f"{self.service}/{self.method.name}"

    @property
    def verb(self) -> str:
        return str(self.method.name)

    @property
    def changes(self) -> bool:
        """Whether its caller gives a request id, itself or in its batches."""
        sent = self.method.input_type
        batch = sent.fields_by_name.get("batch")
        inner = sent if batch is None else batch.message_type
        return inner is not None and "request_id" in inner.fields_by_name

    def request(self, division: str) -> Message:
        """Return a sound request about a division."""
        made: Message = message_factory.GetMessageClass(self.method.input_type)()
        fill(made, division)
        return made

    async def call(
        self, channel: grpc.aio.Channel, body: bytes, metadata: Any = None
    ) -> bytes:
        """Return the first answer."""
        wire: Any = channel
        path = f"/{self.name}"
        if not (self.method.client_streaming or self.method.server_streaming):
            answer: bytes = await wire.unary_unary(path)(
                body, metadata=metadata, timeout=SECONDS
            )
            return answer
        if self.method.client_streaming:
            call = wire.stream_stream(path)(
                iter([body]), metadata=metadata, timeout=SECONDS
            )
        else:
            call = wire.unary_stream(path)(body, metadata=metadata, timeout=SECONDS)
        try:
            first = await call.read()
        finally:
            call.cancel()
        assert isinstance(first, bytes), first
        return first


def fill(message: Message, division: str) -> None:
    """Set what the constraints demand, and every division."""
    for field in message.DESCRIPTOR.fields:
        rules = field.GetOptions().Extensions[validate_pb2.field]
        if field.is_repeated:
            _fill_many(message, field, rules.repeated, division)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            _fill_one(message, field, division, required=rules.required)
        elif _is_first(field):
            value = _value(field, rules, division)
            if value is not None:
                setattr(message, field.name, value)


def _is_first(field: Any) -> bool:
    """Whether a field stands alone, or first of those of which one is needed."""
    choice = field.containing_oneof
    return choice is None or choice.fields[0].name == field.name


def _fill_many(message: Message, field: Any, rules: Any, division: str) -> None:
    members = getattr(message, field.name)
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        if not field.message_type.full_name.startswith("google."):
            fill(members.add(), division)
        return
    value = _value(field, rules.items, division)
    if value is not None:
        members.append(value)


def _fill_one(message: Message, field: Any, division: str, *, required: bool) -> None:
    inner = getattr(message, field.name)
    if field.message_type.full_name == "google.protobuf.Timestamp":
        inner.seconds = 4_000_000_000
    elif not field.message_type.full_name.startswith("google."):
        inner.SetInParent()
        fill(inner, division)
    elif required or field.containing_oneof is not None:
        inner.seconds = 60  # a duration


def _value(field: Any, rules: Any, division: str) -> Any:
    """Return what a field must hold; None for nothing in particular."""
    if field.type == FieldDescriptor.TYPE_ENUM:
        numbers = {value.number for value in field.enum_type.values} - {0}
        allowed = set(getattr(rules.enum, "in")) or numbers
        return min(allowed - set(rules.enum.not_in))
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b"x" * max(1, rules.bytes.min_len, rules.bytes.len)
    if field.type == FieldDescriptor.TYPE_STRING:
        return _text(field, rules.string, division)
    for kind in ("int32", "int64", "uint32", "uint64"):
        if rules.HasField(kind):
            return max(getattr(rules, kind).gte, 1)
    return None if field.containing_oneof is None else 1


def _text(field: Any, rules: Any, division: str) -> str | None:
    """Return a text: a division wherever one fits."""
    if rules.uuid:
        return str(uuid4())
    tries = (division, "2026-11", "2026-11-01", "ab", "0" * 32, str(uuid4()), "")
    if rules.pattern:
        return next(one for one in tries if re.search(rules.pattern, one))
    if DIVISION_NAMES.fullmatch(field.name) or field.name in {"divisions", "within"}:
        return division
    return "x" * rules.min_len or None


def handlers(
    seen: Iterable[Rpc], admitted: Callable[[str], None]
) -> list[grpc.GenericRpcHandler]:
    """Return handlers that only note what was let in, and answer with nothing."""
    by_service: dict[str, dict[str, Any]] = {}
    for rpc in seen:
        by_service.setdefault(rpc.service, {})[rpc.verb] = _handler(rpc, admitted)
    return [
        grpc.method_handlers_generic_handler(service, methods)
        for service, methods in by_service.items()
    ]


def _handler(rpc: Rpc, admitted: Callable[[str], None]) -> Any:
    sent = message_factory.GetMessageClass(rpc.method.input_type)
    answered = message_factory.GetMessageClass(rpc.method.output_type)

    async def once(request: Message, context: Any) -> Message:
        admitted(rpc.name)
        return answered()

    async def one(request: Message, context: Any) -> AsyncIterator[Message]:
        admitted(rpc.name)
        yield answered()

    async def each(
        requests: AsyncIterator[Message], context: Any
    ) -> AsyncIterator[Message]:
        async for _ in requests:
            admitted(rpc.name)
            yield answered()

    make, behaviour = _shapes(once, one, each)[
        rpc.method.client_streaming, rpc.method.server_streaming
    ]
    return make(
        behaviour,
        request_deserializer=sent.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )


def _shapes(once: Any, one: Any, each: Any) -> Mapping[tuple[bool, bool], Any]:
    return {
        (False, False): (grpc.unary_unary_rpc_method_handler, once),
        (False, True): (grpc.unary_stream_rpc_method_handler, one),
        (True, True): (grpc.stream_stream_rpc_method_handler, each),
    }
