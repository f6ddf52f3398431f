"""One request id, one effect, one answer: again, at once, and in one batch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import grpc
import pytest
from google.protobuf.message import Message

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as pb
from tests.doors import (
    data_rpcs,
    inbox_rpcs,
    letters,
    life_refusals,
    petition_rpcs,
    supervision_rpcs,
)
from tests.doors.data_letters import data_at_hand
from tests.doors.held import Held
from tests.doors.letters import TOWNSHIPS
from tests.doors.rpcs import RPCS, Rpc, an_import
from tests.doors.tiers import Line, Tier, read, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

WRITES = [rpc for rpc in RPCS if rpc.writes_once]
HOT = ["ReceiveAssignments", "ReportAssignments", "SubmitAnswers"]


async def ready(line: Line, rpc: Rpc) -> Held:
    """Bring an item, or data, to where the sound request of an RPC is allowed."""
    if rpc.name in data_rpcs.SAMPLES:
        return await data_at_hand(line)
    if rpc.name in petition_rpcs.SAMPLES:
        return await petition_rpcs.at_hand(line)
    if rpc.name in supervision_rpcs.SAMPLES:
        return await supervision_rpcs.at_hand(line)
    cascade = letters.issue("5301", item=letters.an_item(mode=nouns.MODE_CASCADE))
    split = await letters.issued(line, cascade)
    if rpc.name in {
        "ReturnAssignments",
        "VerifyAssignments",
        "ConcludeItem",
        "CloseItem",
    }:
        direct = await letters.reported(line)
    else:
        direct = await life_refusals.READY.get(rpc.name, letters.issued)(line)
    if rpc.name in {"ConcludeItem", "CloseItem"}:
        await line.province.items.VerifyAssignments(letters.verify(direct))
    if rpc.name == "CloseItem":
        await line.province.items.ConcludeItem(letters.conclude(direct))
    held = Held(direct, split, notice=await inbox_rpcs.told(line))
    if rpc.name == "RetireDivision":
        await line.province.keeping.ImportDivisions(an_import(held))
    await line.settled()
    return held


@pytest.mark.parametrize("rpc", WRITES, ids=lambda rpc: rpc.name)
async def test_a_write_sent_many_times_is_done_once(line: Line, rpc: Rpc) -> None:
    """Five at once, then again: one answer, one request kept, facts of one; then other content."""
    request = rpc.make(await ready(line, rpc))
    tier = line.by_name[rpc.tier]
    requests = await tier.count("request")
    answers = await asyncio.gather(*(rpc.call(tier.channel, request) for _ in range(5)))
    done = await tier.footprint()
    again = await rpc.call(tier.channel, request)
    setattr(request, "actor", "另一人")  # noqa: B010 - every write has an actor
    told = await refused(rpc.call(tier.channel, request))

    assert answers == [again] * 5
    assert again is not None
    assert done["request"][0] == requests + 1
    assert told.refusal.reason == "REQUEST_ID_REUSED"
    assert await tier.footprint() == done


@asynccontextmanager
async def together(tier: Tier) -> AsyncIterator[None]:
    """Hold the node's commits until callers wait behind a first one: the rest is one batch."""
    async with tier.held():
        blocked = letters.receive(await _received(tier), TOWNSHIPS[0])
        going = asyncio.ensure_future(_done(tier, blocked))
        await asyncio.sleep(0.02)
        yield
        await asyncio.sleep(0.05)
    await going


async def _received(tier: Tier) -> str:
    """Return an item whose receipt is still open at the first township."""
    found = await tier.items.ListAssignments(
        pb.ListAssignmentsRequest(
            within=TOWNSHIPS[0], states=[nouns.ASSIGNMENT_STATE_ISSUED]
        )
    )
    return found.assignments[0].item_id


async def _done(tier: Tier, request: pb.ReceiveAssignmentsRequest) -> Message:
    return await tier.items.ReceiveAssignments(request)


