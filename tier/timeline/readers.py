"""From the bytes of a fact to what it says, by the rows of `kinds`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError

from tier import division
from tier.jurisdiction import Code, parse
from tier.runtime import moments
from tier.timeline.kinds import KINDS, Row
from tier.timeline.model import ClockSet, Recorded, Said
from tier.timeline.rules import written

LONGEST: Final = 500
"""Characters of a text that are told; the whole is in the fact."""


def said(fact: Recorded) -> list[Said]:
    """Return what a fact says; of a kind that is not known, that it is not."""
    row = KINDS.get(fact.kind)
    if row is None:
        return [_unknown(fact)]
    try:
        payload = row.message.FromString(fact.payload)
    except DecodeError:
        return [_unknown(fact)]
    members = getattr(payload, row.each) if row.each else (payload,)
    found: list[Said] = []
    for member in members:
        one = Said(
            _moment(payload, row, fact),
            _divisions(member, row, fact),
            _details(payload, row.details)
            | (_details(member, row.of_each) if row.each else {}),
            clock=row.clock,
            light=row.light(payload),
            moves_clock=row.moves_clock,
            is_whole=row.is_whole,
            reaches_below=row.reaches_below,
        )
        found += row.expand(payload, one)
    return found


def clocks(fact: Recorded) -> ClockSet:
    """Return what a fact of a kind in `CLOCKS` set clocks to."""
    row = KINDS[fact.kind]
    payload: Any = row.message.FromString(fact.payload)
    times = payload.item if row.is_whole else payload
    return ClockSet(
        _moment(payload, row, fact),
        None if row.is_whole else frozenset(_divisions(payload, row, fact)),
        moments.moment(times.receive_by_time),
        moments.moment(times.deadline_time),
    )


def _unknown(fact: Recorded) -> Said:
    return Said(fact.occurred_at, (fact.division,), is_unknown=True, reaches_below=True)


def _divisions(member: Any, row: Row, fact: Recorded) -> tuple[Code, ...]:
    if row.is_whole and not row.divisions:
        return ()
    if not row.divisions:
        return (fact.division,)
    found = getattr(member, row.divisions)
    if isinstance(found, str):
        return (parse(found),)
    return tuple(division.set_from(found))


def _moment(payload: Any, row: Row, fact: Recorded) -> datetime:
    """Return when it was done; facts of old do not all say so themselves."""
    found = _at(payload, row.at) if row.at else None
    return moments.moment(found) if found is not None else fact.occurred_at


def _details(message: Any, paths: Mapping[str, str]) -> dict[str, str]:
    """Read details; what is not said is left out."""
    found = {name: _text(message, path) for name, path in paths.items()}
    return {name: text for name, text in found.items() if text}


def _at(message: Any, path: str) -> Any:
    """Return the message or value at a path; None where it is not set."""
    for name in path.split("."):
        kind = message.DESCRIPTOR.fields_by_name[name]
        if kind.has_presence and not message.HasField(name):
            return None
        message = getattr(message, name)
    return message


def _text(message: Any, path: str) -> str:
    """Write what stands at a path as text; empty where nothing is said."""
    head, _, name = path.rpartition(".")
    holder = _at(message, head) if head else message
    value = None if holder is None else _at(holder, name)
    if not value:
        return ""
    kind = holder.DESCRIPTOR.fields_by_name[name]
    return str(len(value)) if kind.is_repeated else _one(kind, value)


def _one(kind: Any, value: Any) -> str:
    """Write one value of a field."""
    match kind.type:
        case FieldDescriptor.TYPE_ENUM:
            return _enumerated(kind, value)
        case FieldDescriptor.TYPE_MESSAGE:
            return _written(value)
        case FieldDescriptor.TYPE_BOOL:
            return "true"
    text = str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _enumerated(kind: Any, value: int) -> str:
    """Write a value of an enum without the enum's own name: `CAUSE_REVIEW` is `review`."""
    names = [one.name for one in kind.enum_type.values]
    prefix = names[0].removesuffix("UNSPECIFIED")
    known = kind.enum_type.values_by_number.get(value)
    return str(value) if known is None else known.name.removeprefix(prefix).lower()


def _written(value: Any) -> str:
    """Write a moment, or how long something took, in seconds."""
    if value.DESCRIPTOR.full_name == "google.protobuf.Duration":
        length: timedelta = value.ToTimedelta()
        return str(int(length.total_seconds()))
    return written(moments.moment(value))
