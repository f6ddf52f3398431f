"""Which version of a value stood when, read off the answers of its sheet. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tier.registry.model import Answer, Flag


@dataclass(frozen=True, slots=True)
class Moment:
    """Where something stands in the ledger, and when its home node recorded it."""

    position: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """An answer, its place among those of its sheet (from 1), and when it was recorded."""

    revision: int
    when: Moment
    answer: Answer


@dataclass(frozen=True, slots=True)
class Taken:
    """A conflict that was decided for its rival, and when."""

    conflict_id: UUID
    when: Moment


def contested(answer: Answer) -> dict[int, UUID]:
    """Return the conflict of each element that an answer gave without knowing what stood."""
    elements = (
        element
        for element, flag in zip(answer.elements, answer.flags, strict=True)
        if flag & Flag.CONTESTED
    )
    return dict(zip(elements, answer.conflict_ids, strict=True))


def in_force(
    given: Iterable[Given], taken: Iterable[Taken], at: datetime
) -> Mapping[int, int]:
    """Return the revision of each element that stood, by what was recorded until a moment.

    A contested value stands from the decision for it on, until the next answer.
    """
    known = [one for one in given if one.when.recorded_at <= at]
    rivals = {
        conflict_id: (element, one.revision)
        for one in known
        for element, conflict_id in contested(one.answer).items()
    }
    steps: list[tuple[int, dict[int, int]]] = [
        (one.when.position, _accepted(one)) for one in known
    ]
    for decided in taken:
        rival = rivals.get(decided.conflict_id)
        if rival is not None and decided.when.recorded_at <= at:
            element, revision = rival
            steps.append((decided.when.position, {element: revision}))
    stands: dict[int, int] = {}
    for _, step in sorted(steps, key=lambda each: each[0]):
        stands |= step
    return stands


def _accepted(one: Given) -> dict[int, int]:
    """Return the elements of an answer that came into force at once."""
    answer = one.answer
    return {
        element: one.revision
        for element, flag in zip(answer.elements, answer.flags, strict=True)
        if not flag & Flag.CONTESTED
    }
