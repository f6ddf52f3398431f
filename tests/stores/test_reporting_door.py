"""Reporting's door on a real PostgreSQL: pages, names, rates, refusals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest

from ducha.division.v1 import division_pb2
from ducha.reporting.v1 import reporting_service_pb2 as pb
from tests.servers import AnApp
from tests.stores.reporting import (
    DEADLINE,
    MIXED,
    NOW,
    PROVINCE,
    TOWNS,
    a_door,
    issue,
    reason,
    refusal,
    report,
)
from tier.runtime.pages import Page

UNKNOWN = str(uuid4())
DIVISION = """
    INSERT INTO division (code, name, level, parent_code, valid_from)
    VALUES ($1, $2, 2, '53', '2023-06-30')
"""


async def test_an_item_that_is_not_here_is_refused(an_app: AnApp) -> None:
    """A wrong id is not an empty result."""
    unknown = str(uuid4())
    async with an_app(PROVINCE) as app, a_door(app) as door:
        watch = await refusal(door.WatchItem(pb.WatchItemRequest(item_id=unknown)))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await door.ListProgress(pb.ListProgressRequest(item_id=unknown))

    assert watch == reason(refused.value) == "ITEM_UNKNOWN"
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


WRONG = {
    "no code": pb.ListProgressRequest(item_id=UNKNOWN, within="530"),
    "no uuid": pb.ListProgressRequest(item_id="1"),
    "too many": pb.ListProgressRequest(item_id=UNKNOWN, page_size=2001),
    "no level": pb.ListProgressRequest(item_id=UNKNOWN, division_level=9),  # type: ignore[arg-type]
    "no uuid to audit": pb.AuditProgressRequest(item_id="-" * 36),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_wrong_fields_are_refused_by_name(an_app: AnApp, wrong: str) -> None:
    """What the protos do not catch, the door does."""
    request: Any = WRONG[wrong]
    method = request.DESCRIPTOR.name.removesuffix("Request")
    async with an_app(PROVINCE) as app, a_door(app) as door:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await getattr(door, method)(request)
        area = await refusal(
            door.WatchDivision(pb.WatchDivisionRequest(division="530"))
        )

    assert reason(refused.value) == area == "INVALID_INPUT"


@pytest.mark.parametrize("key", [("53", "x"), ("53", "9"), ("53", "1", "2")])
async def test_a_page_token_of_another_listing_is_refused(
    an_app: AnApp, key: Sequence[str]
) -> None:
    """It is not read as if it were one of these."""
    token = a_page_token(key)
    async with an_app(PROVINCE) as app, a_door(app) as door:
        item_id = await issue(app)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await door.ListProgress(
                pb.ListProgressRequest(item_id=str(item_id), page_token=token)
            )

    assert reason(refused.value) == "PAGE_TOKEN_INVALID"


def a_page_token(key: Sequence[str]) -> str:
    return Page(1, ()).next([1, 2], key)


async def test_progress_is_listed_page_by_page_with_names_and_rates(
    an_app: AnApp,
) -> None:
    """Every row comes once, in order, with what follows from its counts by now."""
    after_deadline = DEADLINE + timedelta(hours=1)
    async with an_app(PROVINCE, lambda: after_deadline) as app, a_door(app) as door:
        item_id = await issue(app, MIXED)
        await report(app, item_id, TOWNS[:2])
        async with app.db.transaction() as tx:
            await tx.execute(DIVISION, "5301", "昆明市")
        pages: list[pb.ListProgressResponse] = []
        request = pb.ListProgressRequest(
            item_id=str(item_id),
            within="53",
            division_level=division_pb2.LEVEL_CITY,
            page_size=2,
        )
        while not pages or pages[-1].next_page_token:
            request.page_token = pages[-1].next_page_token if pages else ""
            pages.append(await door.ListProgress(request))
        rest = await door.ListProgress(
            pb.ListProgressRequest(
                item_id=str(item_id), within="530302", page_size=2000
            )
        )

    rows = [row for page in pages for row in page.progress]
    assert [(row.division, row.level) for row in rows] == [
        *(("5301", level) for level in (2, 3, 4, 5, 6)),
        *(("5303", level) for level in (3, 4)),
    ]
    towns = rows[2]
    assert (towns.division_name, towns.expected_count) == ("昆明市", 10)
    assert (towns.reported_count, towns.overdue_count) == (2, 8)
    assert (towns.completeness, towns.timeliness) == (0.2, 0.2)
    assert pages[0].as_of_time.ToDatetime(UTC) == after_deadline
    assert {row.division[:6] for row in rest.progress} == {"530302"}


async def test_progress_names_who_is_out_of_contact(an_app: AnApp) -> None:
    """Old counts are shown as such, but only where they may be old."""
    silent = [("kunming", NOW), ("qujing", None)]
    async with an_app(PROVINCE) as app:
        deaf = replace(app, silent=lambda: silent)
        async with a_door(deaf) as door:
            item_id = str(await issue(app))
            whole = await door.ListProgress(pb.ListProgressRequest(item_id=item_id))
            part = await door.ListProgress(
                pb.ListProgressRequest(item_id=item_id, within="530102")
            )

    assert [(each.node, list(each.divisions)) for each in whole.out_of_contact] == [
        ("kunming", ["5301"]),
        ("qujing", ["5303"]),
    ]
    assert not whole.out_of_contact[1].HasField("last_contact_time")
    [near] = part.out_of_contact
    assert near.last_contact_time.ToDatetime(UTC) == NOW
