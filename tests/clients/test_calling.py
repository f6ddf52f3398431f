"""A refusal arrives whole, and only what is safe is sent again."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import grpc
import pytest

from clients.runtime import Client, Limits, Refused, Unreachable, watching
from clients.runtime.watching import watch
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.reporting.v1 import reporting_service_pb2 as reporting
from tests.clients.refusing import Handler, add_services, rich_status

QUICK = Limits(deadline=5.0, attempts=4, first_pause=0.001)


@asynccontextmanager
async def serving(handlers: Mapping[str, Handler]) -> AsyncIterator[Client]:
    """Serve these methods on this loop, with a client of them."""
    server = grpc.aio.server()
    add_services(server, handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with Client(f"127.0.0.1:{port}", limits=QUICK) as client:
            yield client
    finally:
        await server.stop(None)


async def test_a_refusal_keeps_every_detail() -> None:
    """The caller sees code, reason, both texts, the fields and the metadata."""

    async def refuse(_request: Any, context: Any) -> None:
        status = rich_status(
            grpc.StatusCode.INVALID_ARGUMENT,
            "INVALID_INPUT",
            fields=[("item_id", "must be a UUID")],
        )
        await context.abort_with_status(status)

    async with serving({"GetItem": refuse}) as client:
        with pytest.raises(Refused) as caught:
            await client.call(client.assignments.GetItem, api.GetItemRequest())
    refused = caught.value

    assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.reason == "INVALID_INPUT"
    assert refused.english == "No such item here."
    assert refused.chinese == "本节点没有该事项。"
    assert [(v.field, v.description) for v in refused.violations] == [
        ("item_id", "must be a UUID")
    ]
    assert refused.metadata == {"item_id": "i1"}
    assert refused.retry_after is None


async def test_a_bare_status_is_a_refusal_too() -> None:
    """A server without rich errors, such as a proxy, is still understood."""

    async def refuse(_request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")

    async with serving({"GetItem": refuse}) as client:
        with pytest.raises(Refused, match="not you") as caught:
            await client.call(client.assignments.GetItem, api.GetItemRequest())

    assert caught.value.reason == ""
    assert caught.value.chinese == "not you"


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAVAILABLE,
    ],
)
async def test_a_passing_failure_is_asked_again_with_the_same_id(
    code: grpc.StatusCode,
) -> None:
    """The node waits as told, and the request_id makes two requests one act."""
    seen: list[tuple[str, float]] = []

    async def first_busy(request: Any, context: Any) -> Any:
        seen.append((request.request_id, time.monotonic()))
        if len(seen) == 1:
            await context.abort_with_status(rich_status(code, retry_after=0.2))
        return api.CloseItemResponse()

    async with serving({"CloseItem": first_busy}) as client:
        request = api.CloseItemRequest(request_id="r1")
        await client.call(client.assignments.CloseItem, request)

    assert [request_id for request_id, _ in seen] == ["r1", "r1"]
    assert seen[1][1] - seen[0][1] >= 0.2


async def test_an_act_without_an_id_is_sent_once() -> None:
    """Nothing tells the second request from the first, so there is none."""
    seen: list[object] = []

    async def busy(request: Any, context: Any) -> None:
        seen.append(request)
        await context.abort_with_status(rich_status(grpc.StatusCode.ABORTED))

    async with serving({"CloseItem": busy}) as client:
        with pytest.raises(Refused):
            await client.call(
                client.assignments.CloseItem, api.CloseItemRequest(), repeat=False
            )

    assert len(seen) == 1


async def test_a_node_that_stays_away_is_unreachable() -> None:
    """The text names the address and the next step, in both languages."""
    async with Client("127.0.0.1:1", limits=QUICK) as client:
        with pytest.raises(Unreachable) as caught:
            await client.call(client.assignments.GetItem, api.GetItemRequest())

    assert "127.0.0.1:1" in caught.value.english
    assert "ducha doctor" in caught.value.english
    assert "无法连接" in caught.value.chinese


async def test_the_callers_trace_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script with TRACEPARENT set finds its calls in its own trace."""
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    monkeypatch.setenv("TRACEPARENT", given)
    seen: list[dict[str, str]] = []

    async def look(_request: Any, context: Any) -> Any:
        seen.append(dict(context.invocation_metadata()))
        return api.GetItemResponse()

    async with serving({"GetItem": look}) as client:
        await client.call(client.assignments.GetItem, api.GetItemRequest())

    assert seen[0]["traceparent"] == given


async def test_a_watch_goes_on_at_its_token() -> None:
    """The node drains after each response; the watcher sees each once, in order."""
    tokens: list[str] = []

    async def two_each(request: Any, context: Any) -> Any:
        tokens.append(request.resume_token)
        begin = int(request.resume_token or 0)
        for number in (begin + 1, begin + 2):
            yield reporting.WatchItemResponse(resume_token=str(number))
        await context.abort_with_status(
            rich_status(grpc.StatusCode.UNAVAILABLE, "DRAINING")
        )

    seen: list[str] = []
    async with serving({"WatchItem": two_each}) as client:
        stream = watch(client.reporting.WatchItem, reporting.WatchItemRequest())
        async with aclosing(stream) as responses:
            async for response in responses:
                seen.append(response.resume_token)
                if len(seen) == 5:
                    break

    assert seen == ["1", "2", "3", "4", "5"]
    assert tokens == ["", "2", "4"]


async def test_a_refused_watch_ends() -> None:
    """An unknown item stays unknown, however often it is asked."""

    async def refuse(_request: Any, context: Any) -> Any:
        await context.abort_with_status(rich_status(grpc.StatusCode.NOT_FOUND))
        yield reporting.WatchItemResponse()

    async with serving({"WatchItem": refuse}) as client:
        stream = watch(client.reporting.WatchItem, reporting.WatchItemRequest())
        with pytest.raises(Refused) as caught:
            await anext(stream)

    assert caught.value.reason == "ITEM_UNKNOWN"


@pytest.mark.parametrize(("stood", "calls"), [(0.0, 3), (60.0, 1)])
async def test_a_watch_outlives_its_token(
    monkeypatch: pytest.MonkeyPatch, stood: float, calls: int
) -> None:
    """Cut off after it stood, it asks again; who is cut off at once is not let in."""
    monkeypatch.setattr(watching, "STOOD_SECONDS", stood)
    tokens: list[str] = []

    async def cut(request: Any, context: Any) -> Any:
        tokens.append(request.resume_token)
        if len(tokens) < 3:
            yield reporting.WatchItemResponse(resume_token=str(len(tokens)))
        code = grpc.StatusCode.UNAUTHENTICATED
        if len(tokens) == 3:
            monkeypatch.setattr(watching, "STOOD_SECONDS", 60.0)
        await context.abort_with_status(rich_status(code, "IDENTITY_REVOKED"))

    async with serving({"WatchItem": cut}) as client:
        stream = watch(client.reporting.WatchItem, reporting.WatchItemRequest())
        with pytest.raises(Refused) as caught:
            async for _ in stream:
                pass

    assert caught.value.reason == "IDENTITY_REVOKED"
    assert len(tokens) == calls
