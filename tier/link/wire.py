"""Link model <-> protobuf."""

from __future__ import annotations

from ducha.link.v1 import link_pb2 as pb
from tier.link.model import Mark, Quarantined, Run, Tip
from tier.runtime import moments
from tier.runtime.errors import InvalidInput, Violation

# An epoch is a second of the clock, or a few more: this one lies 30,000 years ahead.
LAST_NUMBER = 2**40


def mark_from(message: pb.Mark) -> Mark:
    """Read a mark.

    Raises:
        InvalidInput: no sequence ever gets there.
    """
    return Mark(_number("epoch", message.epoch), _number("seq", message.seq))


def mark_to(mark: Mark) -> pb.Mark:
    """Write a mark."""
    return pb.Mark(epoch=mark.epoch, seq=mark.seq)


def tip_from(message: pb.Mark) -> Tip:
    """Read a mark with the fact that stands there.

    Raises:
        InvalidInput: no sequence ever gets there.
    """
    return Tip(mark_from(message), message.fact_id)


def tip_to(tip: Tip) -> pb.Mark:
    """Write a mark with the fact that stands there."""
    return pb.Mark(epoch=tip.mark.epoch, seq=tip.mark.seq, fact_id=tip.fact_id)


def run_from(message: pb.Bundle) -> Run:
    """Read the run that a bundle carries.

    Raises:
        InvalidInput: no sequence ever gets there.
    """
    epoch, first = (
        _number("epoch", message.epoch),
        _number("first_seq", message.first_seq),
    )
    return Run(epoch, first, tuple(message.facts))


def _number(field: str, number: int) -> int:
    """Check a number of a sequence: what lies beyond would end the link for good."""
    if not 0 <= number <= LAST_NUMBER:
        problem = f"{number} is no {field} of a link"
        raise InvalidInput(problem=problem, violations=[Violation(field, problem)])
    return number


def bundle_to(sender: str, receiver: str, run: Run, traceparent: str = "") -> pb.Bundle:
    """Write a run for a neighbour."""
    return pb.Bundle(
        sender=sender,
        receiver=receiver,
        epoch=run.epoch,
        first_seq=run.first,
        facts=run.bodies,
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
        quarantine_time=moments.stamp(fact.quarantined_at),
    )