@pytest.mark.parametrize("name", HOT)
async def test_retries_in_one_batch_are_done_once(line: Line, name: str) -> None:
    """A retry beside its original, and the id with other content: told apart."""
    rpc = next(rpc for rpc in RPCS if rpc.name == name)
    await letters.issued(line)
    request = rpc.make(await ready(line, rpc))
    other = type(request)()
    other.CopyFrom(request)
    setattr(other, "actor", "另一人")  # noqa: B010 - every write has an actor
    tier = line.by_name[rpc.tier]
    before = await tier.count("ledger_fact")

    async def outcome(one: Message) -> object:
        try:
            return await rpc.call(tier.channel, one)
        except grpc.aio.AioRpcError as error:
            return read(error).refusal.reason

    async with together(tier):
        calls = [
            asyncio.ensure_future(outcome(one)) for one in (request, request, request)
        ]
        await asyncio.sleep(0.02)
        calls.append(asyncio.ensure_future(outcome(other)))
    first, *retries, reuse = await asyncio.gather(*calls)

    assert isinstance(first, Message)
    assert retries == [first, first]
    assert reuse == "REQUEST_ID_REUSED"
    assert await tier.count("ledger_fact") == before + 2


async def test_bad_calls_hinder_no_good_ones(line: Line) -> None:
    """Fifty callers at once, every third wrong in its own way: each gets its own answer."""
    await letters.issued(line)
    items = [await letters.issued(line) for _ in range(4)]
    wrong = {
        "ASSIGNMENT_UNKNOWN": letters.report(str(uuid4()), TOWNSHIPS[0]),
        "DIVISION_NOT_HOSTED": letters.report(items[0], "530102"),
        "EPOCH_STALE": letters.report(items[0], TOWNSHIPS[0], epoch=9),
        "MOVE_NOT_ALLOWED": letters.report(items[1], TOWNSHIPS[1], TOWNSHIPS[1]),
        "INVALID_INPUT": letters.report(items[0]),
    }
    good = [letters.report(item_id, code) for item_id in items for code in TOWNSHIPS]
    mixed: list[tuple[str, pb.ReportAssignmentsRequest]] = [("", one) for one in good]
    for index, (reason, request) in enumerate(wrong.items()):
        mixed.insert(4 * index, (reason, request))
    async with together(line.township):
        calls = [
            asyncio.ensure_future(_outcome(line.township, request))
            for _, request in mixed
        ]
    outcomes = await asyncio.gather(*calls)
    await line.settled()

    assert outcomes == [reason for reason, _ in mixed]
    for item_id in items:
        found = await letters.states(line.province, item_id)
        assert set(found.values()) == {nouns.ASSIGNMENT_STATE_REPORTED}


async def _outcome(tier: Tier, request: pb.ReportAssignmentsRequest) -> str:
    try:
        done = await tier.items.ReportAssignments(request)
    except grpc.aio.AioRpcError as error:
        return read(error).refusal.reason
    assert done.reported_count == 1
    return ""


async def stream(
    tier: Tier,
    batches: list[pb.ReportAssignmentsRequest],
    answers: list[pb.StreamReportsResponse],
) -> None:
    """Send batches on one call and note each answer as it comes."""
    requests = [pb.StreamReportsRequest(batch=batch) for batch in batches]
    async for answer in tier.items.StreamReports(iter(requests)):
        answers.append(answer)  # noqa: PERF401 - those before a refusal count


async def test_a_stream_keeps_what_it_answered_before_a_refusal(line: Line) -> None:
    """Three batches, the third refused: two answers, two batches kept, nothing of the third."""
    item_id = await letters.issued(line)
    batches = [
        letters.report(item_id, *TOWNSHIPS[:2]),
        letters.report(item_id, TOWNSHIPS[2]),
        letters.report(item_id, TOWNSHIPS[3], TOWNSHIPS[0]),
        letters.report(item_id, TOWNSHIPS[4]),
    ]
    answers: list[pb.StreamReportsResponse] = []
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await stream(line.township, batches, answers)
    await line.settled()
    found = await letters.states(line.province, item_id)

    assert [one.request_id for one in answers] == [
        one.request_id for one in batches[:2]
    ]
    assert [one.result.reported_count for one in answers] == [2, 1]
    assert read(error.value).refusal.reason == "MOVE_NOT_ALLOWED"
    assert {code for code, state in found.items() if state == 3} == set(TOWNSHIPS[:3])
    again: list[pb.StreamReportsResponse] = []
    await stream(line.township, batches[:1], again)
    assert again == answers[:1]
