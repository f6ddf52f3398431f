"""Reporting model <-> protobuf."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp

from ducha.division.v1 import division_pb2
from ducha.reporting.v1 import reporting_pb2 as pb
from ducha.reporting.v1 import reporting_service_pb2 as service
from tier.jurisdiction import Code, Level
from tier.ledger.model import Kept
from tier.reporting import rules
from tier.reporting.model import Change, Difference, Progress


def level_from(level: int) -> Level | None:
    """Read a level; None when unspecified."""
    return Level(level) if level else None


def change_from(kept: Kept) -> Change:
    """Read what a watcher may see of a fact: never its payload."""
    return Change(kept.kind, kept.subject, kept.division, kept.recorded_at, kept.actor)


def change_to(change: Change) -> pb.ItemChange:
    """Write a change."""
    return pb.ItemChange(
        kind=change.kind,
        item_id=change.item_id,
        division=change.division,
        record_time=moment_to(change.recorded_at),
        actor=change.actor,
    )


def progress_to(
    rows: Iterable[Progress], names: Mapping[Code, str], now: datetime
) -> list[pb.Progress]:
    """Write counts, with what follows from them at this moment."""
    return [
        pb.Progress(
            item_id=str(row.item_id),
            division=row.division,
            division_name=names.get(row.division, ""),
            level=division_pb2.Level.ValueType(row.level),
            expected_count=row.expected,
            received_count=row.received,
            reported_count=row.reported,
            verified_count=row.verified,
            returned_count=row.returned,
            closed_count=row.closed,
            withdrawn_count=row.withdrawn,
            on_time_count=row.on_time,
            late_count=row.late,
            problem_count=row.problems,
            overdue_count=rules.overdue(row, now),
            completeness=rules.completeness(row),
            timeliness=rules.timeliness(row),
            update_time=moment_to(row.updated_at),
        )
        for row in rows
    ]


def difference_to(
    difference: Difference,
) -> service.AuditProgressResponse.Difference:
    """Write a difference, both rows spelled out."""
    return service.AuditProgressResponse.Difference(
        item_id=str(difference.item_id),
        division=difference.division,
        held=rules.spell(difference.level, difference.held),
        recomputed=rules.spell(difference.level, difference.recomputed),
    )


def moment_to(moment: datetime | None) -> Timestamp | None:
    """Write a moment, or nothing."""
    return None if moment is None else _stamp(moment)


@lru_cache(maxsize=64)
def _stamp(moment: datetime) -> Timestamp:
    """Write a moment; changes of one transaction have the same. Never changed, so shared."""
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
