"""The division tree through its gRPC doors: answers, pages, and every refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import grpc
import pytest

from ducha.division.v1 import division_pb2
from ducha.division.v1 import division_service_pb2 as pb
from ducha.division.v1.division_service_pb2_grpc import (
    DivisionKeepingServiceStub,
    DivisionServiceStub,
)
from tests.divisions import KEEPER, KUNMING, PROVINCE, SMALL, an_entry
from tests.servers import AnApp, Refusal, refusal, served
from tier.division import wire
from tier.division.capability import CAPABILITY, KEEPING


class Doors:
    """A node's division services, as a client sees them."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.read = DivisionServiceStub(channel)
        self.keep = DivisionKeepingServiceStub(channel)


@asynccontextmanager
async def doors(an_app: AnApp) -> AsyncIterator[Doors]:
    """Serve a province that knows the small tree, on the evening of 2 January 2025."""
    evening = datetime(2025, 1, 1, 16, tzinfo=UTC)
    async with (
        an_app(PROVINCE, lambda: evening) as app,
        served(app, KEEPING.services) as channel,
    ):
        opened = Doors(channel)
        await opened.keep.ImportDivisions(an_import(*SMALL))
        yield opened


def an_import(*codes: str, request_id: str = "") -> pb.ImportDivisionsRequest:
    return pb.ImportDivisionsRequest(
        request_id=request_id or str(uuid4()),
        actor=KEEPER,
        divisions=[wire.division_to(an_entry(code)) for code in codes],
    )


def an_end(
    code: str, *successors: str, day: str = "2025-07-01"
) -> pb.RetireDivisionRequest:
    return pb.RetireDivisionRequest(
        request_id=str(uuid4()),
        actor=KEEPER,
        code=code,
        valid_to=day,
        successor_codes=successors,
    )


async def refused(call: Awaitable[object]) -> Refusal:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return refusal(error.value)


async def test_a_division_is_shown_as_it_stood(an_app: AnApp) -> None:
    """By day; today, in China, if none is given."""
    async with doors(an_app) as to:
        rename = an_import("530102")
        rename.divisions[0].name = "新五华"
        rename.divisions[0].valid_from = "2025-01-02"
        await to.keep.ImportDivisions(rename)
        today = await to.read.GetDivision(pb.GetDivisionRequest(code="530102"))
        asked = pb.GetDivisionRequest(code="530102", as_of="2025-01-01")
        before = await to.read.GetDivision(asked)

        assert today.division.name == "新五华"
        assert before.division == division_pb2.Division(
            code="530102",
            name="名530102",
            level=division_pb2.LEVEL_COUNTY,
            parent_code="5301",
            valid_from="2023-06-30",
            valid_to="2025-01-02",
        )


async def test_pages_follow_each_other_to_the_last(an_app: AnApp) -> None:
    """By code; the last page, even a full one, has no token."""
    async with doors(an_app) as to:
        asked = pb.ListDivisionsRequest(within="5301", page_size=2)
        pages: list[list[str]] = []
        while not pages or asked.page_token:
            page = await to.read.ListDivisions(asked)
            pages.append([division.code for division in page.divisions])
            asked.page_token = page.next_page_token
        level = pb.ListDivisionsRequest(level=division_pb2.LEVEL_CITY)
        cities = await to.read.ListDivisions(level)
        nothing = await to.read.ListDivisions(pb.ListDivisionsRequest(within="5399"))

        assert pages == [
            ["5301", "530102"],
            ["530102001", "530103"],
            ["530103001"],
        ]
        assert [division.code for division in cities.divisions] == ["5301", "5303"]
        assert nothing == pb.ListDivisionsResponse()


async def test_a_list_of_four_columns_may_be_imported_again(an_app: AnApp) -> None:
    """Rows without a first day begin today, once; what stood already stays."""
    async with doors(an_app) as to:
        counts = []
        for _ in range(2):
            request = an_import("53", "5301", "5304")
            for division in request.divisions:
                division.valid_from = ""
            done = await to.keep.ImportDivisions(request)
            counts.append((done.imported_count, done.unchanged_count))
        new = await to.read.GetDivision(pb.GetDivisionRequest(code="5304"))

        assert counts == [(1, 2), (0, 3)]
        assert new.division.valid_from == "2025-01-02"


