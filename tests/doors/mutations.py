"""Everything that can be wrong with one field of a request, read off its descriptor."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from buf.validate import validate_pb2

# What names a division, and a code that is too short to be one.
CODES = {"division", "divisions", "code", "within", "excluded", "issuer_division"}
MALFORMED = "530"
# An issuer is told, not asked.
IGNORED = {"item.issuer_division"}

HUGE = "督" * 100_000
TEXTS = ("", HUGE, "\0", "٥٣", MALFORMED, "5399", "x'); DROP TABLE assignment; --", "2024-02-30")
NUMBERS = (-1, 2**31 - 1, -(2**31))
LARGE = (-1, 2**63 - 1, -(2**63))
ENUMS = (-1, 99, 2**31 - 1)
DOUBLES = (math.nan, math.inf, 1e308)
MOMENTS = (
    Timestamp(),
    Timestamp(seconds=2**60),
    Timestamp(seconds=-(2**60)),
    Timestamp(seconds=1, nanos=-1),
    Timestamp(seconds=253402300799, nanos=999_999_999),
    Timestamp(seconds=-62135596800),
)
KEYS: tuple[object, ...] = (
    ["9" * 30],
    ["-1"],
    ["x", "y"],
    ["\0", "\0"],
    ["0001-01-01T00:00:00+14:00", "00000000-0000-0000-0000-000000000000"],
    ["9999-12-31T23:59:59-14:00", "00000000-0000-0000-0000-000000000000"],
    [["x"], 1],
    {"x": "y"},
    "x",
)
TOKENS = tuple(base64.urlsafe_b64encode(json.dumps(key).encode()).decode() for key in KEYS)


@dataclass(frozen=True, slots=True)
class Wrong:
    """A request with one thing changed, and whether the protos or the words forbid it."""

    path: str
    value: str
    request: Message
    must_refuse: bool


def mutations(request: Message) -> Iterator[Wrong]:
    """Yield `request` with one field wrong, for every field in it and every way to be wrong."""
    for path, places, field in _fields(request, "", ()):
        for value in _values(field):
            yield _changed(request, path, places, lambda at, f=field, v=value: _set(at, f, v), value, _forbids(path, field, value))  # noqa: E501
        if field.is_repeated:
            most = _rules(field).repeated.max_items
            if most:
                yield _changed(
                    request, path, places, lambda at, f=field, n=most: _fill(at, f, n), f"{most + 1} of them", True
                )  # noqa: E501


def _fields(
    message: Message, path: str, places: tuple[Any, ...]
) -> Iterator[tuple[str, tuple[Any, ...], FieldDescriptor]]:
    for field in message.DESCRIPTOR.fields:
        here = f"{path}{field.name}"
        yield here, places, field
        if field.message_type is None or field.message_type is Timestamp.DESCRIPTOR:
            continue
        value = getattr(message, field.name)
        if field.is_repeated:
            for index, one in enumerate(value):
                yield from _fields(one, f"{here}[{index}].", (*places, field.name, index))
        elif message.HasField(field.name):
            yield from _fields(value, f"{here}.", (*places, field.name))
