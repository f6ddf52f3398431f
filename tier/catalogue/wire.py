"""Catalogue model <-> protobuf. Messages are kept as published; models are read from them."""

from __future__ import annotations

from collections.abc import Collection

from ducha.catalogue.v1 import catalogue_pb2 as pb
from tier.catalogue.expressions import named
from tier.catalogue.model import (
    Aggregation,
    Element,
    Indicator,
    Number,
    OutlierMethod,
    Owner,
    PeriodType,
    Sensitivity,
    ValueType,
)
from tier.jurisdiction import Code, Level

THRESHOLDS = {
    OutlierMethod.Z_SCORE: 3.0,
    OutlierMethod.RANGE: 0.5,
    OutlierMethod.NONE: 0.0,
}


def element_from(message: pb.Element) -> Element:
    """Read an element that was checked at the door."""
    method = OutlierMethod(message.outlier_check.method or OutlierMethod.Z_SCORE)
    threshold = message.outlier_check.threshold or THRESHOLDS[method]
    aging = message.freshness.HasField("max_age")
    return Element(
        number=Number(message.number),
        code=message.code,
        version=message.version,
        name_zh=message.name_zh,
        name_en=message.name_en,
        definition=message.definition,
        type=ValueType(message.type),
        unit=message.unit,
        decimals=message.decimals,
        code_list={entry.code: entry.name_zh for entry in message.codes},
        period_type=PeriodType(message.period_type),
        collect_level=Level(message.collect_level),
        owner=Owner(Code(message.owner.division), message.owner.name),
        sensitivity=Sensitivity(message.sensitivity),
        max_age=message.freshness.max_age.ToTimedelta() if aging else None,
        rule=message.rule,
        forbidden_uses=frozenset(message.forbidden_uses),
        difference=message.difference,
        outlier_method=method,
        outlier_threshold=threshold,
        retired=message.retired,
        body=message.SerializeToString(deterministic=True),
    )


def indicator_from(message: pb.Indicator, codes: Collection[str]) -> Indicator:
    """Read an indicator that was checked at the door; `codes` are all that elements have."""
    return Indicator(
        code=message.code,
        version=message.version,
        name_zh=message.name_zh,
        name_en=message.name_en,
        unit=message.unit,
        aggregation=Aggregation(message.aggregation),
        formula=message.formula,
        elements=named(message.formula, codes),
        completeness_weighted=message.completeness_weighted,
        retired=message.retired,
        body=message.SerializeToString(deterministic=True),
    )
