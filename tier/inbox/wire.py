"""Inbox model <-> protobuf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias
from uuid import UUID

from ducha.assignment.v1 import assignment_pb2
from ducha.inbox.v1 import inbox_pb2 as pb
from ducha.inbox.v1 import inbox_service_pb2 as service
from tier import division
from tier.inbox.model import Count, Kept, Query, Scope
from tier.inbox.rules import scope_of
from tier.jurisdiction import Code
from tier.runtime import fields, moments

Scoped: TypeAlias = (
    service.ListNoticesRequest
    | service.CountNoticesRequest
    | service.WatchNoticesRequest
)


def scope_from(request: Scoped) -> Scope:
    """Read whose inbox is meant.

    Raises:
        InvalidInput: the division is no code.
    """
    code = division.code(request.division, "division")
    return scope_of(code, include_below=request.include_below)


def query_from(request: service.ListNoticesRequest) -> Query:
    """Read which notices are sought.

    Raises:
        InvalidInput: the division is no code, or the item no id.
    """
    item_id: UUID | None = None
    if request.item_id:
        item_id = fields.read_uuid("item_id", request.item_id)
    return Query(
        scope=scope_from(request),
        unread_only=request.unread_only,
        kinds=tuple(request.kinds),
        item_id=item_id,
    )


def notice_to(kept: Kept, names: Mapping[Code, str]) -> pb.Notice:
    """Write a notice, with the name of its division where it is known."""
    notice = kept.notice
    return pb.Notice(
        notice_id=str(kept.notice_id),
        division=notice.division,
        division_name=names.get(notice.division, ""),
        kind=pb.NoticeKind.ValueType(notice.kind),
        item_id=str(notice.item_id),
        light=assignment_pb2.Light.ValueType(notice.light),
        happen_time=moments.stamp_of(notice.at),
        deliver_time=moments.stamp_of(kept.delivered_at),
        details=dict(notice.details),
        source_fact_id=str(notice.source),
        read_time=moments.stamp(kept.read_at),
        reader=kept.reader,
    )


def count_to(count: Count) -> pb.NoticeCount:
    """Write how many notices of a kind and light are unread."""
    return pb.NoticeCount(
        kind=pb.NoticeKind.ValueType(count.kind),
        light=assignment_pb2.Light.ValueType(count.light),
        unread_count=count.unread,
    )
