"""The catalogue: what can be asked, and what is computed from it."""

from __future__ import annotations

from tier.catalogue.actions import held
from tier.catalogue.errors import ElementUnknown, IndicatorUnknown
from tier.catalogue.expressions import Decoded, allows, evaluate
from tier.catalogue.model import (
    Aggregation,
    Catalogue,
    Element,
    Indicator,
    Number,
    OutlierMethod,
    Owner,
    PeriodType,
    Sensitivity,
    ValueType,
)

__all__ = [
    "Aggregation",
    "Catalogue",
    "Decoded",
    "Element",
    "ElementUnknown",
    "Indicator",
    "IndicatorUnknown",
    "Number",
    "OutlierMethod",
    "Owner",
    "PeriodType",
    "Sensitivity",
    "ValueType",
    "allows",
    "evaluate",
    "held",
]
