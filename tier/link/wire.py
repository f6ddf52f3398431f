"""Link model <-> protobuf."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from ducha.link.v1 import link_pb2 as pb
from tier.link.model import Mark, Quarantined, Run


def mark_from(message: pb.Mark) -> Mark:
    """Read a mark."""
    return Mark(message.epoch, message.seq)


def mark_to(mark: Mark) -> pb.Mark:
    """Write a mark."""
    return pb.Mark(epoch=mark.epoch, seq=mark.seq)


def run_from(message: pb.Bundle) -> Run:
    """Read the run that a bundle carries."""
    return Run(message.epoch, message.first_seq, tuple(message.facts))


def bundle_to(
    sender: str, receiver: str, epoch: int, first: int, bodies: Sequence[bytes], traceparent: str
) -> pb.Bundle:
    """Write a run for a neighbour."""
    return pb.Bundle(
        sender=sender,
        receiver=receiver,
        epoch=epoch,
        first_seq=first,
        facts=bodies,
        traceparent=traceparent,
    )


def quarantined_to(fact: Quarantined) -> pb.QuarantinedFact:
    """Write a quarantine entry."""
    return pb.QuarantinedFact(
        quarantine_id=fact.quarantine_id,
        neighbour=fact.neighbour,
        mark=mark_to(fact.mark),
        fact_id=fact.fact_id,
        kind=fact.kind,
        reason=fact.reason,
        detail=fact.detail,
        quarantine_time=moment_to(fact.quarantined_at),
    )


def moment_to(moment: datetime | None) -> Timestamp | None:
    """Write a moment, or nothing."""
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
