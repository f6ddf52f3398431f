"""Where values came from, read off the facts that carry them, and how that is written."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from ducha.link.v1 import link_pb2
from ducha.registry.v1 import registry_facts_pb2 as facts
from ducha.registry.v1 import registry_pb2 as pb
from tier.catalogue import Element
from tier.jurisdiction import Code
from tier.registry import history, values, wire
from tier.registry.history import Moment, Taken
from tier.registry.model import Answer, Conflict, Flag, Key, Sheet
from tier.runtime import moments

DECIDED = facts.ConflictResolved.DESCRIPTOR.full_name
TRACEPARENT_PARTS = 4


@dataclass(frozen=True, slots=True)
class Source:
    """An answer, when it was recorded, and what all its values have in common."""

    answer: Answer
    when: Moment
    about: pb.Observation


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a value, and how it stands."""

    revision: int
    kept: int | str
    flag: int
    contested: bool = False
    superseded: bool = False


Place = tuple[UUID, Key]
"""Where an answer stands: in which fact, and for which sheet."""


def sources_from(
    placed: Iterable[tuple[int, bytes]], wanted: Container[Key]
) -> dict[Place, Source]:
    """Read the answers to wanted sheets off their facts."""
    sources = {}
    for position, body in placed:
        fact = link_pb2.Fact.FromString(body)
        payload = facts.ObservationsRecorded.FromString(fact.payload)
        when = Moment(position, moments.moment(fact.record_time))
        for recorded in payload.answers:
            key = Key(Code(recorded.division), recorded.period)
            if key in wanted:
                answer = wire.answer_from(UUID(fact.fact_id), recorded)
                about = _about(fact, recorded)
                sources[answer.fact_id, key] = Source(answer, when, about)
    return sources


def taken_from(placed: Iterable[tuple[int, bytes]]) -> list[Taken]:
    """Read off their facts which conflicts were decided for the rival, and when."""
    found = []
    for position, body in placed:
        fact = link_pb2.Fact.FromString(body)
        payload = facts.ConflictResolved.FromString(fact.payload)
        if payload.state == pb.CONFLICT_STATE_RIVAL_TAKEN:
            when = Moment(position, moments.moment(fact.record_time))
            found.append(Taken(UUID(payload.conflict_id), when))
    return found


def as_given(source: Source, element: int, revision: int) -> Version:
    """Return a version as its author gave it, in force."""
    answer = source.answer
    place = answer.elements.index(element)
    flag = answer.flags[place]
    kept = values.kept_at(answer.numbers[place], flag, list(answer.texts))
    return Version(revision, kept, flag)


def as_it_stands(
    source: Source, element: int, sheet: Sheet, taken: set[UUID]
) -> Version:
    """Return a version with how it stands now: in force, superseded, or never in force."""
    revision = sheet.answers.index(source.answer.fact_id) + 1
    given = as_given(source, element, revision)
    place = sheet.elements.index(element) if element in sheet.elements else None
    if place is not None and sheet.given[place] == revision:
        return Version(revision, given.kept, sheet.flags[place])
    conflict_id = history.contested(source.answer).get(element)
    refused = conflict_id is not None and conflict_id not in taken
    return Version(
        revision, given.kept, given.flag, contested=refused, superseded=not refused
    )


def observation_to(
    source: Source, element: Element, version: Version
) -> pb.Observation:
    """Write one version of a value."""
    message = pb.Observation()
    message.CopyFrom(source.about)
    message.value.CopyFrom(wire.value_to(element, version.kept))
    message.revision = version.revision
    message.late = bool(version.flag & Flag.LATE)
    message.outlier = bool(version.flag & Flag.OUTLIER)
    message.unchanged = bool(version.flag & Flag.UNCHANGED)
    message.stage = wire.stage_to(version.flag)
    message.contested = version.contested
    message.superseded = version.superseded
    return message


def conflict_to(conflict: Conflict, versions: Sequence[pb.Observation]) -> pb.Conflict:
    """Write a conflict with its `versions`: the standing one and the rival."""
    standing, rival = versions
    return pb.Conflict(
        conflict_id=str(conflict.conflict_id),
        division=conflict.key.division,
        period=conflict.key.period,
        standing=standing,
        rival=rival,
        due_time=moments.stamp_of(conflict.due),
        state=pb.ConflictState.ValueType(conflict.state),
        resolver=conflict.resolver,
        reason=conflict.reason,
    )


def _about(fact: link_pb2.Fact, payload: facts.RecordedAnswer) -> pb.Observation:
    """Write what all values of an answer have in common."""
    return pb.Observation(
        division=payload.division,
        period=payload.period,
        observe_time=payload.observe_time,
        record_time=fact.record_time,
        author=fact.actor,
        author_division=payload.author_division,
        origin=fact.origin,
        device=payload.device,
        data_request_ids=payload.data_request_ids,
        fact_id=fact.fact_id,
        reason=payload.reason,
        trace_id=_trace_id(fact.traceparent),
    )


def _trace_id(traceparent: str) -> str:
    """Return the trace that a W3C traceparent names; empty for none."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) == TRACEPARENT_PARTS else ""
