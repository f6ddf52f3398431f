"""Facts as messages: how one is made here, and how its bytes are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import uuid_utils
from google.protobuf.message import Message

from ducha.link.v1 import link_pb2 as pb
from tier.ledger.model import Entry
from tier.runtime.telemetry import current_traceparent


@dataclass(frozen=True, slots=True)
class Author:
    """Who records a fact: the node, the one who acts, and the moment."""

    node: str
    actor: str
    now: datetime
    traceparent: str | None = None


def record(
    author: Author,
    payload: Message,
    *,
    division: str,
    subject: str,
    onward: tuple[str, ...],
) -> Entry:
    """Make a new fact of `payload`, told to the neighbours in `onward`."""
    fact_id = str(uuid_utils.uuid7())
    traceparent = author.traceparent
    if traceparent is None:
        traceparent = current_traceparent()
    fact = pb.Fact(
        fact_id=fact_id,
        kind=payload.DESCRIPTOR.full_name,
        division=division,
        subject=subject,
        actor=author.actor,
        origin=author.node,
        payload=payload.SerializeToString(),
        traceparent=traceparent,
    )
    fact.occur_time.FromDatetime(author.now)
    fact.record_time.CopyFrom(fact.occur_time)
    return Entry(
        UUID(fact_id), fact.kind, division, subject, fact.SerializeToString(), onward, traceparent
    )


def keep(fact: pb.Fact, body: bytes, onward: tuple[str, ...]) -> Entry:
    """Keep a fact that came over a link, byte for byte."""
    return Entry(
        UUID(fact.fact_id),
        fact.kind,
        fact.division,
        fact.subject,
        body,
        onward,
        fact.traceparent,
    )
