"""Every field of every request has a bound: nobody can send a list or a text without end."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from buf.validate import validate_pb2
from tests.doors.rpcs import RPCS
from tests.doors.tiers import Line, read
from tests.hostile.calling import memory
from tier.runtime.server import MAX_MESSAGE_BYTES

# A pattern bounds a text only from end to end, and without a repeat that may go on.
ANCHORED = re.compile(r"\^.*\$", re.DOTALL)
ENDLESS = re.compile(r"(?<!\\)[*+]|\{[0-9]*,\}")


@dataclass(frozen=True, slots=True)
class Unbounded:
    """A field that may be as long as a message may."""

    message: str
    field: str
    kind: str


def unbounded(roots: Iterable[Descriptor]) -> list[Unbounded]:
    """Return every field without a bound in `roots` and in all that they can hold."""
    return [found for each in reached(roots) for found in _of_message(each)]


def reached(roots: Iterable[Descriptor]) -> list[Descriptor]:
    """Return `roots` and all messages of ours within them, each once."""
    found: dict[str, Descriptor] = {}
    waiting = list(roots)
    while waiting:
        message = waiting.pop()
        if message.full_name in found or message.full_name.startswith("google."):
            continue
        found[message.full_name] = message
        fields: Sequence[FieldDescriptor] = message.fields
        waiting += [one.message_type for one in fields if one.message_type]
    return list(found.values())


def _of_message(message: Descriptor) -> Iterator[Unbounded]:
    fields: Sequence[FieldDescriptor] = message.fields
    for field in fields:
        rules: validate_pb2.FieldRules = field.GetOptions().Extensions[
            validate_pb2.field
        ]
        if field.is_repeated:
            if not (rules.repeated.max_items or rules.map.max_pairs):
                yield Unbounded(message.full_name, field.name, "list")
            rules = rules.repeated.items
        if field.type == FieldDescriptor.TYPE_STRING and not _is_short(rules.string):
            yield Unbounded(message.full_name, field.name, "string")
        if field.type == FieldDescriptor.TYPE_BYTES and not rules.bytes.max_len:
            yield Unbounded(message.full_name, field.name, "bytes")


def _is_short(rules: validate_pb2.StringRules) -> bool:
    """Whether a text has an end: by its length, its format, or a pattern that ends."""
    if rules.max_len or rules.max_bytes or rules.len or rules.uuid or rules.const:
        return True
    pattern = rules.pattern
    return bool(ANCHORED.fullmatch(pattern)) and not ENDLESS.search(pattern)


def _nests(message: Descriptor, above: tuple[str, ...]) -> bool:
    """Whether a message can hold itself, however far within."""
    if message.full_name in above:
        return True
    fields: Sequence[FieldDescriptor] = message.fields
    return any(
        _nests(one.message_type, (*above, message.full_name))
        for one in fields
        if one.message_type
    )


def test_every_text_and_list_of_every_request_has_a_bound() -> None:
    """A new field without one fails here, and says what it is called."""
    assert unbounded(rpc.method.input_type for rpc in RPCS) == []


def test_no_request_nests_without_end() -> None:
    """Depth is bounded by the protos: no message holds itself."""
    assert not [rpc.name for rpc in RPCS if _nests(rpc.method.input_type, ())]


@pytest.mark.parametrize(
    ("rules", "short"),
    [
        (validate_pb2.StringRules(), False),
        (validate_pb2.StringRules(min_len=1), False),
        (validate_pb2.StringRules(pattern="^[0-9]+$"), False),
        (validate_pb2.StringRules(pattern="^[0-9]{2,}$"), False),
        (validate_pb2.StringRules(pattern="[0-9]{2}"), False),
        (validate_pb2.StringRules(pattern="^[0-9]{2,15}$"), True),
        (validate_pb2.StringRules(pattern="^([0-9]{2})?$"), True),
        (validate_pb2.StringRules(max_len=9), True),
    ],
    ids=str,
)
def test_what_is_no_bound_is_not_taken_for_one(
    rules: validate_pb2.StringRules, *, short: bool
) -> None:
    """The check itself can fail."""
    assert _is_short(rules) is short


@pytest.mark.asyncio(loop_scope="session")
async def test_a_message_nested_too_deep_is_refused_and_hurts_nobody(
    line: Line,
) -> None:
    """Groups within groups in an unknown field: protobuf gives up, the caller hears it."""
    get_item = next(rpc for rpc in RPCS if rpc.name == "GetItem")
    begin, end = b"\xfb\x3e", b"\xfc\x3e"  # group 1007
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await get_item.call_raw(line.province.channel, begin * 5000 + end * 5000)

    assert read(error.value).refusal.reason == "INVALID_INPUT"


@pytest.mark.asyncio(loop_scope="session")
async def test_a_message_of_unknown_fields_only_is_read_as_empty(line: Line) -> None:
    """Megabytes of fields that nobody knows are skipped; what is missing is named."""
    get_item = next(rpc for rpc in RPCS if rpc.name == "GetItem")
    body = b"\xf8\x3e\x01" * (MAX_MESSAGE_BYTES // 8)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await get_item.call_raw(line.province.channel, body)

    assert read(error.value).refusal.reason == "INVALID_INPUT"


@pytest.mark.parametrize("size", [900_000, MAX_MESSAGE_BYTES - 2**10])
@pytest.mark.asyncio(loop_scope="session")
async def test_a_small_body_of_a_huge_message_is_refused_cheaply(
    line: Line, running: Path, size: int
) -> None:
    """Two bytes are an empty element with ten faults: nobody reads or lists millions of them."""
    publish = next(rpc for rpc in RPCS if rpc.name == "PublishCatalogue")
    before, began = memory(running), time.monotonic()
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await publish.call_raw(line.province.channel, b"\x1a\x00" * (size // 2))

    assert read(error.value).refusal.reason == "INVALID_INPUT"
    assert memory(running) - before < 400 * 2**20
    assert time.monotonic() - began < 10
