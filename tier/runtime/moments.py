"""Moments between messages and Python: always aware, always UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp

from tier.runtime.errors import InvalidInput


def moment(stamp: Timestamp) -> datetime:
    """Read a moment.

    Raises:
        InvalidInput: it is outside of what a calendar holds.
    """
    try:
        return _moment(stamp.seconds, stamp.nanos)
    except (ValueError, OverflowError) as wrong:
        raise InvalidInput(problem=f"timestamp: {wrong}") from wrong


@lru_cache(maxsize=256)
def _moment(seconds: int, nanos: int) -> datetime:
    """Read a moment; those of one batch are the same."""
    return Timestamp(seconds=seconds, nanos=nanos).ToDatetime(tzinfo=UTC)


def optional_moment(stamp: Timestamp, *, there: bool) -> datetime | None:
    """Read a moment that may be left out."""
    return moment(stamp) if there else None


def stamp_of(at: datetime) -> Timestamp:
    """Write a moment."""
    written = Timestamp()
    written.FromDatetime(at)
    return written


def stamp(at: datetime | None) -> Timestamp | None:
    """Write a moment, or nothing."""
    return None if at is None else stamp_of(at)
