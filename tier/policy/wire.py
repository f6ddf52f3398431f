"""Decisions as messages."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from ducha.access.v1 import access_pb2 as nouns
from ducha.access.v1 import access_service_pb2 as pb
from tier.jurisdiction import parse
from tier.policy.model import Kept, Query
from tier.runtime import fields, moments

OUTCOMES = {
    nouns.Decision.OUTCOME_UNSPECIFIED: None,
    nouns.Decision.OUTCOME_ALLOWED: True,
    nouns.Decision.OUTCOME_DENIED: False,
}


def query_from(request: pb.ListDecisionsRequest) -> Query:
    """Read which decisions are asked for.

    Raises:
        InvalidInput: `within` is no code.
    """
    if request.within:
        fields.read("within", parse, request.within)
    return Query(
        principal=request.principal,
        rpc=request.rpc,
        within=request.within,
        is_allowed=OUTCOMES[request.outcome],
        begin=_moment(request, "from_time"),
        end=_moment(request, "to_time"),
    )


def _moment(request: pb.ListDecisionsRequest, name: str) -> datetime | None:
    stamp: Timestamp = getattr(request, name)
    return moments.optional_moment(stamp, there=bool(stamp.seconds))


def decision_to(kept: Kept) -> nouns.Decision:
    """Write decisions of one second."""
    decided = kept.decided
    message = nouns.Decision(
        decide_time=Timestamp(seconds=decided.second),
        principal=decided.principal,
        proof=decided.proof,
        division=decided.division,
        roles=filter(None, decided.roles.split(",")),
        rpc=decided.rpc,
        concerned_division=decided.concerned,
        relation=decided.relation,
        outcome=nouns.Decision.OUTCOME_DENIED,
        reason=decided.reason,
        count=kept.count,
    )
    if decided.is_allowed:
        message.outcome = nouns.Decision.OUTCOME_ALLOWED
    return message
