"""Count the fields of a message before it is read: a small body can hold a huge message.

Two bytes on the wire are an empty message in a list, which is up to 250 bytes of memory
once it is read and some microseconds once it is checked: 16 MB of them were 1.6 GB, and
the list of their faults more than a machine has. So a large body is walked first, without
keeping anything of it; what has too many fields is refused unread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor

MOST_FIELDS: Final = 500_000
"""Those of messages within it included; 20,000 reports have some 200,000."""
SMALL_BYTES: Final = 64 * 1024
"""A body up to this is read uncounted: it cannot hold more than 32,000 fields."""

VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5
CONTINUED: Final = 0x80

Plan: TypeAlias = Mapping[int, "Plan"]
"""The fields of a message that are messages, by their number, and the same of those."""


class TooMany(ValueError):
    """A message has more fields than anybody needs, or is none."""


def plan(message: Any) -> Plan:
    """Return what to walk into when a message with this descriptor is counted.

    Any, because each runtime of protobuf has a class of its own for descriptors.
    """
    return _plan(message, {})


def _plan(message: Descriptor, made: dict[str, dict[int, Plan]]) -> Plan:
    """Make each type's plan once, so that a type may hold itself."""
    if message.full_name not in made:
        found = made[message.full_name] = {}
        fields: Sequence[FieldDescriptor] = message.fields
        for field in fields:
            if field.message_type is not None:
                found[field.number] = _plan(field.message_type, made)
    return made[message.full_name]


def check(body: bytes, within: Plan, most: int = MOST_FIELDS) -> None:
    """Walk over a large body without reading it.

    Raises:
        TooMany: it has more than `most` fields, or its bytes are no message.
    """
    if len(body) <= SMALL_BYTES:
        return
    # What is left to walk: where it begins, where it ends, what its messages are.
    waiting = [(0, len(body), within)]
    left = most
    while waiting:
        at, end, inner = waiting.pop()
        while at < end:
            left -= 1
            if left < 0:
                raise TooMany(f"it has more than {most} fields")
            tag, at = _varint(body, at, end)
            kind = tag & 7
            if kind == LENGTH:
                size, at = _varint(body, at, end)
                if at + size > end:
                    raise TooMany("a field ends after its message")
                if size and tag >> 3 in inner:
                    waiting.append((at, at + size, inner[tag >> 3]))
                at += size
            else:
                at = _past(kind, body, at, end)


def _past(kind: int, body: bytes, at: int, end: int) -> int:
    """Return where a field of a fixed or a varied size ends; groups are long gone."""
    if kind == VARINT:
        return _varint(body, at, end)[1]
    if kind == EIGHT_BYTES:
        return at + 8
    if kind == FOUR_BYTES:
        return at + 4
    raise TooMany("it holds a group, as no message of ours does")


def _varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    """Read a number of up to ten bytes; return it, and where what follows begins."""
    if at < end and (first := body[at]) < CONTINUED:
        return first, at + 1
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < CONTINUED:
            return value, at
    raise TooMany("a number has no end")
