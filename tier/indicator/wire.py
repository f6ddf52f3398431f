"""Indicator model <-> protobuf."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from ducha.catalogue.v1 import catalogue_pb2
from ducha.indicator.v1 import indicator_pb2
from ducha.indicator.v1 import indicator_service_pb2 as pb
from tier.catalogue import (
    Aggregation,
    Catalogue,
    Element,
    ElementUnknown,
    IndicatorUnknown,
)
from tier.indicator import rules
from tier.indicator.model import Subject, Value


def subject_from(request: pb.ListIndicatorValuesRequest, held: Catalogue) -> Subject:
    """Read what is computed.

    Raises:
        IndicatorUnknown: the catalogue here has no such indicator.
        ElementUnknown: it has no such element.
    """
    if request.WhichOneof("subject") == "aggregate":
        aggregate = request.aggregate
        element = _element(held, aggregate.element)
        return Subject(_aggregation(aggregate.aggregation), (element,))
    indicator = held.indicators.get(request.indicator)
    if indicator is None:
        raise IndicatorUnknown(indicator=request.indicator, version=held.version)
    elements = tuple(_element(held, code) for code in indicator.elements)
    return Subject(indicator.aggregation, elements, indicator)


def _element(held: Catalogue, code: str) -> Element:
    found = held.elements.get(code)
    if found is None:
        raise ElementUnknown(element=code, version=held.version)
    return found


def _aggregation(value: catalogue_pb2.Aggregation.ValueType) -> Aggregation:
    return Aggregation(value)


def value_to(value: Value) -> indicator_pb2.IndicatorValue:
    """Write the value of an area."""
    cells = value.cells
    message = indicator_pb2.IndicatorValue(
        division=value.area,
        name=value.name,
        value=value.number,
        problem=value.problem,
        expected_count=cells.expected,
        received_count=cells.received,
        on_time_count=cells.on_time,
        standing_count=value.standing,
        completeness=rules.share(cells.received, cells.expected),
        timeliness=rules.share(cells.on_time, cells.expected),
        missing_divisions=value.missing.divisions,
        missing_count=value.missing.count,
        completeness_weighted=value.weighted,
        recast_from=value.origins,
    )
    if value.mean_age is not None:
        message.mean_age.CopyFrom(_duration(value.mean_age.total_seconds()))
    return message


def _duration(seconds: float) -> Duration:
    """Write a mean of whole seconds: more digits would say what nobody knows."""
    return Duration(seconds=round(seconds))