async def test_an_ended_division_is_answered_the_same_again(an_app: AnApp) -> None:
    """The caller who lost the answer asks again with the same request id."""
    async with doors(an_app) as to:
        request = an_end("530103", "530102")
        first = await to.keep.RetireDivision(request)
        again = await to.keep.RetireDivision(request)

        assert first == again
        assert first.division.valid_to == "2025-07-01"
        assert first.division.successor_codes == ["530102"]


async def test_only_the_keeper_takes_changes(an_app: AnApp) -> None:
    """A city answers what it knows; it has no door for imports."""
    async with an_app(KUNMING) as app, served(app, CAPABILITY.services) as channel:
        to = Doors(channel)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await to.keep.ImportDivisions(an_import("5301"))

        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


Call = Callable[[Doors], Awaitable[object]]
INVALID = grpc.StatusCode.INVALID_ARGUMENT
REFUSALS: list[tuple[Call, grpc.StatusCode, str, list[str]]] = [
    (
        lambda to: to.read.GetDivision(pb.GetDivisionRequest(code="530199")),
        grpc.StatusCode.NOT_FOUND,
        "DIVISION_UNKNOWN",
        [],
    ),
    (
        lambda to: to.read.GetDivision(pb.GetDivisionRequest()),
        INVALID,
        "INVALID_INPUT",
        ["code"],
    ),
    (
        lambda to: to.read.GetDivision(pb.GetDivisionRequest(code="53010")),
        INVALID,
        "INVALID_INPUT",
        ["code"],
    ),
    (
        lambda to: to.read.GetDivision(
            pb.GetDivisionRequest(code="53", as_of="2025-02-30")
        ),
        INVALID,
        "INVALID_INPUT",
        ["as_of"],
    ),
    (
        lambda to: to.read.ListDivisions(pb.ListDivisionsRequest(within="530")),
        INVALID,
        "INVALID_INPUT",
        ["within"],
    ),
    (
        lambda to: to.read.ListDivisions(pb.ListDivisionsRequest(page_token="53")),  # noqa: S106
        INVALID,
        "PAGE_TOKEN_INVALID",
        [],
    ),
    (
        lambda to: to.keep.ImportDivisions(an_import()),
        INVALID,
        "INVALID_INPUT",
        ["divisions"],
    ),
    (
        lambda to: to.keep.ImportDivisions(an_import(*["5304"] * 5001)),
        INVALID,
        "INVALID_INPUT",
        ["divisions"],
    ),
    (
        lambda to: to.keep.ImportDivisions(an_import("5304", "530599")),
        INVALID,
        "DIVISION_ROWS_INVALID",
        ["divisions[1].parent_code"],
    ),
    (
        lambda to: to.keep.RetireDivision(an_end("530199")),
        grpc.StatusCode.NOT_FOUND,
        "DIVISION_UNKNOWN",
        [],
    ),
    (
        lambda to: to.keep.RetireDivision(an_end("530103", "5309")),
        INVALID,
        "DIVISION_ROWS_INVALID",
        ["successor_codes[0]"],
    ),
    (
        lambda to: to.keep.RetireDivision(an_end("530103", day="2025-13-01")),
        INVALID,
        "INVALID_INPUT",
        ["valid_to"],
    ),
]


@pytest.mark.parametrize(("call", "code", "reason", "fields"), REFUSALS)
async def test_a_refusal_says_what_is_wrong(
    an_app: AnApp, call: Call, code: grpc.StatusCode, reason: str, fields: list[str]
) -> None:
    """The status, the reason, the fields, and both languages."""
    async with doors(an_app) as to:
        told = await refused(call(to))

        assert (told.code, told.reason, told.fields) == (code, reason, fields)
        assert set(told.texts) == {"zh-CN", "en"}


async def test_a_request_id_is_not_used_for_other_content(an_app: AnApp) -> None:
    """And nothing of the other content is taken."""
    async with doors(an_app) as to:
        request_id = str(uuid4())
        await to.keep.ImportDivisions(an_import("5304", request_id=request_id))
        other = an_import("5305", request_id=request_id)
        told = await refused(to.keep.ImportDivisions(other))
        unknown = await refused(to.read.GetDivision(pb.GetDivisionRequest(code="5305")))

        assert told.reason == "REQUEST_ID_REUSED"
        assert told.code is grpc.StatusCode.ALREADY_EXISTS
        assert unknown.reason == "DIVISION_UNKNOWN"
