"""Spans and durations of gRPC calls, by the stable RPC conventions of OpenTelemetry.

Put `telemetry_interceptor()` first in the server's list: what the others refuse must be
seen too. A call that nobody traces costs a histogram cell and a look at its metadata.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, TypeAlias

import grpc
from grpc import aio

from tier.runtime.errors import TierError
from tier.runtime.telemetry import (
    Kind,
    current_traceparent,
    histogram,
    span,
)

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context: TypeAlias = Any  # the stubs of aio.ServicerContext promise other codes
Metadata: TypeAlias = tuple[tuple[str, str | bytes], ...]

TRACEPARENT: Final = "traceparent"

# The conventions: on a server, a code that blames the caller is no error of the span.
FAULTS: Final = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}

_durations = histogram(
    "rpc_server_call_duration", "How long calls took, by method and status.", "seconds"
)


def outgoing(metadata: Metadata = ()) -> Metadata:
    """Return the metadata for a call that belongs to the current span."""
    traceparent = current_traceparent()
    return (*metadata, (TRACEPARENT, traceparent)) if traceparent else metadata


def telemetry_interceptor() -> aio.ServerInterceptor:
    """Return the interceptor that traces and times every call of a server."""
    return _TelemetryInterceptor()


class _TelemetryInterceptor(aio.ServerInterceptor):
    def __init__(self) -> None:
        self._wrapped: dict[str, tuple[Any, Handler]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None:  # no such method: gRPC answers UNIMPLEMENTED itself
            return None
        method = handler_call_details.method
        # One wrap a method, as long as the interceptors behind give the same handler.
        inner, wrapped = self._wrapped.get(method, (None, None))
        if wrapped is None or inner is not handler:
            wrap = _streaming if handler.response_streaming else _answering
            wrapped = wrap(handler, method.lstrip("/"))
            self._wrapped[method] = handler, wrapped
        return wrapped


class _Call:
    """One call on the server, from its start to its status."""

    __slots__ = ("_begun", "_context", "_method", "_span")

    def __init__(self, method: str, context: Context) -> None:
        self._method, self._context = method, context
        self._begun = time.perf_counter()
        self._span = span(
            method,
            parent=_caller(context.invocation_metadata()),
            kind=Kind.SERVER,
            attributes={"rpc.system.name": "grpc", "rpc.method": method},
        )

    def __enter__(self) -> None:
        self._span.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Record how the call ended, and end its span."""
        code = _status(self._context, error)
        took = time.perf_counter() - self._begun
        _durations.record_under(_labels(self._method, code), took)
        if self._span.recording:
            self._span.set("rpc.response.status_code", code.name)
            if code is not grpc.StatusCode.OK:
                reason = _reason(error) or code.name
                self._span.fail(reason, error=code in FAULTS)
        # Not the exception: the status above says all that may be said.
        self._span.__exit__(None, None, None)


def _answering(handler: Any, method: str) -> Handler:
    """Wrap a handler that gives one answer."""
    inner = handler.stream_unary if handler.request_streaming else handler.unary_unary

    async def answer(request: Any, context: Any) -> Any:
        with _Call(method, context):
            return await inner(request, context)

    make: Any = (
        grpc.stream_unary_rpc_method_handler
        if handler.request_streaming
        else grpc.unary_unary_rpc_method_handler
    )
    made: Handler = make(
        answer, handler.request_deserializer, handler.response_serializer
    )
    return made


def _streaming(handler: Any, method: str) -> Handler:
    """Wrap a handler that gives many answers, by `yield` or by `context.write`."""
    inner = handler.stream_stream if handler.request_streaming else handler.unary_stream

    async def answers(request: Any, context: Any) -> AsyncIterator[Any]:
        with _Call(method, context):
            async for answer in inner(request, context):
                yield answer

    async def writes(request: Any, context: Any) -> None:
        with _Call(method, context):
            await inner(request, context)

    make: Any = (
        grpc.stream_stream_rpc_method_handler
        if handler.request_streaming
        else grpc.unary_stream_rpc_method_handler
    )
    made: Handler = make(
        answers if inspect.isasyncgenfunction(inner) else writes,
        handler.request_deserializer,
        handler.response_serializer,
    )
    return made


def _caller(metadata: Iterable[tuple[str, str | bytes]] | None) -> str:
    for key, value in metadata or ():
        if key == TRACEPARENT and isinstance(value, str):
            return value
    return ""


def _status(context: Context, error: BaseException | None) -> grpc.StatusCode:
    """Say which status the caller sees; gRPC sets some only after the handler."""
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        left = context.time_remaining()
        late = left is not None and left <= 0
        return grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED
    code = context.code()  # an int, or a StatusCode once a handler has set one
    status = _CODES.get(code) if isinstance(code, int) else code
    if error is not None and (status is None or status is grpc.StatusCode.OK):
        return grpc.StatusCode.UNKNOWN
    return status or grpc.StatusCode.OK


def _reason(error: BaseException | None) -> str:
    """Find the refusal behind an abort: the interceptor that aborts knew it."""
    for _ in range(4):
        if error is None or isinstance(error, TierError):
            break
        error = error.__cause__ or error.__context__
    return error.reason if isinstance(error, TierError) else ""


@lru_cache(maxsize=1_024)
def _labels(method: str, code: grpc.StatusCode) -> tuple[tuple[str, str], ...]:
    return (("rpc_method", method), ("rpc_response_status_code", code.name))
