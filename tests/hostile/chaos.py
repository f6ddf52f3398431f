"""Requests that nobody would write: random bytes, broken messages, random messages."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

DEEPEST: Final = 4
MOST_ITEMS: Final = 4
CUT: Final = 64

TEXTS: Final = (
    "",
    "53",
    "530102001",
    "530102001001001",
    "00000000-0000-0000-0000-000000000000",
    "2026-02-30",
    "9999-12-31T23:59:59+14:00",
    "'; DROP TABLE division; --",
    "\" OR ''='",
    "\\",
    "\0",
    "%s%n{}{0}",
    "${jndi:ldap://x}",
    "../../etc/passwd",
    "\u202e督\u0000\ufeff",
    "\ud7ff\U0010ffff",
    "督" * 2000,
    "a.b.c",
    "NaN",
    "1e999",
    "-0",
    "٥٣",
    "=cmd|' /C calc'!A0",
)
NUMBERS: Final = (0, 1, 2, 7, 99, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)
DOUBLES: Final = (0.0, -0.0, 1.5, 1e308, float("inf"), float("-inf"), float("nan"))

Draw = Callable[[random.Random], object]


def _signed(most: int) -> Draw:
    def draw(chance: random.Random) -> int:
        return max(
            -most - 1, min(most, chance.choice(NUMBERS) * chance.choice((1, -1)))
        )

    return draw


def _unsigned(most: int) -> Draw:
    return lambda chance: min(most, chance.choice(NUMBERS))


def _bytes(chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice((0, 1, 16, 200, 5000)))


DRAWS: Final[dict[int, Draw]] = {
    FieldDescriptor.CPPTYPE_STRING: lambda chance: chance.choice(TEXTS),
    FieldDescriptor.CPPTYPE_INT32: _signed(2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: _signed(2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: _unsigned(2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: _unsigned(2**63 - 1),
    FieldDescriptor.CPPTYPE_ENUM: _signed(2**31 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: lambda chance: chance.choice(DOUBLES),
    FieldDescriptor.CPPTYPE_FLOAT: lambda chance: chance.choice(DOUBLES),
    FieldDescriptor.CPPTYPE_BOOL: lambda chance: chance.random() < 0.5,
}


def randomised(message: Message, chance: random.Random, share: float) -> None:
    """Change a share of the fields of a message, in place, whatever they are."""
    _randomise(message, chance, share, DEEPEST)


def _randomise(message: Any, chance: random.Random, share: float, depth: int) -> None:
    fields: Sequence[FieldDescriptor] = message.DESCRIPTOR.fields
    for field in fields:
        if field.message_type is not None:
            _inside(message, field, chance, share, depth)
        elif chance.random() < share:
            values = [
                _drawn(field, chance) for _ in range(chance.randrange(MOST_ITEMS))
            ]
            if field.is_repeated:
                message.ClearField(field.name)
                getattr(message, field.name).extend(values)
            elif values:
                setattr(message, field.name, values[0])


def _inside(
    message: Any,
    field: FieldDescriptor,
    chance: random.Random,
    share: float,
    depth: int,
) -> None:
    """Change messages within, add some, or take all away."""
    if chance.random() < share / 4:
        message.ClearField(field.name)
        return
    if not field.is_repeated:
        if message.HasField(field.name) or (depth and chance.random() < share):
            getattr(message, field.name).SetInParent()
            _randomise(getattr(message, field.name), chance, share, depth - 1)
        return
    items = getattr(message, field.name)
    if depth and chance.random() < share:
        for _ in range(chance.randrange(MOST_ITEMS)):
            items.add()
    for item in items[: MOST_ITEMS * 2]:
        _randomise(item, chance, share, depth - 1)


def _drawn(field: FieldDescriptor, chance: random.Random) -> object:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(chance)
    return DRAWS[field.cpp_type](chance)


def broken(body: bytes, chance: random.Random) -> bytes:
    """Break bytes: flip, cut, repeat, splice, or throw them away for random ones."""
    match chance.randrange(6):
        case 0:
            return chance.randbytes(chance.randrange(CUT))
        case 1:
            return body[: chance.randrange(len(body) + 1)]
        case 2:
            return body + body[chance.randrange(len(body) + 1) :]
        case 3:
            at = chance.randrange(len(body) + 1)
            return body[:at] + chance.randbytes(chance.randrange(8)) + body[at:]
        case _:
            changed = bytearray(body)
            for _ in range(chance.randrange(1, 9)):
                if changed:
                    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
            return bytes(changed)
