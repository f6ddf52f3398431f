"""Assignments as the capability beside moves them, for tests of what reporting counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from ducha.assignment.v1 import assignment_facts_pb2
from ducha.reporting.v1 import reporting_service_pb2_grpc as stubs
from tier import ledger
from tier.app import App
from tier.jurisdiction import Code, Level
from tier.node import Neighbour, Node
from tier.reporting.capability import CAPABILITY
from tier.runtime.db import Tx
from tier.runtime.server import Door

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
DEADLINE = NOW + timedelta(days=2)
PROVINCE = Node(
    "province",
    Level.PROVINCE,
    (Code("53"),),
    None,
    (Neighbour("kunming", (Code("5301"),)), Neighbour("qujing", (Code("5303"),))),
)
TOWNS = [
    f"{county}{town:03}"
    for county in ("530102", "530103", "530302")
    for town in range(1, 6)
]
MIXED = [*TOWNS, "5301", "530102", "530302", "530102001001", "530102001001001"]

ITEM = """
    INSERT INTO assignment_item
    VALUES ($1, '53', 1, 1, 1, 0, '53', $2, $2, $2, '', '')
"""
ASSIGN = """
    INSERT INTO assignment (item_id, division, assigner_division, receive_by_at, deadline_at)
    SELECT $1, division, '53', $3, $3 FROM unnest($2::text[]) AS division
"""
MOVES = {
    "receive": "received_at = coalesce(received_at, $3)",
    "report": "reported_at = $3, returned = false, problem_count = problem_count + 2",
    "report late": "reported_at = deadline_at + interval '1 hour', returned = false",
    "verify": "verified_at = $3",
    "return": "returned = true, epoch = epoch + 1, reported_at = NULL, verified_at = NULL",
    "recount": "problem_count = 1 + problem_count % 5",
    "close": "closed = true",
    "withdraw": "withdrawn = true",
    "restore": "withdrawn = false",
    "put off": "deadline_at = deadline_at + interval '1 day'",
    "bring forward": "deadline_at = deadline_at - interval '1 day'",
    "instruct": "instructions = instructions || '!', receive_by_at = $3",
}
MOVE = """
    UPDATE assignment SET {} WHERE item_id = $1 AND division = ANY($2)
       AND $3::timestamptz IS NOT NULL
"""


async def an_item(tx: Tx, divisions: Sequence[str]) -> UUID:
    item_id = uuid4()
    await tx.execute(ITEM, item_id, NOW)
    await tx.execute(ASSIGN, item_id, divisions, DEADLINE)
    return item_id


async def move(tx: Tx, name: str, item_id: UUID, divisions: Sequence[str]) -> None:
    await tx.execute(MOVE.format(MOVES[name]), item_id, divisions, NOW)


@asynccontextmanager
async def a_door(app: App) -> AsyncIterator[stubs.ReportingServiceAsyncStub]:
    """Serve reporting as a tier does, and call it."""
    server = grpc.aio.server(interceptors=[Door()])
    for add in CAPABILITY.services:
        add(app, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield stubs.ReportingServiceStub(channel)
    finally:
        app.draining.set()
        await server.stop(5)


def reason(refused: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(refused)  # type: ignore[arg-type]
    info = error_details_pb2.ErrorInfo()
    assert status is not None
    assert status.details[0].Unpack(info)
    text: str = info.reason
    return text


async def refusal(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call.read()
    return reason(refused.value)


async def issue(app: App, divisions: Sequence[str] = TOWNS) -> UUID:
    async with app.db.transaction() as tx:
        return await an_item(tx, divisions)


async def report(app: App, item_id: UUID, divisions: Sequence[str]) -> None:
    """Report as the assignment capability does: rows and facts in one transaction."""
    author = ledger.Author.at(app.now(), app.node.name, "王", "")
    async with app.db.transaction() as tx:
        await move(tx, "report", item_id, divisions)
        entries = [
            ledger.record(
                author,
                assignment_facts_pb2.AssignmentReported(item_id=str(item_id)),
                division=division,
                subject=str(item_id),
                onward=(),
            )
            for division in divisions
        ]
        await ledger.append(tx, app.feed, entries, app.now())


async def answer(call: Any) -> Any:
    """Return the next message of a stream, within a bound."""
    async with asyncio.timeout(10):
        return await call.read()
