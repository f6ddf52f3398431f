"""Facts of the registry as neighbours tell them, right or wrong (simulated data)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from google.protobuf.duration_pb2 import Duration

from ducha.catalogue.v1 import catalogue_pb2
from ducha.link.v1 import link_pb2
from ducha.registry.v1 import registry_facts_pb2 as facts
from ducha.registry.v1 import registry_pb2 as pb
from tests import registry
from tests.catalogue import element
from tests.registry import PERIOD, START, TOWN
from tier import division
from tier.jurisdiction import Code
from tier.runtime import moments

DAY = catalogue_pb2.Freshness(max_age=Duration(seconds=86_400))
CHOICE = [catalogue_pb2.CodeListEntry(code="y", name_zh="是（模拟）", name_en="yes")]
CATALOGUE = (
    element("a"),
    element("b", freshness=DAY),
    element("words", type=catalogue_pb2.VALUE_TYPE_TEXT),
    element("village", collect_level=5),
    element("daily", period_type=catalogue_pb2.PERIOD_TYPE_DAY),
    element("day", type=catalogue_pb2.VALUE_TYPE_DATE),
    element("choice", type=catalogue_pb2.VALUE_TYPE_CODE, codes=CHOICE),
    element("small", rule="value < 10.0"),
)
A, B, WORDS, IN_VILLAGES, DAILY, DATED, CHOSEN, SMALL = range(1, 9)


def asked(fact_list: Sequence[link_pb2.Fact]) -> list[facts.DataRequested]:
    """Return the requests among facts."""
    kind = facts.DataRequested.DESCRIPTOR.full_name
    read = facts.DataRequested.FromString
    return [read(fact.payload) for fact in fact_list if fact.kind == kind]


def cells(told: facts.DataRequested) -> set[tuple[int, str]]:
    """Return the cells that a request names."""
    return {
        (number, code)
        for group in told.groups
        for number in group.elements
        for code in division.set_from(group.divisions)
    }


def a_demand(
    requester: str, *codes: str, elements: Sequence[int] = (A,), request_id: str = ""
) -> facts.DataRequested:
    """Return a request as a neighbour tells it, of township cells."""
    request = registry.a_need(START, ["a"])
    request.data_request_id = request_id or str(uuid4())
    request.requester_division = requester
    request.create_time.FromDatetime(START)
    group = facts.CellGroup(
        elements=elements,
        divisions=division.set_to([Code(code) for code in codes]),
        outcome=pb.OUTCOME_COLLECT,
    )
    return facts.DataRequested(request=request, groups=[group])


def values(**over: Any) -> facts.ObservationsRecorded:
    """Return one answer as a township tells it."""
    version = over.pop("catalogue_version", 1)
    told: dict[str, Any] = {
        "division": TOWN,
        "period": PERIOD,
        "elements": [A],
        "numbers": [5],
        "flags": [0],
        "observe_time": moments.stamp_of(START),
        "author_division": TOWN,
    }
    return facts.ObservationsRecorded(
        catalogue_version=version, answers=[facts.RecordedAnswer(**told | over)]
    )
