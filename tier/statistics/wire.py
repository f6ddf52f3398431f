"""Statistics model <-> protobuf."""

from __future__ import annotations

from collections.abc import Mapping

from ducha.assignment.v1 import assignment_pb2
from ducha.statistics.v1 import statistics_pb2 as pb
from ducha.statistics.v1 import statistics_service_pb2 as service
from tier.jurisdiction import Code, Level
from tier.statistics import rules
from tier.statistics.model import (
    Counts,
    Difference,
    Grouping,
    Key,
    Measure,
    Query,
    Statistic,
)

BY_DEFAULT = frozenset({Grouping.DIVISION})


def query_from(request: service.ListStatisticsRequest) -> Query:
    """Read which counts are asked for."""
    return Query(
        within=request.within,
        level=_level(request.level),
        executing=_level(request.executing_level),
        issuer=request.issuer_division,
        source_type=request.source_type,
        urgency=request.urgency,
        first_month=request.from_month,
        last_month=request.to_month,
        groups=frozenset(map(Grouping, request.group_by)) or BY_DEFAULT,
    )


def statistic_to(
    statistic: Statistic, names: Mapping[Code, str] | None = None
) -> pb.Statistic:
    """Write a group, with what follows from its counts."""
    key, counts = statistic.key, statistic.counts
    return pb.Statistic(
        division=key.division,
        division_name=(names or {}).get(Code(key.division), ""),
        issuer_division=key.issuer,
        lead_unit=key.lead_unit,
        source_type=assignment_pb2.SourceType.ValueType(key.source_type),
        urgency=assignment_pb2.Urgency.ValueType(key.urgency),
        month=key.month,
        counts=counts_to(counts),
        completeness=rules.completeness(counts),
        timeliness=rules.timeliness(counts),
    )


def counts_to(counts: Counts) -> pb.Counts:
    """Write counts: their names are those of the measures."""
    written = pb.Counts()
    for measure, count in zip(Measure, counts, strict=True):
        setattr(written, measure.name.lower(), count)
    return written


def difference_to(difference: Difference) -> service.StatisticDifference:
    """Write a difference; a side that is not there stays unset."""
    served, computed = difference.served, difference.computed
    return service.StatisticDifference(
        item_id=str(difference.item_id),
        served=None if served is None else _side(difference.key, served),
        computed=None if computed is None else _side(difference.key, computed),
    )


def _side(key: Key, counts: Counts) -> pb.Statistic:
    return statistic_to(Statistic(key, counts))


def _level(level: int) -> Level | None:
    return Level(level) if level else None
