"""From facts to events: told once, of one's own area, late where it was late."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from ducha.assignment.v1 import assignment_facts_pb2 as assignment
from ducha.assignment.v1 import assignment_pb2
from ducha.petition.v1 import petition_facts_pb2 as petition
from ducha.petition.v1 import petition_pb2
from ducha.timing.v1 import timing_facts_pb2 as timing
from ducha.timing.v1 import timing_pb2
from tier import division
from tier.jurisdiction import Code, Level, overlap
from tier.node import Neighbour, Node
from tier.runtime import moments
from tier.timeline import readers, rules
from tier.timeline.kinds import KINDS
from tier.timeline.model import Clock, ClockSet, Direction, Light, Recorded, Said

NOON = datetime(2026, 11, 2, 4, tzinfo=UTC)
DAY = timedelta(days=1)
KUNMING = Node(
    "kunming",
    Level.CITY,
    (Code("5301"),),
    "yunnan",
    (
        Neighbour("wuhua", (Code("530102"),)),
        Neighbour("panlong", (Code("530103"),)),
    ),
)
COUNTIES = [Code("530102"), Code("530103"), Code("530111")]
CODES = [Code("53"), Code("5301"), Code("5303"), *COUNTIES, Code("530102001")]
PACKAGES = ("assignment", "petition", "timing", "urging", "rectification")
ITEM = "0198c0de-0000-7000-8000-000000000001"


def a_fact(said: Message, division: str = "53", **other: Any) -> Recorded:
    base = Recorded(
        position=1,
        recorded_at=NOON,
        fact_id="f",
        kind=said.DESCRIPTOR.full_name,
        division=Code(division),
        actor="甲",
        origin="yunnan",
        occurred_at=NOON,
        payload=said.SerializeToString(),
    )
    return replace(base, **other)


def returned(*codes: Code, epoch: int = 2, reason: str = "不实") -> Message:
    return assignment.AssignmentsReturned(
        item_id=ITEM,
        divisions=division.set_to(codes),
        reason=reason,
        epochs=[epoch] * len(codes),
    )


def told(facts: list[Recorded], node: Node = KUNMING, area: str = "") -> list[Any]:
    """Return all events of facts, as the timeline tells them."""
    return [
        event
        for move in rules.moves(facts, node)
        for event in rules.events(
            [(fact, readers.said(fact)) for fact in move], [], node, area
        )
    ]


def paths(row: Any) -> list[tuple[Any, str]]:
    """Return every path of a row with the descriptor that it starts from."""
    whole = row.message.DESCRIPTOR
    member = whole.fields_by_name[row.each].message_type if row.each else whole
    found = [(whole, path) for path in row.details.values()]
    found += [(member, path) for path in row.of_each.values()]
    found += [(member, row.divisions)] if row.divisions else []
    return found + ([(whole, row.at)] if row.at else [])


def test_every_fact_about_an_item_is_told_by_a_row() -> None:
    """A new kind without a row is told by its name alone: here it fails."""
    found = set()
    for name in PACKAGES:
        module = import_module(f"ducha.{name}.v1.{name}_facts_pb2")
        for message in module.DESCRIPTOR.message_types_by_name.values():
            if {"item_id", "item"} & set(message.fields_by_name):
                found.add(message.full_name)

    assert found == set(KINDS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_path_of_a_row_leads_somewhere(kind: str) -> None:
    """A field that was renamed would silently be told no more."""
    for start, path in paths(KINDS[kind]):
        descriptor = start
        for name in path.split("."):
            assert name in descriptor.fields_by_name, (kind, path)
            descriptor = descriptor.fields_by_name[name].message_type


@given(st.permutations(COUNTIES), st.booleans())
def test_a_move_recorded_in_parts_is_told_once(
    order: list[Code],
    has_whole: bool,  # noqa: FBT001 - drawn
) -> None:
    """A fact a branch, and perhaps one for the parent that names all: one event."""
    parts = [a_fact(returned(code), "5301", origin="kunming") for code in order]
    if has_whole:
        parts.append(a_fact(returned(*order), "5301", origin="kunming"))
    events = told(parts)

    assert [event.said.divisions for event in events] == [tuple(sorted(COUNTIES))]
    assert events[0].direction is Direction.HERE


def test_parts_with_other_words_are_other_events() -> None:
    """Whose epoch or reason differs is told apart, and nobody twice."""
    second, third = returned(COUNTIES[0]), returned(COUNTIES[1], epoch=3)
    both = returned(*COUNTIES[:2])
    both.epochs[:] = [2, 3]  # type: ignore[attr-defined]
    events = told(
        [a_fact(one, "5301", origin="kunming") for one in (second, third, both)]
    )

    assert [
        (event.said.divisions, event.said.details["epoch"]) for event in events
    ] == [
        ((COUNTIES[0],), "2"),
        ((COUNTIES[1],), "3"),
    ]


def test_a_part_passed_on_to_a_branch_is_not_told_again() -> None:
    """What the city recorded of the province's move, it did not do."""
    came = a_fact(returned(*COUNTIES))
    parts = [a_fact(returned(code), origin="kunming") for code in COUNTIES]
    events = told([came, *parts])

    assert [event.direction for event in events] == [Direction.FROM_ABOVE]


