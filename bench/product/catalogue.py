"""Publish what the benchmark collects (simulated), and wait until the lowest tier knows it."""

from __future__ import annotations

import uuid

import grpc

from bench import elements
from bench.product.polling import until
from bench.product.requests import ACTOR
from ducha.catalogue.v1 import catalogue_pb2 as pb
from ducha.catalogue.v1 import catalogue_service_pb2 as api
from ducha.catalogue.v1 import catalogue_service_pb2_grpc as door
from ducha.division.v1 import division_pb2

PUBLISH_SECONDS = 60.0


def published() -> api.PublishCatalogueRequest:
    """Return twenty elements of townships, twenty of grids, and an indicator."""
    monthly = [
        _element(code, pb.PERIOD_TYPE_MONTH, division_pb2.LEVEL_TOWNSHIP)
        for code in elements.MONTHLY
    ]
    daily = [
        _element(code, pb.PERIOD_TYPE_DAY, division_pb2.LEVEL_GRID)
        for code in elements.DAILY
    ]
    return api.PublishCatalogueRequest(
        request_id=str(uuid.uuid4()),
        actor=ACTOR,
        elements=[*monthly, *daily],
        indicators=[_indicator()],
    )


async def publish(top: grpc.aio.Channel, bottom: grpc.aio.Channel) -> None:
    """Publish at the top; return when the bottom knows the last of it."""
    keeping = door.CatalogueKeepingServiceStub(top)
    await keeping.PublishCatalogue(published(), timeout=PUBLISH_SECONDS)
    catalogue = door.CatalogueServiceStub(bottom)
    await until(lambda: _known(catalogue), PUBLISH_SECONDS)


async def _known(catalogue: door.CatalogueServiceAsyncStub) -> bool:
    response = await catalogue.ListIndicators(
        api.ListIndicatorsRequest(text=elements.INDICATOR)
    )
    return bool(response.indicators)


def _element(
    code: str, period: pb.PeriodType.ValueType, level: division_pb2.Level.ValueType
) -> pb.Element:
    """Return a count with a rule, as most elements are."""
    return pb.Element(
        code=code,
        name_zh=f"压测数据元{code}（模拟）",
        name_en=f"Benchmark element {code} (simulated)",
        definition=f"压测用的第 {code} 项计数（模拟）",
        type=pb.VALUE_TYPE_NUMBER,
        unit="户",
        period_type=period,
        collect_level=level,
        owner=_owner(),
        legal_basis="压测（模拟）",
        sensitivity=pb.SENSITIVITY_INTERNAL,
        freshness=pb.Freshness(until_period_closes=True),
        rule="value >= 0.0",
        difference=f"压测专用，与其他数据元无关：{code}（模拟）",
    )


def _indicator() -> pb.Indicator:
    part, whole = elements.DAILY[:2]
    return pb.Indicator(
        code=elements.INDICATOR,
        name_zh="压测比率（模拟）",
        name_en="Benchmark share (simulated)",
        definition="压测用的比率（模拟）",
        unit="%",
        aggregation=pb.AGGREGATION_RATIO,
        formula=f"{part} / {whole} * 100.0",
        owner=_owner(),
    )


def _owner() -> pb.Owner:
    return pb.Owner(division="53", name="压测（模拟）")
