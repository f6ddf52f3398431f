"""What the gate says of each element, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ducha.registry.v1 import registry_pb2 as pb
from ducha.registry.v1 import registry_service_pb2 as service
from tier.catalogue import Catalogue, Element
from tier.registry import wire
from tier.registry.actions.gate import Judged, by_element
from tier.registry.model import Outcome
from tier.runtime import moments


def judged_to(
    response: service.RequestDataResponse, judged: Judged, catalogue: Catalogue
) -> None:
    """Write what the gate decided, element by element, and when the rest is due."""
    groups = judged.groups
    deadline = wire.deadline_of(response.data_request)
    counts = wire.outcomes_of(groups)
    response.data_request.outcomes.CopyFrom(wire.outcomes_to(counts))
    waiting = counts.total() - counts[Outcome.SERVED]
    response.data_request.waiting_count = waiting
    response.data_request.state = (
        pb.DATA_REQUEST_STATE_OPEN if waiting else pb.DATA_REQUEST_STATE_COMPLETE
    )
    latest: datetime | None = None
    for number, found in sorted(by_element(groups).items()):
        element = catalogue.numbered(number)
        if element is None:
            continue
        due = _due(found, judged.due.get(number), deadline)
        latest = max(filter(None, (latest, due)), default=None)
        response.elements.append(_element_to(element, found, due))
    response.due_time.Clear()
    if latest is not None:
        response.due_time.CopyFrom(moments.stamp_of(latest))
    else:
        response.ClearField("due_time")


def _due(
    found: Mapping[Outcome, int], joined: datetime | None, deadline: datetime
) -> datetime | None:
    """Return when the last missing cell of an element is due."""
    if found.get(Outcome.CONFIRM) or found.get(Outcome.COLLECT):
        return deadline
    if found.get(Outcome.JOINED):
        return deadline if joined is None else min(joined, deadline)
    return None


def _element_to(
    element: Element, found: Mapping[Outcome, int], due: datetime | None
) -> pb.ElementOutcomes:
    served, joined = found.get(Outcome.SERVED, 0), found.get(Outcome.JOINED, 0)
    confirm, collect = found.get(Outcome.CONFIRM, 0), found.get(Outcome.COLLECT, 0)
    age = "its period" if element.max_age is None else f"{element.max_age.days} days"
    age_zh = "周期结束前" if element.max_age is None else f"{element.max_age.days} 天内"
    en = (
        (served, f"{served} held and fresh (good for {age}): answered from stock"),
        (joined, f"{joined} asked by others already: their answer serves you too"),
        (confirm, f"{confirm} held but old: asked to be confirmed"),
        (collect, f"{collect} not held: asked"),
    )
    zh = (
        (served, f"{served} 个已有且有效（{age_zh}有效），直接取用"),
        (joined, f"{joined} 个他人已在采集，并单共享"),
        (confirm, f"{confirm} 个已有但过期，请基层确认"),
        (collect, f"{collect} 个尚无，采集一次"),
    )
    return pb.ElementOutcomes(
        element=element.code,
        outcomes=wire.outcomes_to(found),
        reason_en="; ".join(text for count, text in en if count),
        reason_zh="；".join(text for count, text in zh if count),
        due_time=moments.stamp(due),
    )
