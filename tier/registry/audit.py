"""The audit: what is folded step by step, compared with a full recomputation."""

from __future__ import annotations

from collections.abc import Iterable

from ducha.registry.v1 import registry_service_pb2 as pb
from tier import catalogue as catalogues
from tier.app import App
from tier.catalogue import Catalogue
from tier.registry import audit_store
from tier.registry.periods import parse
from tier.runtime import fields
from tier.runtime.db import Tx

DIFFERENCES = 1000


async def audit(app: App, request: pb.AuditRegistryRequest) -> pb.AuditRegistryResponse:
    """Compare counts, totals and open asks, period by period, in one snapshot."""
    response = pb.AuditRegistryResponse()
    asked = fields.read("period", parse, request.period) if request.period else None
    async with app.db.reading() as tx:
        catalogue = await catalogues.held(tx, app.db)
        periods = [asked.text] if asked else await audit_store.periods(tx)
        for period in periods:
            compared, found = await _of_period(tx, catalogue, period)
            response.compared_count += compared
            response.differences.extend(found)
    del response.differences[DIFFERENCES:]
    return response


async def _of_period(
    tx: Tx, catalogue: Catalogue, period: str
) -> tuple[int, list[pb.RegistryDifference]]:
    """Compare what stands for one period."""
    totals, differing = await audit_store.totals(tx, period, DIFFERENCES)
    requests, miscounted = await audit_store.requests(tx, period, DIFFERENCES)
    sheets, misasked = await audit_store.asks(tx, period, DIFFERENCES)
    found = [
        *(
            _difference(
                f"total {one.area} {period} {_code(catalogue, one.element)}",
                one.kept,
                one.computed,
            )
            for one in differing
        ),
        *(
            _difference(f"request {one.request_id}", one.kept, one.computed)
            for one in miscounted
        ),
        *(
            _difference(
                f"task {one.division} {period}",
                _spelled(catalogue, *one.kept),
                _spelled(catalogue, *one.computed),
            )
            for one in misasked
        ),
    ]
    return totals + requests + sheets, found


def _difference(subject: str, kept: str, computed: str) -> pb.RegistryDifference:
    return pb.RegistryDifference(subject=subject, kept=kept, computed=computed)


def _spelled(catalogue: Catalogue, elements: Iterable[int], deadline: str) -> str:
    """Write an ask for the reader of an audit; empty for none."""
    codes = " ".join(sorted(_code(catalogue, element) for element in elements))
    return f"{codes} by {deadline}" if codes or deadline else ""


def _code(catalogue: Catalogue, number: int) -> str:
    element = catalogue.numbered(number)
    return element.code if element else str(number)
