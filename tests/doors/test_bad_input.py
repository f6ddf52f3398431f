"""Bad input on every RPC: a clear refusal that changes nothing, never a failure of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import grpc
import protovalidate
import pytest

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.link.v1.link_service_pb2_grpc import add_LinkServiceServicer_to_server
from tests.divisions import PROVINCE
from tests.doors import (
    data_rpcs,
    inbox_rpcs,
    letters,
    petition_rpcs,
    supervision_rpcs,
)
from tests.doors.data_letters import data_at_hand
from tests.doors.held import Held
from tests.doors.mutations import mutations
from tests.doors.rpcs import CHILD, RPCS, SAMPLES, Rpc, an_import
from tests.doors.tiers import Line, footprint, read
from tests.servers import AnApp, served
from tier.app import App
from tier.lanes import UP, Lane
from tier.link.contact import Contacts
from tier.link.road import Road
from tier.link.rpc import LinkService
from tier.link.traffic import Receiver
from tier.runtime.server import MAX_MESSAGE_BYTES

pytestmark = pytest.mark.asyncio(loop_scope="session")

FAILURES = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}
Footprint = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an RPC is called, and what the node there holds."""

    channel: grpc.aio.Channel
    footprint: Callable[[], Awaitable[Footprint]]


@asynccontextmanager
async def place_of(rpc: Rpc, line: Line, an_app: AnApp) -> AsyncIterator[Place]:
    """Open the node that an RPC is called at.

    The repair road is called at a province apart: wrong marks would end the line's links.
    """
    if rpc.tier == "apart":
        async with an_app(PROVINCE) as app, served(app, [add_link_service]) as channel:

            async def looked() -> Footprint:
                async with app.db.reading() as tx:
                    return await footprint(tx.fetch)

            yield Place(channel, looked)
        return
    tier = line.by_name[rpc.tier]
    yield Place(tier.channel, tier.footprint)


async def held_by(line: Line, rpc: Rpc) -> Held:
    """Issue, or ask and answer, what requests speak of."""
    if rpc.name in data_rpcs.SAMPLES:
        return await data_at_hand(line)
    if rpc.name in petition_rpcs.SAMPLES:
        return await petition_rpcs.at_hand(line)
    if rpc.name in supervision_rpcs.SAMPLES:
        return await supervision_rpcs.at_hand(line)
    cascade = letters.issue("5301", item=letters.an_item(mode=nouns.MODE_CASCADE))
    held = Held(
        await letters.issued(line),
        await letters.issued(line, cascade),
        notice=await inbox_rpcs.told(line),
    )
    await line.province.keeping.ImportDivisions(an_import(held))
    await line.settled()
    return held


def add_link_service(app: App, server: grpc.aio.Server) -> str:
    """Mount the parent's side of the repair road; its fast road leads nowhere."""
    names = [child.name for child in app.node.children]
    contacts = Contacts(names, names, timedelta(seconds=30))
    nowhere = Road("nats://127.0.0.1:1", app.node.name)
    lane = Lane(UP, app.node.level, app.node.name, app.node.hosts[0], CHILD)
    receiver = Receiver(app, {}, nowhere, lane, CHILD, contacts=contacts)
    service = LinkService(app, {CHILD: receiver}, contacts)
    add_LinkServiceServicer_to_server(service, server)
    return "ducha.link.v1.LinkService"


async def test_every_rpc_has_a_sound_request() -> None:
    """A new RPC is tested here, or the tests fail; no sample outlives its RPC."""
    assert {rpc.name for rpc in RPCS} == set(SAMPLES)


@pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: rpc.name)
async def test_an_empty_request_is_refused_where_something_is_needed(
    line: Line, an_app: AnApp, rpc: Rpc
) -> None:
    """INVALID_INPUT with the fields; where nothing is needed, an answer."""
    async with place_of(rpc, line, an_app) as at:
        needed = protovalidate.collect_violations(rpc.empty())
        before = await at.footprint()
        try:
            await rpc.call(at.channel, rpc.empty())
        except grpc.aio.AioRpcError as error:
            told = read(error)
            assert told.refusal.reason in {"INVALID_INPUT", "NEIGHBOUR_UNKNOWN"}
            assert told.refusal.fields or not needed
        else:
            assert not needed
        assert await at.footprint() == before


@pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: rpc.name)
async def test_one_wrong_field_is_answered_or_clearly_refused(
    line: Line, an_app: AnApp, rpc: Rpc
) -> None:
    """Malformed, huge, negative, of another age or alphabet: no failure, and nothing half done."""
    wrong: list[str] = []
    held = await held_by(line, rpc)
    async with place_of(rpc, line, an_app) as at:
        before = await at.footprint()
        for each in mutations(rpc.make(held)):
            outcome = await outcome_of(rpc, at.channel, each.request)
            after = await at.footprint()
            is_refused = outcome not in {"", "failed"}
            if (
                outcome == "failed"
                or (is_refused and after != before)
                or (each.must_refuse and not is_refused)
            ):
                wrong.append(
                    f"{each.path} = {str(each.value)[:60]!r}: {outcome or 'taken'}"
                )
            before = after

        assert wrong == []


async def outcome_of(rpc: Rpc, channel: grpc.aio.Channel, request: object) -> str:
    """Return the reason of a refusal, "" for an answer, "failed" for neither."""
    try:
        await rpc.call(channel, request)  # type: ignore[arg-type] # any message
    except grpc.aio.AioRpcError as error:
        told = read(error) if error.trailing_metadata() else None
        if told is None or told.domain != "ducha" or error.code() in FAILURES:
            return "failed"
        return told.refusal.reason
    return ""


@pytest.mark.parametrize("rpc", RPCS, ids=lambda rpc: rpc.name)
async def test_bytes_that_are_no_message_are_refused(
    line: Line, an_app: AnApp, rpc: Rpc
) -> None:
    """A client of another language, or an attacker: it is their fault, and they hear so."""
    async with place_of(rpc, line, an_app) as at:
        before = await at.footprint()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await rpc.call_raw(at.channel, b"\xff\xff\xff")

        assert read(error.value).refusal.reason == "INVALID_INPUT"
        assert await at.footprint() == before


# The transport refuses them before it knows which RPC it is: one of each service and shape.
LARGE = {(rpc.service, rpc.shape): rpc for rpc in RPCS}


@pytest.mark.parametrize("rpc", LARGE.values(), ids=lambda rpc: rpc.name)
async def test_too_large_a_request_is_refused_unread(
    line: Line, an_app: AnApp, rpc: Rpc
) -> None:
    """Over 16 MB: RESOURCE_EXHAUSTED."""
    async with place_of(rpc, line, an_app) as at:
        before = await at.footprint()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await rpc.call_raw(at.channel, bytes(MAX_MESSAGE_BYTES + 1))

        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await at.footprint() == before
