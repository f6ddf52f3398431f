"""`ducha registry watch`: a data request live, until all values are there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, nullcontext

import grpc
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from clients.cli import options, progress, render
from clients.cli.command import command
from clients.cli.registry import DataRequestId, app
from clients.cli.registry_words import cells, request_rows
from clients.cli.session import Session
from clients.runtime import Client
from clients.runtime.answers import from_rpc_error
from clients.runtime.calling import Limits, trace_metadata
from ducha.registry.v1 import registry_pb2 as pb
from ducha.registry.v1 import registry_service_pb2 as api

PATIENCE = 60.0
"""Seconds that a node may be away before the watch gives up."""


async def follow(
    client: Client, data_request: str, patience: float = PATIENCE
) -> AsyncGenerator[pb.DataRequest]:
    """Yield a data request whenever it changed, over restarts of the node, to its end.

    Raises:
        Refused: the node said no, such as for an unknown request.
        Unreachable: the node stayed away longer than `patience` seconds.
    """
    request = api.WatchDataRequestRequest(data_request_id=data_request)
    limits = Limits(longest_pause=1.0)
    attempt, silent_since = 0, time.monotonic()
    while True:
        stream = client.registry.WatchDataRequest(request, metadata=trace_metadata())
        try:
            async for response in stream:
                yield response.data_request
                if response.data_request.state != pb.DATA_REQUEST_STATE_OPEN:
                    return
                attempt, silent_since = 0, time.monotonic()
        except grpc.aio.AioRpcError as error:
            failed = from_rpc_error(error, client.address)
            is_away = failed.code is grpc.StatusCode.UNAVAILABLE
            if not is_away or time.monotonic() - silent_since > patience:
                raise failed from error
        finally:
            stream.cancel()
        await asyncio.sleep(limits.pause(attempt))
        attempt += 1


@command(app, "watch", example="ducha registry watch 0198c0de-…")
async def watch_request(
    session: Session, data_request: DataRequestId, *, at: options.At = ""
) -> None:
    """Watch a data request until it is complete. 实时查看供数进度, 收齐后结束.

    With --json, one object a line for every change. Ctrl-C ends it too.
    """
    client = await session.at(at)
    live = Live(console=session.out, auto_refresh=False)
    on_screen = session.out.is_terminal and not session.choices.as_json
    last = pb.DataRequest()
    with live if on_screen else nullcontext():
        try:
            async with aclosing(follow(client, data_request)) as changes:
                async for last in changes:
                    if session.choices.as_json:
                        session.write_json(last)
                    elif on_screen:
                        live.update(picture(session, last), refresh=True)
        except asyncio.CancelledError:
            # Ctrl-C is the ordinary way to stop looking, so it is no failure.
            session.write(
                f"Stopped. Go on with: ducha registry watch {data_request}",
                f"已停止。继续查看：ducha registry watch {data_request}",
            )
            return
    if session.choices.as_json:
        return
    if not on_screen:
        render.pairs(session.out, request_rows(session, last))
    if last.state == pb.DATA_REQUEST_STATE_WITHDRAWN:
        session.write("It was withdrawn.", "该申请已撤回。")
        return
    session.write(
        f"All values are here. Next: ducha registry values --period {last.period}",
        f"数据已收齐。下一步：ducha registry values --period {last.period}",
    )


def picture(session: Session, one: pb.DataRequest) -> RenderableType:
    """Return how far a request is, as a bar."""
    whole = sum(cells(one.outcomes))
    there = whole - one.waiting_count
    ratio = there / whole if whole else 1.0
    served, joined, confirm, collect = cells(one.outcomes)
    say = session.say
    return Group(
        Text(f"{one.title}  {one.period}", style="bold"),
        Text(f"{progress.bar(ratio)} {there}/{whole} {render.percent(ratio)}"),
        Text(
            say(
                f"served {served}, joined {joined}, to confirm {confirm}, to collect {collect}",
                f"已有 {served}，并单 {joined}，待确认 {confirm}，待采集 {collect}",
            ),
            style="dim",
        ),
    )
