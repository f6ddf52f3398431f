"""Registry model <-> protobuf."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from ducha.link.v1 import link_pb2
from ducha.registry.v1 import registry_facts_pb2 as facts
from ducha.registry.v1 import registry_pb2 as pb
from tier import division
from tier.catalogue import Element
from tier.jurisdiction import Code, parse
from tier.node import Node
from tier.registry import rules, values
from tier.registry.model import (
    Answer,
    Counted,
    Key,
    Outcome,
    Period,
    Request,
    Split,
)
from tier.registry.values import Given
from tier.runtime import moments

Groups = Mapping[Split, Sequence[Code]]


def request_from(message: pb.DataRequest, period: Period, traceparent: str) -> Request:
    """Read a request that was made; `traceparent` is the work here that brought it."""
    return Request(
        UUID(message.data_request_id),
        parse(message.requester_division),
        UUID(message.item_id) if message.item_id else None,
        period,
        moments.moment(message.create_time),
        deadline_of(message),
        traceparent,
        message.SerializeToString(),
    )


def deadline_of(message: pb.DataRequest) -> datetime:
    """Read when data must be there."""
    return moments.moment(message.deadline_time)


def counted_to(counted: Counted) -> pb.DataRequest:
    """Write a request as it stands."""
    message = pb.DataRequest.FromString(counted.request.body)
    message.state = pb.DataRequestState.ValueType(counted.state)
    message.outcomes.CopyFrom(outcomes_to(counted.outcomes))
    message.waiting_count = counted.waiting
    if counted.completed_at is not None and not counted.withdrawn:
        message.complete_time.FromDatetime(counted.completed_at)
    return message


def outcomes_to(counts: Mapping[Outcome, int]) -> pb.Outcomes:
    """Write how many cells came to which outcome."""
    return pb.Outcomes(
        served=counts.get(Outcome.SERVED, 0),
        joined=counts.get(Outcome.JOINED, 0),
        confirm=counts.get(Outcome.CONFIRM, 0),
        collect=counts.get(Outcome.COLLECT, 0),
    )


def outcomes_of(groups: Groups) -> Counter[Outcome]:
    """Count how many cells came to which outcome."""
    counts: Counter[Outcome] = Counter()
    for split, divisions in groups.items():
        for outcome, elements in split.by_outcome.items():
            counts[outcome] += len(elements) * len(divisions)
    return counts


def groups_to(groups: Groups, *, served: bool = True) -> list[facts.CellGroup]:
    """Write cells by outcome: as few groups as there are different decisions."""
    by_cells: dict[tuple[Outcome, tuple[int, ...]], list[Code]] = {}
    for split, divisions in groups.items():
        for outcome, elements in split.by_outcome.items():
            if elements and (served or outcome is not Outcome.SERVED):
                by_cells.setdefault((outcome, elements), []).extend(divisions)
    return [
        facts.CellGroup(
            elements=elements,
            divisions=division.set_to(codes),
            outcome=pb.Outcome.ValueType(outcome),
        )
        for (outcome, elements), codes in by_cells.items()
    ]


def groups_by_branch(node: Node, groups: Groups) -> dict[str, list[facts.CellGroup]]:
    """Write what each branch is asked: nothing that was served."""
    parts: dict[str, dict[Split, Sequence[Code]]] = {}
    for split, divisions in groups.items():
        if split.waiting:
            for name, codes in node.branches(divisions).items():
                parts.setdefault(name, {})[split] = codes
    return {name: groups_to(part, served=False) for name, part in parts.items()}


def splits_from(groups: Iterable[facts.CellGroup]) -> dict[Code, Split]:
    """Read what was decided, by division; divisions decided alike share one split."""
    cells: dict[Code, dict[Outcome, tuple[int, ...]]] = {}
    for group in groups:
        elements = tuple(sorted(group.elements))
        outcome = Outcome(group.outcome)
        for code in division.set_from(group.divisions):
            held = cells.setdefault(code, {})
            before = held.get(outcome)
            held[outcome] = elements if before is None else (*before, *elements)
    alike: dict[Split, Split] = {}
    splits = {}
    for code, outcomes in cells.items():
        split = Split(*(outcomes.get(outcome, ()) for outcome in Outcome))
        splits[code] = alike.setdefault(split, split)
    return splits


def rejudged_to(
    told: Mapping[Code, Split], here: Mapping[Code, Split]
) -> list[facts.CellGroup]:
    """Write cells whose outcome here is another than was told."""
    moved: dict[tuple[Outcome, Outcome, tuple[int, ...]], list[Code]] = {}
    for code, split in told.items():
        judged = here[code]
        if judged is split or judged == split:
            continue
        for (before, after), elements in rules.differences(split, judged).items():
            moved.setdefault((before, after, elements), []).append(code)
    return [
        facts.CellGroup(
            elements=elements,
            divisions=division.set_to(codes),
            outcome=pb.Outcome.ValueType(after),
            before=pb.Outcome.ValueType(before),
        )
        for (before, after, elements), codes in moved.items()
    ]


def answer_from(fact_id: UUID, recorded: facts.RecordedAnswer) -> Answer:
    """Read an answer off the fact that carries it."""
    conflicts = recorded.conflict_ids
    return Answer(
        fact_id,
        Key(parse(recorded.division), recorded.period),
        list(recorded.elements),
        list(recorded.numbers),
        list(recorded.flags),
        list(recorded.texts),
        moments.moment(recorded.observe_time),
        recorded.prefilled_count,
        [UUID(text) for text in conflicts] if conflicts else (),
        moments.moment(recorded.conflict_due_time) if conflicts else None,
        recorded.revision,
    )


def given_from(message: pb.Value) -> Given:
    """Read a value as people write it.

    Raises:
        ValueError: a day that no calendar has.
    """
    match message.WhichOneof("value"):
        case "number":
            return message.number
        case "boolean":
            return message.boolean
        case "date":
            return date.fromisoformat(message.date)
        case _:
            return message.text


def value_to(element: Element, kept: int | str) -> pb.Value:
    """Write a kept value as people read it."""
    given = values.shown(element, kept)
    match given:
        case bool():
            return pb.Value(element=element.code, boolean=given)
        case date():
            return pb.Value(element=element.code, date=given.isoformat())
        case str():
            return pb.Value(element=element.code, text=given)
        case _:
            return pb.Value(element=element.code, number=given)


def recorded_in(body: bytes, key: Key) -> tuple[link_pb2.Fact, facts.RecordedAnswer]:
    """Return the fact with these bytes, and the answer to a sheet that it carries.

    Raises:
        LookupError: it carries none.
    """
    fact = link_pb2.Fact.FromString(body)
    payload = facts.ObservationsRecorded.FromString(fact.payload)
    for recorded in payload.answers:
        if (recorded.division, recorded.period) == key:
            return fact, recorded
    raise LookupError(f"fact {fact.fact_id} has no answer to {key}")


def holder_of(body: bytes, key: Key) -> str:
    """Name who gave the values of a sheet: the author, and the division of the unit."""
    fact, recorded = recorded_in(body, key)
    return f"{fact.actor} ({recorded.author_division})"


def stage_to(flag: int) -> pb.Stage.ValueType:
    """Write how far a value is approved."""
    return pb.Stage.ValueType(rules.stage_of(flag))


def answer_of(body: bytes, key: Key) -> Answer:
    """Read the answer to a sheet off the bytes of its fact."""
    fact, recorded = recorded_in(body, key)
    return answer_from(UUID(fact.fact_id), recorded)


def codes_of(group: facts.CellGroup) -> list[Code]:
    """Read the divisions of a group of cells."""
    return division.set_from(group.divisions)
