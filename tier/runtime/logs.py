"""Log lines of a node: JSON on standard error, one shape for ours and the libraries'.

A line has timestamp, level, event, tier, node, logger and, inside a span, trace_id and
span_id. It has no payloads: bytes and messages are named, not shown; texts are cut; an
exception gives its type, its first line and its frames, since further lines (the DETAIL
of PostgreSQL) quote rows.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import PurePath
from typing import Any, Final, TypeAlias

import structlog
from google.protobuf.message import Message

from tier.runtime.telemetry import current_traceparent

Event: TypeAlias = MutableMapping[str, Any]

TEXT_KEPT: Final = 1_000
CAUSE_KEPT: Final = 300
FRAMES_KEPT: Final = 12

# Below these levels the libraries tell of every packet.
_QUIETER: Final = {"asyncio": logging.WARNING, "nats": logging.INFO}


def configure(level: str, node: str, tier: str) -> None:
    """Send every log line of the process to standard error as JSON.

    Raises:
        ValueError: `level` is not one of debug, info, warning, error, critical.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"log level {level!r} is not known; use info, for example")
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Place(node, tier),
        _trace_ids,
    ]
    _route_library_logs(shared, number)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _route_library_logs(shared: list[structlog.types.Processor], level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _brief_exception,
                _no_payloads,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, least in _QUIETER.items():
        logging.getLogger(name).setLevel(max(level, least))
    logging.captureWarnings(capture=True)


class _Place:
    """Says which node a line comes from."""

    def __init__(self, node: str, tier: str) -> None:
        self._node, self._tier = node, tier

    def __call__(self, _: object, __: str, event: Event) -> Event:
        event["tier"], event["node"] = self._tier, self._node
        return event


def _trace_ids(_: object, __: str, event: Event) -> Event:
    traceparent = current_traceparent()
    if traceparent:
        _version, event["trace_id"], event["span_id"], _flags = traceparent.split("-")
    return event


def _brief_exception(_: object, __: str, event: Event) -> Event:
    given = event.pop("exc_info", None)
    event.pop("exception", None)
    error = sys.exc_info()[1] if given is True else given
    if isinstance(error, tuple):
        error = error[1]
    if not isinstance(error, BaseException):
        return event
    first = str(error).partition("\n")[0][:CAUSE_KEPT]
    event["error"] = (
        f"{type(error).__name__}: {first}" if first else type(error).__name__
    )
    event["frames"] = [
        f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-FRAMES_KEPT:]
    ]
    return event


def _no_payloads(_: object, __: str, event: Event) -> Event:
    for key, value in event.items():
        event[key] = _shown(value)
    return event


def _shown(value: object) -> object:
    match value:
        case bytes() | bytearray() | memoryview():
            return f"<{len(value)} bytes>"
        case Message():
            return f"<{value.DESCRIPTOR.full_name}>"
        case int() | float() | None:
            return value
        case list() | tuple():
            return [_shown(item) for item in value[:FRAMES_KEPT]]
        case dict():
            return {str(key): _shown(item) for key, item in value.items()}
        case _:
            text = str(value)
            return text if len(text) <= TEXT_KEPT else f"{text[:TEXT_KEPT]}…"
