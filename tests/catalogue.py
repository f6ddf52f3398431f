"""Sound elements and indicators (simulated), and how to publish them at a province's node.

On another node: `await carry(province, below, CAPABILITY.kinds)`, with the `CAPABILITY` of
`tier.catalogue.capability`; or `publish` there, for a test that needs no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from ducha.catalogue.v1 import catalogue_pb2 as pb
from ducha.catalogue.v1 import catalogue_service_pb2 as service
from services.province.catalogue import actions
from services.province.catalogue.plan import Rows
from tier.app import App
from tier.catalogue import Catalogue
from tier.catalogue import held as catalogue_held
from tier.runtime.requests import Request

KEEPER = "目录管理员（模拟）"


def element(code: str, **over: Any) -> pb.Element:
    """Return a number that townships give once a month, fresh until the month closes.

    Its names and definition are as unlike another's as its code is; or say a difference.
    """
    fields: dict[str, Any] = {
        "code": code,
        "name_zh": f"模拟{code}",
        "name_en": f"Simulated {code}",
        "definition": f"{code}（模拟）",
        "type": pb.VALUE_TYPE_NUMBER,
        "period_type": pb.PERIOD_TYPE_MONTH,
        "collect_level": 4,
        "owner": pb.Owner(division="53", name="模拟部门"),
        "legal_basis": "模拟依据",
        "sensitivity": pb.SENSITIVITY_INTERNAL,
        "freshness": pb.Freshness(until_period_closes=True),
        "difference": f"仅用于测试的数据元 {code}",
    }
    return pb.Element(**fields | over)


def indicator(code: str, formula: str, **over: Any) -> pb.Indicator:
    """Return a ratio of sums, unless `over` says otherwise."""
    fields: dict[str, Any] = {
        "code": code,
        "name_zh": f"模拟{code}",
        "name_en": f"Simulated {code}",
        "definition": f"{code}（模拟）",
        "aggregation": pb.AGGREGATION_RATIO,
        "formula": formula,
        "owner": pb.Owner(division="53", name="模拟部门"),
    }
    return pb.Indicator(**fields | over)


async def publish(
    app: App, *elements: pb.Element, indicators: Sequence[pb.Indicator] = ()
) -> service.PublishCatalogueResponse:
    """Publish rows at a node as its keeper does."""
    request = Request(uuid4(), "test", b"")
    return await actions.publish(app, request, KEEPER, Rows(elements, indicators))


async def held(app: App) -> Catalogue:
    """Return the catalogue as a node holds it."""
    async with app.db.reading() as tx:
        return await catalogue_held(tx, app.db)
