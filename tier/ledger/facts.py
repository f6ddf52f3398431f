"""Facts as messages: how one is made here, and how its bytes are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

import uuid_utils
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from ducha.link.v1 import link_pb2 as pb
from tier.identity import current
from tier.ledger.model import Entry
from tier.runtime.telemetry import current_traceparent


@dataclass(frozen=True, slots=True)
class Author:
    """Who records facts: the node, the one who acts, the moment, the work it belongs to.

    `actor` is who the caller says acts; `principal` is who was proved to call.
    """

    node: str
    actor: str
    stamp: Timestamp
    traceparent: str
    principal: str

    @classmethod
    def at(
        cls,
        now: datetime,
        node: str,
        actor: str,
        traceparent: str | None = None,
        *,
        principal: str | None = None,
    ) -> Self:
        """Describe who acts `now`; by default the current caller, in the current work."""
        stamp = Timestamp()
        stamp.FromDatetime(now)
        if traceparent is None:
            traceparent = current_traceparent()
        if principal is None:
            principal = current.principal()
        return cls(node, actor, stamp, traceparent, principal)


def record(
    author: Author,
    payload: Message,
    *,
    division: str,
    subject: str,
    onward: tuple[str, ...],
) -> Entry:
    """Make a new fact of `payload`, told to the neighbours in `onward`."""
    fact_id = uuid_utils.uuid7()
    kind = payload.DESCRIPTOR.full_name
    fact = pb.Fact(
        fact_id=str(fact_id),
        kind=kind,
        division=division,
        subject=subject,
        actor=author.actor,
        origin=author.node,
        occur_time=author.stamp,
        record_time=author.stamp,
        payload=payload.SerializeToString(),
        traceparent=author.traceparent,
        principal=author.principal,
    )
    return Entry(
        UUID(int=fact_id.int),
        kind,
        division,
        subject,
        author.actor,
        fact.SerializeToString(),
        onward,
    )


def keep(fact: pb.Fact, fact_id: UUID, body: bytes, onward: tuple[str, ...]) -> Entry:
    """Keep a fact that came over a link, byte for byte."""
    return Entry(
        fact_id, fact.kind, fact.division, fact.subject, fact.actor, body, onward
    )
