"""Give a fresh line its divisions, and wait until the lowest tier knows them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence

import grpc

from bench.product.reaching import channel_to
from bench.product.requests import ACTOR
from deploy.embedded.line import Line
from ducha.division.v1 import division_pb2 as pb
from ducha.division.v1 import division_service_pb2 as api
from ducha.division.v1 import division_service_pb2_grpc as door

IMPORT_ROWS = 5000
IMPORT_SECONDS = 120.0
POLL_SECONDS = 0.05
VALID_FROM = "2023-06-30"


async def teach(rows: Sequence[Mapping[str, str]], running: Line) -> None:
    """Import divisions at the top; return when the bottom knows the last of each call."""
    known = sorted((_division(row) for row in rows), key=_place)
    parts = [
        known[start : start + IMPORT_ROWS]
        for start in range(0, len(known), IMPORT_ROWS)
    ]
    async with channel_to(running, "province") as channel:
        for part in parts:
            await _import(channel, part)
    async with (
        asyncio.timeout(IMPORT_SECONDS),
        channel_to(running, "township") as channel,
    ):
        for part in parts:
            await _known(channel, part[-1].code)


async def _import(channel: grpc.aio.Channel, part: Sequence[pb.Division]) -> None:
    request = api.ImportDivisionsRequest(
        request_id=str(uuid.uuid4()), actor=ACTOR, divisions=part
    )
    keeping = door.DivisionKeepingServiceStub(channel)
    await keeping.ImportDivisions(request, timeout=IMPORT_SECONDS)


async def _known(channel: grpc.aio.Channel, code: str) -> None:
    divisions = door.DivisionServiceStub(channel)
    while True:
        try:
            await divisions.GetDivision(api.GetDivisionRequest(code=code))
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            await asyncio.sleep(POLL_SECONDS)
        else:
            return


def _division(row: Mapping[str, str]) -> pb.Division:
    return pb.Division(
        code=row["code"],
        name=row["name"],
        level=pb.Level.Value(f"LEVEL_{row['level'].upper()}"),
        parent_code=row["parent"],
        valid_from=VALID_FROM,
    )


def _place(division: pb.Division) -> tuple[int, str]:
    return len(division.code), division.code
