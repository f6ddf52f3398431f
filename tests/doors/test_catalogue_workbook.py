"""The workbook through the keeper's gRPC door: out, filled in, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import pytest

from ducha.catalogue.v1 import catalogue_pb2 as pb
from ducha.catalogue.v1 import catalogue_service_pb2 as api
from ducha.catalogue.v1.catalogue_service_pb2_grpc import CatalogueKeepingServiceStub
from services.province.catalogue import workbook
from services.province.catalogue.capability import KEEPING
from tests.catalogue import KEEPER, element, held, indicator, publish
from tests.divisions import PROVINCE
from tests.servers import AnApp, Refusal, recorded, refusal, served

if TYPE_CHECKING:
    from ducha.catalogue.v1.catalogue_service_pb2_grpc import (
        CatalogueKeepingServiceAsyncStub,
    )

TOTAL = element("people.total", name_zh="常住人口", unit="人", rule="value >= 0.0")
OLD = element("people.old", unit="人")
STATE = element(
    "road.state",
    type=pb.VALUE_TYPE_CODE,
    codes=[
        pb.CodeListEntry(code="1", name_zh="畅通"),
        pb.CodeListEntry(code="2", name_zh="中断"),
    ],
)
SHARE = indicator("people.share", "people.old / people.total * 100.0")


def an_import(
    *elements: pb.Element, body: bytes = b"", check: bool = False
) -> api.ImportWorkbookRequest:
    return api.ImportWorkbookRequest(
        request_id=str(uuid4()),
        actor=KEEPER,
        workbook=body or workbook.write(elements, []),
        validate_only=check,
    )


async def refused(
    keep: CatalogueKeepingServiceAsyncStub, request: api.ImportWorkbookRequest
) -> Refusal:
    """Return what an import was refused with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await keep.ImportWorkbook(request)
    return refusal(caught.value)


async def test_what_was_exported_changes_nothing_when_imported(an_app: AnApp) -> None:
    """And is the whole catalogue elsewhere."""
    async with (
        an_app(PROVINCE) as app,
        an_app(PROVINCE) as other,
        served(app, KEEPING.services) as channel,
        served(other, KEEPING.services) as elsewhere,
    ):
        await publish(app, TOTAL, OLD, STATE, indicators=[SHARE])
        keep = CatalogueKeepingServiceStub(channel)
        before = await recorded(app)
        exported = await keep.ExportWorkbook(api.ExportWorkbookRequest())
        again = await keep.ImportWorkbook(an_import(body=exported.workbook))
        checked = await CatalogueKeepingServiceStub(elsewhere).ImportWorkbook(
            an_import(body=exported.workbook, check=True)
        )
        there = await CatalogueKeepingServiceStub(elsewhere).ImportWorkbook(
            an_import(body=exported.workbook)
        )

        assert exported.catalogue_version == 1
        assert (again.result.published_count, again.result.unchanged_count) == (0, 4)
        assert await recorded(app) == before
        assert checked == there
        assert there.result.published_count == 4
        assert (await held(other)).elements.keys() == (await held(app)).elements.keys()


async def test_a_repeated_import_is_one_act(an_app: AnApp) -> None:
    """Its answer was lost."""
    async with an_app(PROVINCE) as app, served(app, KEEPING.services) as channel:
        keep = CatalogueKeepingServiceStub(channel)
        request = an_import(TOTAL)
        first = await keep.ImportWorkbook(request)
        again = await keep.ImportWorkbook(request)
        request.workbook = workbook.write([OLD], [])
        reused = await refused(keep, request)

        assert first == again
        assert reused.reason == "REQUEST_ID_REUSED"
        assert (await held(app)).version == 1


async def test_every_refusal_names_cells(an_app: AnApp) -> None:
    """Whoever filled the workbook in sees where; nothing of it is taken."""
    rule = element("a", rule="value >= 0")
    twin = element("b", name_zh="常住人口", unit="人", difference="")
    odd = element("c", type=pb.VALUE_TYPE_TEXT, decimals=1)
    async with an_app(PROVINCE) as app, served(app, KEEPING.services) as channel:
        await publish(app, TOTAL)
        keep = CatalogueKeepingServiceStub(channel)
        refusals = [
            await refused(keep, an_import(body=b"no workbook")),
            await refused(keep, an_import(OLD, odd)),
            await refused(keep, an_import(OLD, rule)),
            await refused(keep, an_import(OLD, twin)),
            await refused(keep, api.ImportWorkbookRequest()),
        ]

        assert [each.reason for each in refusals] == [
            "WORKBOOK_INVALID",
            "CATALOGUE_ROWS_INVALID",
            "RULE_REFUSED",
            "TWIN_UNEXPLAINED",
            "INVALID_INPUT",
        ]
        assert [list(each.fields) for each in refusals[:4]] == [
            ["file"],
            ["数据元!G3"],
            ["数据元!O3"],
            ["数据元!Q3"],
        ]
        assert all(set(each.texts) == {"en", "zh-CN"} for each in refusals)
        assert (await held(app)).elements.keys() == {"people.total"}