def test_two_moves_that_came_together_stay_two() -> None:
    """Facts of a neighbour that arrive in one transaction are not parts of one."""
    twice = [a_fact(returned(COUNTIES[0]), position=place) for place in (1, 2)]

    assert len(told(twice)) == 2


@given(st.lists(st.sampled_from(CODES), unique=True), st.sampled_from(CODES))
def test_an_area_is_told_of_its_line_and_of_nobody_else(
    codes: list[Code], area: Code
) -> None:
    """What lies within it or above it; never a sibling."""
    for said in (
        Said(NOON, tuple(codes)),
        Said(NOON, tuple(codes), reaches_below=True),
        Said(NOON, tuple(codes), is_whole=True),
    ):
        kept = rules.of_area(said, area)
        shown = kept.divisions if kept else ()

        assert all(overlap(code, area) for code in shown)
        assert {code for code in codes if code.startswith(area)} <= set(shown)
        assert (kept is not None) == (said.is_whole or bool(shown))


def a_clock(at: datetime, days: int, *codes: Code) -> ClockSet:
    return ClockSet(at, frozenset(codes) or None, at + DAY, at + days * DAY)


def test_a_report_is_judged_by_the_deadline_that_stood_then() -> None:
    """Put off before it was done: in time. Put off afterwards: it stays late."""
    issued = a_clock(NOON, 3)
    moved = a_clock(NOON + 2 * DAY, 5, COUNTIES[0])
    afterwards = a_clock(NOON + 9 * DAY, 5, COUNTIES[1])
    done = Said(NOON + 5 * DAY, tuple(COUNTIES[:2]), clock=Clock.WORK)
    judged = list(rules.judged(done, [issued, moved, afterwards]))

    assert [(one.divisions, one.is_overdue, one.light) for one in judged] == [
        ((COUNTIES[0],), False, Light.GREEN),
        ((COUNTIES[1],), True, Light.RED),
    ]


def test_a_moved_deadline_says_what_it_was() -> None:
    """From the clocks before the move, whoever recorded it how often."""
    issued, moved = a_clock(NOON, 3), a_clock(NOON + DAY, 5, COUNTIES[0])
    said = Said(NOON + DAY, (COUNTIES[0],), moves_clock=True)
    (judged,) = rules.judged(said, [issued, moved])

    assert judged.details["old_deadline_time"] == "2026-11-05T04:00:00Z"


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(1, 20), st.sampled_from(COUNTIES))
    ),
    st.integers(-5, 30),
)
def test_judging_loses_nobody(sets: list[tuple[int, int, Code]], done: int) -> None:
    """Whatever was moved when: each division is told exactly once."""
    clocks = sorted(
        [a_clock(NOON + at * DAY, days, code) for at, days, code in sets],
        key=lambda clock: clock.at,
    )
    said = Said(NOON + done * DAY, tuple(COUNTIES), clock=Clock.WORK)
    judged = [code for one in rules.judged(said, clocks) for code in one.divisions]

    assert sorted(judged) == sorted(COUNTIES)


