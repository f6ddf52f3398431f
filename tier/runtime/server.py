"""The gRPC server every tier runs: validation at the door, refusals with their reasons.

Requests are checked against the constraints in the protos (`buf.validate`), so that what
integrators read is what is enforced. A `TierError` leaves as a rich status (AIP-193);
anything else as INTERNAL, logged here and told nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import grpc
import protovalidate
import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from tier.runtime import failpoints
from tier.runtime.errors import InvalidInput, TierError, Violation

LOG = structlog.get_logger(__name__)

DOMAIN = "ducha"
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
VIOLATIONS_SHOWN = 20
FIELDS_BYTES = 3072
TEXT_CHARS = 240
FAILED = "internal error; it was logged"

Handler: TypeAlias = Any  # grpc's method handlers have no public type

OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second server on one port must fail, not share
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.max_concurrent_streams", 1000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.server_handshake_timeout_ms", 5_000),
)

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


class Visit(Protocol):
    """One call of somebody who was recognised."""

    async def admit(self, request: Any) -> None:
        """Let one message of the call pass. Raises: TierError."""

    def refusal(self) -> TierError | None:
        """Return why the call was cut from outside, if it was."""

    def leave(self) -> None:
        """The call is over."""


class Entrance(Protocol):
    """Knows who calls, and what they may ask."""

    def enter(self, method: str, context: Any) -> Visit:
        """Recognise who makes a call of a method. Raises: TierError."""


class Anybody:
    """The entrance of a node without walls, on loopback: everybody may do everything."""

    def enter(self, method: str, context: Any) -> Anybody:
        """Let anybody in."""
        return self

    async def admit(self, request: Any) -> None:
        """Let every message pass."""

    def refusal(self) -> None:
        """Nobody is cut."""

    def leave(self) -> None:
        """Nothing is to be done."""


class Door(grpc.aio.ServerInterceptor):
    """Recognise every caller, check every request, turn every refusal into its status."""

    def __init__(self, entrance: Entrance | None = None) -> None:
        """Keep the wrapped handlers: one wrap a method, not one a call."""
        self._entrance = entrance or Anybody()
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Return the guarded method."""
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None or not method.startswith("/ducha."):
                return handler
            passage = Passage(method, self._entrance)
            wrapped = self._wrapped[method] = _guard(handler, passage)
        return wrapped


@dataclass(frozen=True, slots=True)
class Passage:
    """The way into one method."""

    method: str
    entrance: Entrance

    def enter(self, context: Any) -> Visit:
        """Recognise a caller. Raises: TierError."""
        return self.entrance.enter(self.method, context)


def _guard(handler: Handler, passage: Passage) -> Handler:
    """Wrap the method of `handler`, whatever its kind."""
    shape = {
        (False, False): (grpc.unary_unary_rpc_method_handler, "unary_unary", _plain),
        (False, True): (
            grpc.unary_stream_rpc_method_handler,
            "unary_stream",
            _streaming,
        ),
        (True, False): (grpc.stream_unary_rpc_method_handler, "stream_unary", _plain),
        (True, True): (
            grpc.stream_stream_rpc_method_handler,
            "stream_stream",
            _streaming,
        ),
    }
    make, name, wrap = shape[handler.request_streaming, handler.response_streaming]
    return make(
        wrap(getattr(handler, name), passage),
        request_deserializer=_reader(handler.request_deserializer),
        response_serializer=handler.response_serializer,
    )


class _Unreadable:
    """Stands for bytes that are no message; left to grpc, they would be our failure."""


def _reader(
    deserialize: Callable[[bytes], Message],
) -> Callable[[bytes], Message | _Unreadable]:
    """Read a request, or say that it cannot be read."""

    def read(body: bytes) -> Message | _Unreadable:
        try:
            return deserialize(body)
        except DecodeError:
            return _Unreadable()

    return read


def _plain(
    behaviour: Callable[[Any, Any], Any], passage: Passage
) -> Callable[[Any, Any], Any]:
    """Guard a method that answers once."""

    async def method(request: Any, context: Any) -> Any:
        visit: Visit | None = None
        try:
            visit = passage.enter(context)
            answer = await behaviour(await _checked(request, visit), context)
            return failpoints.past("answer.before", answer)
        except (TierError, asyncio.CancelledError) as end:
            await _refuse(context, _reason(end, visit))
        except grpc.aio.AbortError:
            raise
        except Exception:  # house: excepts - the caller learns nothing of our insides
            LOG.exception("a method failed")
            await context.abort(grpc.StatusCode.INTERNAL, FAILED)
        finally:
            if visit is not None:
                visit.leave()

    return method


