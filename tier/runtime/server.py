"""The gRPC server every tier runs: validation at the door, refusals with their reasons.

Requests are checked against the constraints in the protos (`buf.validate`), so that what
integrators read is what is enforced. A `TierError` leaves as a rich status (AIP-193);
anything else as INTERNAL, logged here and told nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Sequence,
)
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

from tier.runtime import census, failpoints, limits
from tier.runtime.errors import InvalidInput, TierError, Violation
from tier.runtime.limits import Turnstile

LOG = structlog.get_logger(__name__)

DOMAIN = "ducha"
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
VIOLATIONS_SHOWN = 20
FIELDS_BYTES = 3072
TEXT_CHARS = 240
EXPLAINED_BYTES = 4096
"""Of a message up to this all faults are named; of a larger one the first."""
FAILED = "internal error; it was logged"

Handler: TypeAlias = Any  # grpc's method handlers have no public type
Behaviour: TypeAlias = Callable[[Any, Any], Any]
Read: TypeAlias = Callable[[Any, Any, "Visit"], Awaitable[Any]]

OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second server on one port must fail, not share
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    *limits.SERVER_OPTIONS,
)

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    *limits.CLIENT_OPTIONS,
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


class Visit(Protocol):
    """One call of somebody who was recognised."""

    @property
    def who(self) -> str:
        """Whose calls count together; empty where nobody is told apart."""

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

    who = ""

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

    def __init__(
        self, entrance: Entrance | None = None, turnstile: Turnstile | None = None
    ) -> None:
        """Keep the wrapped handlers: one wrap a method, not one a call."""
        self._entrance = entrance or Anybody()
        self._turnstile = turnstile or Turnstile()
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
            stays = handler.request_streaming or handler.response_streaming
            passage = Passage(method, self._entrance, self._turnstile, stays)
            wrapped = self._wrapped[method] = _guard(handler, passage)
        return wrapped


@dataclass(frozen=True, slots=True)
class Passage:
    """The way into one method."""

    method: str
    entrance: Entrance
    turnstile: Turnstile
    stays: bool
    """Whether a call of it is a stream."""

    @contextlib.contextmanager
    def visit(self, context: Any) -> Iterator[Visit]:
        """Let a caller in until the call is over.

        Raises:
            TierError: they are not recognised, have too many calls under way, or were cut.
        """
        visit = self.entrance.enter(self.method, context)
        try:
            peer = context.peer()
            self.turnstile.enter(visit.who, stays=self.stays, peer=peer)
            try:
                yield visit
            except asyncio.CancelledError as end:
                raise _reason(end, visit) from None
            finally:
                self.turnstile.leave(visit.who, stays=self.stays, peer=peer)
        finally:
            visit.leave()


def _guard(handler: Handler, passage: Passage) -> Handler:
    """Wrap the method of `handler`, whatever its kind.

    To grpc every method takes a stream, so that it is the door that reads: a caller is
    recognised and counted before the first message is taken in.
    """
    kind = handler.request_streaming, handler.response_streaming
    names = {
        (False, False): "unary_unary",
        (False, True): "unary_stream",
        (True, False): "stream_unary",
        (True, True): "stream_stream",
    }
    make, wrap = (
        (grpc.stream_stream_rpc_method_handler, _streaming)
        if handler.response_streaming
        else (grpc.stream_unary_rpc_method_handler, _plain)
    )
    read = _each_checked if handler.request_streaming else _checked
    return make(
        wrap(getattr(handler, names[kind]), read, passage),
        request_deserializer=_reader(handler.request_deserializer),
        response_serializer=handler.response_serializer,
    )


class _Unreadable:
    """Stands for bytes that are no message; left to grpc, they would be our failure."""

    def __init__(
        self, problem: str = "its bytes are no message of this method"
    ) -> None:
        self.problem = problem


def _reader(
    deserialize: Callable[[bytes], Message],
) -> Callable[[bytes], Message | _Unreadable]:
    """Read a request, or say why it cannot be read."""
    kind: type[Message] = deserialize.__self__  # type: ignore[attr-defined] # its class
    plan = census.plan(kind.DESCRIPTOR)

    def read(body: bytes) -> Message | _Unreadable:
        try:
            census.check(body, plan)
            return deserialize(body)
        except DecodeError:
            return _Unreadable()
        except census.TooMany as problem:
            return _Unreadable(str(problem))

    return read


def _plain(behaviour: Behaviour, read: Read, passage: Passage) -> Behaviour:
    """Guard a method that answers once."""

    async def method(requests: Any, context: Any) -> Any:
        try:
            with passage.visit(context) as visit:
                request = await read(requests, context, visit)
                answer = await behaviour(request, context)
                limits.expect_taken(context)
                return failpoints.past("answer.before", answer)
        except TierError as refusal:
            await _refuse(context, refusal)
        except grpc.aio.AbortError:
            raise
        except Exception:  # house: excepts - the caller learns nothing of our insides
            LOG.exception("a method failed")
            await context.abort(grpc.StatusCode.INTERNAL, FAILED)

    return method


def _streaming(behaviour: Behaviour, read: Read, passage: Passage) -> Behaviour:
    """Guard a method that answers many times."""

    async def method(requests: Any, context: Any) -> None:
        try:
            with passage.visit(context) as visit:
                request = await read(requests, context, visit)
                async with contextlib.aclosing(behaviour(request, context)) as answers:
                    async for response in answers:
                        await limits.send(context, response)
        except TierError as refusal:
            await _refuse(context, refusal)
        except grpc.aio.AbortError:
            raise
        except Exception:  # house: excepts - the caller learns nothing of our insides
            LOG.exception("a method failed")
            await context.abort(grpc.StatusCode.INTERNAL, FAILED)

    return method


def _reason(end: asyncio.CancelledError, visit: Visit) -> BaseException:
    """Return the refusal that ends a call; a client that hung up is nobody's refusal."""
    cut = visit.refusal()
    task = asyncio.current_task()
    if cut is None or task is None:
        return end
    task.uncancel()
    return cut


async def _refuse(context: Any, refusal: TierError) -> None:
    await context.abort_with_status(rpc_status.to_status(status(refusal)))


async def _checked(_: Any, context: Any, visit: Visit) -> Message:
    """Take in the one message of a call, and check it."""
    request: Any = await limits.received(context)
    if request is grpc.aio.EOF:
        request = _Unreadable("it has no message")
    validate(request)
    await visit.admit(request)
    found: Message = request
    return found


async def _each_checked(requests: Any, _: Any, visit: Visit) -> Any:
    """Return the messages of a stream, each checked as it comes."""

    async def each() -> AsyncIterator[Any]:
        async for request in requests:
            validate(request)
            await visit.admit(request)
            yield request

    return each()


def validate(message: Message | _Unreadable) -> None:
    """Check `message` against the constraints of its proto.

    Raises:
        InvalidInput: with every wrong field, at most 20.
    """
    if isinstance(message, _Unreadable):
        raise InvalidInput(problem=message.problem)
    # The first fault is enough to refuse; all faults of a large message would be more
    # than a machine holds.
    found = protovalidate.collect_violations(message, fail_fast=True)
    if not found:
        return
    if message.ByteSize() <= EXPLAINED_BYTES:
        found = protovalidate.collect_violations(message)
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