@pytest.mark.parametrize(
    ("after", "is_late"), [(timedelta(hours=4), False), (timedelta(hours=5), True)]
)
def test_what_came_hours_later_is_labelled(after: timedelta, *, is_late: bool) -> None:
    """Done while a link was away, or entered afterwards."""
    fact = a_fact(returned(COUNTIES[0]), recorded_at=NOON + after)

    assert [event.arrived_late for event in told([fact])] == [is_late]


def test_a_kind_that_is_not_known_is_told_by_its_name() -> None:
    """Of a newer neighbour: nothing is hidden, nothing is guessed."""
    fact = a_fact(returned(COUNTIES[0]), kind="ducha.future.v1.Things", payload=b"\xff")
    broken = replace(fact, kind=returned().DESCRIPTOR.full_name, position=2)
    events = told([fact, broken])

    assert [event.said.is_unknown for event in events] == [True, True]
    assert events[0].fact.kind == "ducha.future.v1.Things"


def test_details_are_written_for_machines_and_people() -> None:
    """Moments as ISO 8601, values of enums without their prefix, empty ones left out."""
    payload = petition.PetitionsDecided(
        item_id=ITEM,
        decider_division="5301",
        decisions=[
            petition_pb2.Decision(
                petition_id="p",
                division="530102",
                outcome=petition_pb2.OUTCOME_GRANTED,
                reason="属实" * 400,
                days=3,
                deadline_time=moments.stamp_of(NOON),
            ),
            petition_pb2.Decision(
                division="530103", outcome=petition_pb2.OUTCOME_REFUSED, rule="MOOT"
            ),
        ],
    )
    granted, refused = readers.said(a_fact(payload, "5301"))

    assert granted.divisions == ("530102",)
    assert granted.details == {
        "outcome": "granted",
        "reason": ("属实" * 400)[: readers.LONGEST - 1] + "…",
        "days": "3",
        "new_deadline_time": "2026-11-02T04:00:00Z",
        "petition_id": "p",
    }
    assert refused.details == {"outcome": "refused", "rule": "MOOT"}


@pytest.mark.parametrize(
    ("rung", "whom"),
    [(1, {"530102": ["530102001"], "5301": ["530103"]}),
     (2, {"5301": ["530102001"], "53": ["530103"]}),
     (9, {"53": ["530102001", "530103"]})],
)  # fmt: skip
def test_an_escalation_says_to_whom(rung: int, whom: dict[str, list[str]]) -> None:
    """So many tiers above each, and never above the province."""
    late = [Code("530102001"), Code("530103")]
    payload = timing.AssignmentsEscalated(
        item_id=ITEM, divisions=division.set_to(late), rung=rung
    )
    found = {
        one.details["escalated_to"]: sorted(one.divisions)
        for one in readers.said(a_fact(payload, "5301"))
    }

    assert found == whom


def test_a_reminder_shows_its_light() -> None:
    """Red when it is overdue, yellow before."""
    lights = [
        readers.said(a_fact(timing.RemindersRaised(item_id=ITEM, step=step), "530102"))[
            0
        ].light
        for step in (timing_pb2.STEP_DEADLINE_NEAR, timing_pb2.STEP_OVERDUE)
    ]

    assert lights == [Light.YELLOW, Light.RED]
    assert {light.value for light in Light} == set(assignment_pb2.Light.values())
