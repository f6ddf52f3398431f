"""What the load driver sends. Built before the clock starts, as bytes.

Real load comes from many machines; here it shares two cores with what is measured.
So requests are made once with ids in their places, and an id of the same length is put
in when the item is known: what travels is what any client would send.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from functools import cache

from google.protobuf.timestamp_pb2 import Timestamp

from bench.answers import report
from bench.line import Targets
from bench.product.sent import Sent
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.division.v1 import division_pb2

ACTOR = "bench"
BATCH_REPORTS = 500
MANY_TARGETS = 100
"""From here on an item names a level, as an issuer would, and not divisions."""
_ITEM = "00000000-0000-4000-8000-000000000001"
_REQUEST = "00000000-0000-4000-8000-000000000002"


def issue(root: str, targets: Targets) -> api.IssueItemRequest:
    """Return a request that issues an item from the root straight to its targets."""
    now = dt.datetime.now(dt.UTC)
    unit = pb.Unit(division=root, name="省政府督查室")
    item = pb.Item(
        title="基层减负专项督查",
        basis="云南省2020年度督查计划",
        scheme=pb.Scheme(content="核查报表与检查频次", scope="全省", method="远程"),
        source_type=pb.SOURCE_TYPE_PLAN_LINE,
        urgency=pb.URGENCY_ROUTINE,
        lead_unit=unit,
        mode=pb.MODE_DIRECT,
        receive_by_time=_time(now + dt.timedelta(days=10)),
        deadline_time=_time(now + dt.timedelta(days=20)),
        closing_rule=pb.ClosingRule(kind=pb.ClosingRule.KIND_ALL),
        skip_level_reason="压力测试",
    )
    return api.IssueItemRequest(
        request_id=str(uuid.uuid4()),
        division=root,
        actor=ACTOR,
        item=item,
        targets=_selection(targets),
    )


def issue_within(root: str, targets: Targets, seconds: float) -> api.IssueItemRequest:
    """Return a request for an item that is to be received and reported within seconds."""
    request = issue(root, targets)
    end = _time(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds))
    request.item.receive_by_time.CopyFrom(end)
    request.item.deadline_time.CopyFrom(end)
    return request


def withdraw(root: str, item: str) -> api.WithdrawItemRequest:
    """Return a request that takes an item back."""
    return api.WithdrawItemRequest(
        request_id=str(uuid.uuid4()),
        division=root,
        actor=ACTOR,
        item_id=item,
        reason="压力测试结束",
    )


def reports(item: str, divisions: Sequence[str], batch: int) -> list[bytes]:
    """Return ReportAssignments requests of at most `batch` reports, as bytes."""
    return [_filled(made, item) for made in _batches(tuple(divisions), batch)]


def single_reports(item: str, divisions: Sequence[str]) -> list[Sent]:
    """Return a ReportAssignments request of each division, as its own officer sends it."""
    bodies = reports(item, divisions, batch=1)
    return [Sent.by(code, body) for code, body in zip(divisions, bodies, strict=True)]


def _selection(targets: Targets) -> pb.TargetSelection:
    if len(targets) < MANY_TARGETS:
        return pb.TargetSelection(divisions=targets.codes)
    level = division_pb2.Level.Value(f"LEVEL_{targets.level.upper()}")
    return pb.TargetSelection(level=level)


@cache
def _batches(divisions: tuple[str, ...], batch: int) -> tuple[bytes, ...]:
    starts = range(0, len(divisions), batch)
    return tuple(_batch(divisions[start : start + batch]) for start in starts)


def _batch(divisions: Sequence[str]) -> bytes:
    made = api.ReportAssignmentsRequest(request_id=_REQUEST, actor=ACTOR)
    for code in divisions:
        made.reports.add(
            assignment=pb.AssignmentRef(item_id=_ITEM, division=code),
            report=report(code),
        )
    return made.SerializeToString()


def _filled(made: bytes, item: str) -> bytes:
    request = str(uuid.uuid4()).encode()
    return made.replace(_REQUEST.encode(), request).replace(
        _ITEM.encode(), item.encode()
    )


def _time(moment: dt.datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
