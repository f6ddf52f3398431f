"""How facts become events: what is told once, to whom, and what was late. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

from tier.jurisdiction import Code, contains, level_of, overlap
from tier.node import Node
from tier.timeline.model import (
    Clock,
    ClockSet,
    Direction,
    Event,
    Light,
    Recorded,
    Said,
)

LATE_AFTER = timedelta(hours=4)
"""A fact recorded here so long after it was done came late, or was entered late.

Links bring a fact within a second; what takes hours was done while a link was away.
"""


def is_part(fact: Recorded, node: Node) -> bool:
    """Whether a node recorded a fact only to pass a part of another on to a branch.

    The fact that it came from is in the ledger too, and is the one that is told.
    """
    return fact.origin == node.name and not node.acts_for(fact.division)


def direction(fact: Recorded, node: Node) -> Direction:
    """Say where a fact came from."""
    if fact.origin == node.name:
        return Direction.HERE
    is_above = level_of(fact.division) < node.level
    return Direction.FROM_ABOVE if is_above else Direction.FROM_BELOW


def moves(facts: Iterable[Recorded], node: Node) -> Iterator[list[Recorded]]:
    """Group the facts of each move: one made here is recorded in parts, a branch each.

    What came over a link came in one part; two such facts are two moves, always.
    """
    told = (fact for fact in facts if not is_part(fact, node))

    def move(fact: Recorded) -> tuple[object, ...]:
        if fact.origin != node.name:
            return (fact.position,)
        return (fact.recorded_at, fact.kind, fact.division, fact.actor)

    for _, group in groupby(told, move):
        yield list(group)


def of_area(said: Said, area: str) -> Said | None:
    """Return what a fact says of an area, or None where that is nothing."""
    if not area:
        return said
    seen = Code(area)
    test = overlap if said.reaches_below or said.is_whole else contains
    kept = tuple(code for code in said.divisions if test(seen, code))
    return replace(said, divisions=kept) if kept or said.is_whole else None


def together(said: Iterable[Said]) -> list[Said]:
    """Unite what has the same words: its divisions, each once, in their order."""
    found: dict[tuple[object, ...], Said] = {}
    for one in said:
        before = found.get(one.words)
        divisions = (
            one.divisions if before is None else before.divisions + one.divisions
        )
        found[one.words] = replace(one, divisions=divisions)
    return [
        replace(one, divisions=tuple(sorted(set(one.divisions), key=_order)))
        for one in found.values()
    ]


def _order(code: Code) -> tuple[int, Code]:
    return len(code), code


def standing(
    clocks: Sequence[ClockSet], division: Code, at: datetime
) -> ClockSet | None:
    """Return a division's clocks as they stood before a moment.

    `clocks` come in the order in which they were set. What was done before the first was
    set is judged by the first.
    """
    found = None
    for one in clocks:
        if one.divisions is not None and division not in one.divisions:
            continue
        if found is not None and one.at >= at:
            break
        found = one
    return found


def judged(said: Said, clocks: Sequence[ClockSet]) -> Iterator[Said]:
    """Yield what was in time and what was not, and from which deadline one was moved."""
    if said.clock is Clock.NONE and not said.moves_clock:
        yield said
        return
    parts: dict[tuple[bool, datetime | None], list[Code]] = {}
    for code in said.divisions:
        clock = standing(clocks, code, said.at)
        late = clock is not None and _is_late(said, clock)
        old = clock.deadline if clock is not None and said.moves_clock else None
        parts.setdefault((late, old), []).append(code)
    for (late, old), codes in parts.items():
        yield _part(said, tuple(codes), late=late, old=old)


def _is_late(said: Said, clock: ClockSet) -> bool:
    match said.clock:
        case Clock.RECEIPT:
            return said.at > clock.receive_by
        case Clock.WORK:
            return said.at > clock.deadline
        case Clock.NONE:
            return False


def _part(
    said: Said, codes: tuple[Code, ...], *, late: bool, old: datetime | None
) -> Said:
    light = said.light
    if said.clock is Clock.WORK:
        light = Light.RED if late else Light.GREEN
    elif said.clock is Clock.RECEIPT:
        light = Light.YELLOW if late else Light.GREEN
    details = said.details
    if old is not None:
        details = {"old_deadline_time": written(old), **details}
    return replace(said, divisions=codes, light=light, is_overdue=late, details=details)


def written(at: datetime) -> str:
    """Write a moment as details do: ISO 8601, to the second, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def events(
    move: Sequence[tuple[Recorded, Sequence[Said]]],
    clocks: Sequence[ClockSet],
    node: Node,
    area: str,
) -> list[Event]:
    """Return the events of one move, as an area may see them."""
    first = move[0][0]
    seen = [
        part
        for _, said in move
        for one in said
        if (kept := of_area(one, area)) is not None
        for part in judged(kept, clocks)
    ]
    came_late = first.recorded_at - first.occurred_at > LATE_AFTER
    whence = direction(first, node)
    return [Event(first, said, whence, came_late) for said in together(seen)]