def _streaming(
    behaviour: Callable[[Any, Any], Any], passage: Passage
) -> Callable[[Any, Any], Any]:
    """Guard a method that answers many times."""

    async def method(request: Any, context: Any) -> Any:
        visit: Visit | None = None
        try:
            visit = passage.enter(context)
            async for response in behaviour(await _checked(request, visit), context):
                yield response
        except (TierError, asyncio.CancelledError) as end:
            await _refuse(context, _reason(end, visit))
        except grpc.aio.AbortError:
            raise
        except Exception:  # house: excepts - the caller learns nothing of our insides
            LOG.exception("a method failed")
            await context.abort(grpc.StatusCode.INTERNAL, FAILED)
        finally:
            if visit is not None:
                visit.leave()

    return method


def _reason(end: BaseException, visit: Visit | None) -> TierError:
    """Return the refusal that ends a call; a client that hung up is nobody's refusal."""
    if isinstance(end, TierError):
        return end
    cut = visit.refusal() if visit is not None else None
    task = asyncio.current_task()
    if cut is None or task is None:
        raise end
    task.uncancel()
    return cut


async def _refuse(context: Any, refusal: TierError) -> None:
    await context.abort_with_status(rpc_status.to_status(status(refusal)))


async def _checked(request: Any, visit: Visit) -> Any:
    """Check a message now, or each message of a stream as it comes."""
    if isinstance(request, Message | _Unreadable):
        validate(request)
        await visit.admit(request)
        return request
    return _each_checked(request, visit)


async def _each_checked(requests: Any, visit: Visit) -> Any:
    async for request in requests:
        validate(request)
        await visit.admit(request)
        yield request


def validate(message: Message | _Unreadable) -> None:
    """Check `message` against the constraints of its proto.

    Raises:
        InvalidInput: with every wrong field, at most 20.
    """
    if isinstance(message, _Unreadable):
        raise InvalidInput(problem="its bytes are no message of this method")
    found = protovalidate.collect_violations(message)
    if not found:
        return
    violations = [
        Violation(_path(violation.proto), violation.proto.message)
        for violation in found[:VIOLATIONS_SHOWN]
    ]
    first = violations[0]
    raise InvalidInput(
        problem=f"{first.field}: {first.description}", violations=violations
    )


def _path(violation: Any) -> str:
    """Write the field of a violation as `reports[3].assignment.division`."""
    parts: list[str] = []
    for element in violation.field.elements if violation.field else ():
        index = getattr(element.subscript, "value", None)
        parts.append(element.field_name + (f"[{index}]" if index is not None else ""))
    return ".".join(parts)


def status(refusal: TierError) -> status_pb2.Status:
    """Write a refusal as `google.rpc.Status`: ErrorInfo, both languages, fields, retry.

    All of it travels as metadata, of which many clients take 8 KB: texts that quote the
    caller are cut, and fields are named while there is room.
    """
    metadata = {key: _cut(value) for key, value in refusal.details.items()}
    message = _cut(str(refusal))
    details: list[Message] = [
        error_details_pb2.ErrorInfo(
            reason=refusal.reason, domain=DOMAIN, metadata=metadata
        ),
        error_details_pb2.LocalizedMessage(
            locale="zh-CN", message=_cut(refusal.in_chinese())
        ),
        error_details_pb2.LocalizedMessage(locale="en", message=message),
    ]
    if refusal.violations:
        details.append(_bad_request(refusal.violations))
    if refusal.retry_after is not None:
        delay = Duration(
            nanos=int(refusal.retry_after % 1 * 1e9), seconds=int(refusal.retry_after)
        )
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        wrapped = AnyMessage()
        wrapped.Pack(detail)
        packed.append(wrapped)
    code: int = refusal.code.value[0]
    return status_pb2.Status(code=code, message=message, details=packed)


def _bad_request(violations: Sequence[Violation]) -> error_details_pb2.BadRequest:
    """Name the wrong fields, as many as there is room for, and always one."""
    bad = error_details_pb2.BadRequest()
    room = FIELDS_BYTES
    for violation in violations:
        field, description = _cut(violation.field), _cut(violation.description)
        room -= len((field + description).encode()) + 8
        if room < 0 and bad.field_violations:
            break
        bad.field_violations.add(field=field, description=description)
    return bad


def _cut(text: str) -> str:
    """Shorten a text that quotes something long."""
    return text if len(text) <= TEXT_CHARS else text[:TEXT_CHARS] + "…"
