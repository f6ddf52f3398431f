"""A database without room: callers are told so, and good facts never end in quarantine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import grpc
import pytest

from ducha.division.v1 import division_service_pb2 as divisions_api
from ducha.division.v1.division_service_pb2_grpc import DivisionKeepingServiceStub
from tests.divisions import KUNMING, PROVINCE, SMALL, a_row, held, load
from tests.journeys.papers import a_division
from tests.servers import AnApp, carry, quarantined, refusal, served
from tier.app import App
from tier.division.capability import CAPABILITY, KEEPING
from tier.runtime.errors import DatabaseFull

NO_ROOM = """
    CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER no_room BEFORE INSERT ON ledger_fact EXECUTE FUNCTION no_room();
"""
ROOM = "DROP FUNCTION no_room CASCADE"


@asynccontextmanager
async def full(app: App) -> AsyncIterator[None]:
    """Leave a node's database without room for facts."""
    async with app.db.transaction() as tx:
        await tx.execute(NO_ROOM)
    try:
        yield
    finally:
        async with app.db.transaction() as tx:
            await tx.execute(ROOM)


async def test_a_full_database_is_told_as_such(an_app: AnApp) -> None:
    """DATABASE_FULL: nothing was kept, and the same request does it when there is room."""
    request = divisions_api.ImportDivisionsRequest(
        request_id=str(uuid4()),
        actor="区划管理员",
        divisions=[a_division(code) for code in SMALL],
    )
    async with an_app(PROVINCE) as app, served(app, KEEPING.services) as channel:
        keeping = DivisionKeepingServiceStub(channel)
        async with full(app):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await keeping.ImportDivisions(request)
            kept = await held(app)
        await keeping.ImportDivisions(request)
        told = refusal(refused.value)

        assert (told.code, told.reason) == (DatabaseFull.code, DatabaseFull.reason)
        assert kept == []
        assert await held(app) == list(SMALL)


async def test_a_receiver_without_room_blames_no_fact(an_app: AnApp) -> None:
    """What cannot be kept for want of room comes again; it is not set aside as bad."""
    async with an_app(PROVINCE) as province, an_app(KUNMING) as kunming:
        await load(province, [a_row(code) for code in SMALL])
        async with full(kunming):
            with pytest.raises(DatabaseFull):
                await carry(province, kunming, CAPABILITY.kinds)
            aside = await quarantined(kunming)
        count = await carry(province, kunming, CAPABILITY.kinds)

        assert aside == []
        assert count == 1
        assert await held(kunming) != []
