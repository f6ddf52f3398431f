"""A revoked identity is cut off what it is in the middle of; others are not."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
import pytest

from deploy.authority import actions, tokens
from deploy.authority.certificates import Reason
from deploy.authority.tokens import Person
from ducha.reporting.v1 import reporting_service_pb2 as pb
from ducha.reporting.v1.reporting_service_pb2_grpc import ReportingServiceStub
from tests.identity.sites import WUHUA, Site, bearing, walled
from tests.servers import AnApp, refusal
from tier.reporting.capability import CAPABILITY as REPORTING

CUT_SECONDS = 5.0


async def watched(site: Site, stub: Any, token: str) -> Any:
    """Begin to watch a division, and see that it answered."""
    request = pb.WatchDivisionRequest(division="530102")
    call = stub.WatchDivision(request, metadata=bearing(token))
    assert await call.read() is not grpc.aio.EOF
    return call


async def test_a_watch_ends_when_its_watcher_is_revoked(
    site: Site, an_app: AnApp
) -> None:
    identity = site.identity(WUHUA)
    one = tokens.issue(site.store, Person("li", "530102", ("officer",)))
    other = tokens.issue(site.store, Person("wang", "530102", ("officer",)))
    async with (
        an_app(WUHUA) as app,
        walled(identity, WUHUA, app, REPORTING.services) as server,
        server.channel(site.line("clients", "oa")) as line,
    ):
        app.tasks.create_task(identity.watch())
        stub = ReportingServiceStub(line)
        cut, kept = [await watched(site, stub, token.text) for token in (one, other)]
        tokens.revoke(site.store, one.token_id)
        began = time.monotonic()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await asyncio.wait_for(cut.read(), 4 * CUT_SECONDS)
        took = time.monotonic() - began
        assert not kept.done()
        kept.cancel()
    assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert refusal(error.value).reason == "IDENTITY_REVOKED"
    assert took < CUT_SECONDS


async def test_a_watch_ends_when_the_token_expires(site: Site, an_app: AnApp) -> None:
    identity = site.identity(WUHUA)
    token = site.issuing().issue("530102", ["officer"], seconds=-20.0)  # 10 s of leeway
    async with (
        an_app(WUHUA) as app,
        walled(identity, WUHUA, app, REPORTING.services) as server,
        server.channel(site.line("clients", "oa")) as line,
    ):
        app.tasks.create_task(server.entrance.sweep())
        call = await watched(site, ReportingServiceStub(line), token)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await asyncio.wait_for(call.read(), 10 * CUT_SECONDS)
    assert refusal(error.value).reason == "IDENTITY_REVOKED"


async def test_the_line_of_a_revoked_certificate_is_hung_up(
    site: Site, an_app: AnApp
) -> None:
    """Whoever holds the connection finds it closed; on a new one every call is refused."""
    identity = site.identity(WUHUA)
    token = site.token("530102", "officer")
    async with (
        an_app(WUHUA) as app,
        walled(identity, WUHUA, app, REPORTING.services) as server,
        server.channel(site.line("clients", "oa")) as line,
    ):
        app.tasks.create_task(identity.watch())
        call = await watched(site, ReportingServiceStub(line), token)
        assert line.get_state() is grpc.ChannelConnectivity.READY
        actions.revoke(site.store, "oa", Reason.KEY_COMPROMISE)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await asyncio.wait_for(call.read(), 4 * CUT_SECONDS)
        assert refusal(error.value).reason == "IDENTITY_REVOKED"
        async with asyncio.timeout(4 * CUT_SECONDS):
            await line.wait_for_state_change(grpc.ChannelConnectivity.READY)
