"""Relief model <-> protobuf."""

from __future__ import annotations

from ducha.relief.v1 import relief_pb2
from ducha.relief.v1 import relief_service_pb2 as pb
from tier.jurisdiction import Level
from tier.relief import rules
from tier.relief.model import Counts, Difference, Key, Query, Saving


def query_from(request: pb.ListSavingsRequest) -> Query:
    """Read which savings are asked for."""
    return Query(
        within=request.within,
        requester=request.requester_division,
        first_month=request.from_month,
        last_month=request.to_month,
        level=Level(request.level or Level.TOWNSHIP),
        sum_requesters=request.sum_requesters,
        sum_months=request.sum_months,
    )


def saving_to(saving: Saving) -> relief_pb2.Saving:
    """Write a saving, with the minutes that follow from its counts."""
    counts = saving.counts
    return relief_pb2.Saving(
        division=saving.key.division,
        requester_division=saving.key.requester,
        month=saving.key.month,
        needed_count=counts.needed,
        served_count=counts.served,
        joined_count=counts.joined,
        confirm_count=counts.confirm,
        collect_count=counts.collect,
        confirmed_count=counts.confirmed,
        prefilled_count=counts.prefilled,
        saved_minutes=rules.saved_minutes(counts),
    )


def total_to(query: Query, counts: Counts) -> relief_pb2.Saving:
    """Write the sum of all that was asked for."""
    return saving_to(Saving(Key(query.within, query.requester, ""), counts))


def difference_to(difference: Difference) -> pb.SavingDifference:
    """Write a difference; a side that is not there stays unset."""
    kept, computed = difference.kept, difference.computed
    return pb.SavingDifference(
        kept=None if kept is None else saving_to(kept),
        computed=None if computed is None else saving_to(computed),
    )
