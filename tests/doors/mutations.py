"""Everything that can be wrong with one field of a request, read off its descriptor."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import protovalidate
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from buf.validate import validate_pb2

# What names a division, and a code that is too short to be one.
CODES = {
    "division",
    "divisions",
    "code",
    "within",
    "excluded",
    "issuer_division",
    "requester_division",
    "author_division",
}
MALFORMED = "530"
# Who issues and asks is told, not asked; a choice of a code list is no division.
IGNORED = {
    "item.issuer_division",
    "data_request.requester_division",
    "elements.0.codes.0.code",
}

HUGE = "督" * 100_000
TEXTS = (
    "",
    HUGE,
    "\0",
    "٥٣",
    MALFORMED,
    "5399",
    "x'); DROP TABLE assignment; --",
    "2024-02-30",
    "\U0010ffff",
)
NUMBERS = (-1, 2**31 - 1, -(2**31))
UNSIGNED = (1, 2**32 - 1)
LARGE = (-1, 2**63 - 1, -(2**63))
ENUMS = (-1, 99, 2**31 - 1)
DOUBLES = (math.nan, math.inf, 1e308)
SCALARS: dict[int, tuple[object, ...]] = {
    FieldDescriptor.CPPTYPE_STRING: TEXTS,
    FieldDescriptor.CPPTYPE_INT32: NUMBERS,
    FieldDescriptor.CPPTYPE_UINT32: UNSIGNED,
    FieldDescriptor.CPPTYPE_INT64: LARGE,
    FieldDescriptor.CPPTYPE_ENUM: ENUMS,
    FieldDescriptor.CPPTYPE_DOUBLE: DOUBLES,
    FieldDescriptor.CPPTYPE_BOOL: (True,),
}
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
TOKENS = tuple(
    base64.urlsafe_b64encode(json.dumps(key).encode()).decode() for key in KEYS
)


class Turn(Enum):
    """What is done to a field as a whole."""

    CLEARED = auto()
    OVERFULL = auto()


@dataclass(frozen=True, slots=True)
class Wrong:
    """A request with one field changed, and whether it must be refused."""

    path: str
    value: object
    request: Message
    must_refuse: bool


def mutations(request: Message) -> Iterator[Wrong]:
    """Yield `request` with one field changed: each field in it, each way to be wrong."""
    for places, field in _fields(request, ()):
        for value in _values(field):
            changed = type(request)()
            changed.CopyFrom(request)
            at: Any = changed
            for place in places:
                at = at[place] if isinstance(place, int) else getattr(at, place)
            _set(at, field, value)
            path = ".".join(map(str, (*places, field.name)))
            yield Wrong(path, value, changed, _forbidden(changed, path, field, value))


def _fields(
    message: Message, places: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], FieldDescriptor]]:
    """Yield every field of a message and of the messages in it, with where it stands."""
    fields: Sequence[Any] = message.DESCRIPTOR.fields
    for field in fields:
        yield places, field
        if field.message_type is None or _is_moment(field):
            continue
        value = getattr(message, field.name)
        if field.is_repeated:
            for index, one in enumerate(value):
                yield from _fields(one, (*places, field.name, index))
        elif message.HasField(field.name):
            yield from _fields(value, (*places, field.name))


def _values(field: FieldDescriptor) -> Iterator[object]:
    """Yield what may be wrong in a field."""
    if field.is_repeated:
        yield Turn.CLEARED
        if _rules(field).repeated.max_items:
            yield Turn.OVERFULL
    if field.message_type is None:
        yield from SCALARS[field.cpp_type]
    else:
        yield Turn.CLEARED
    if _is_moment(field):
        yield from MOMENTS
    if field.name.endswith("token"):
        yield from TOKENS


def _set(message: Any, field: FieldDescriptor, value: object) -> None:
    """Put a value, or a turn of the whole, into a field."""
    if field.type == FieldDescriptor.TYPE_BYTES and isinstance(value, str):
        value = value.encode()
    if value is Turn.CLEARED:
        message.ClearField(field.name)
    elif value is Turn.OVERFULL:
        _overfill(getattr(message, field.name), field)
    elif field.is_repeated:
        message.ClearField(field.name)
        getattr(message, field.name).append(value)
    elif isinstance(value, Message):
        getattr(message, field.name).CopyFrom(value)
    else:
        setattr(message, field.name, value)


def _overfill(values: Any, field: FieldDescriptor) -> None:
    """Repeat the first value until there is one more than allowed."""
    most = _rules(field).repeated.max_items
    if field.message_type is None:
        values.extend([values[0] if values else "5301"] * (most + 1 - len(values)))
    else:
        first = values[0] if values else values.add()
        values.extend([first] * (most + 1 - len(values)))


def _forbidden(
    request: Message, path: str, field: FieldDescriptor, value: object
) -> bool:
    """Whether the protos forbid it, or a code is none."""
    is_code = field.name in CODES and path not in IGNORED
    return bool(protovalidate.collect_violations(request)) or (
        is_code and value == MALFORMED
    )


def _rules(field: FieldDescriptor) -> validate_pb2.FieldRules:
    found: validate_pb2.FieldRules = field.GetOptions().Extensions[validate_pb2.field]
    return found


def _is_moment(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and kind.full_name == "google.protobuf.Timestamp"
