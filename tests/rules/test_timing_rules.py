"""When steps are due, whom they concern, and at which node they are taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tier.calendar.model import Term, Terms
from tier.calendar.rules import SHIPPED
from tier.jurisdiction import DIGITS, Code, Level, contains, level_of
from tier.node import Neighbour, Node
from tier.timing import rules
from tier.timing.model import (
    OF_RECEIPT,
    REMINDERS,
    Clock,
    Group,
    Step,
    Timer,
    Window,
)

START = datetime(2026, 3, 2, 1, tzinfo=UTC)
LINE = (
    Node("p", Level.PROVINCE, (Code("53"),), None, (Neighbour("c", (Code("5301"),)),)),
    Node("c", Level.CITY, (Code("5301"),), "p", (Neighbour("x", (Code("530102"),)),)),
    Node(
        "x", Level.COUNTY, (Code("530102"),), "c", (Neighbour("t", (Code("530102"),)),)
    ),
    Node("t", Level.TOWNSHIP, (Code("530102"),), "x"),
)
GRID = Code("530102001001001")

moments = st.integers(0, 10_000).map(lambda hours: START + timedelta(hours=hours))
windows = st.builds(Window, moments, moments, moments)
in_order = st.tuples(moments, moments, moments).map(lambda each: Window(*sorted(each)))
a_term = st.one_of(
    st.integers(1, 60).map(lambda days: Term(working_days=days)),
    st.integers(1, 500).map(lambda hours: Term(hours=hours)),
)
all_terms = st.builds(
    Terms,
    source_type=st.just(1),
    urgency=st.just(1),
    receive=a_term,
    work=a_term,
    receipt_near_percent=st.integers(1, 99),
    near_percent=st.integers(1, 99),
    ladder=st.lists(a_term, max_size=9).map(tuple),
    max_extensions=st.just(0),
    max_extension_days=st.just(0),
    dispute=a_term,
    review=a_term,
    urge_overdue=st.booleans(),
    version=st.just(0),
)
grids = st.sampled_from([Code(GRID[: DIGITS[level]]) for level in Level if level > 1])


def of(timers: list[Timer], step: Step) -> list[Timer]:
    return [timer for timer in timers if timer.step is step]


def a_clock(assigner: str, division: str) -> Clock:
    group = Group(
        UUID(int=1), Code(assigner), len(division), Window(START, START, START)
    )
    return Clock(1, group, "1", None, "")


@given(windows, all_terms)
def test_every_step_has_one_moment_and_the_order_is_that_of_work(
    window: Window, terms: Terms
) -> None:
    """One of each, as many rungs as the ladder has, and urging where the terms say so."""
    timers = rules.schedule(window, terms, SHIPPED)
    wanted = [*sorted(REMINDERS)] + [Step.URGE] * terms.urge_overdue
    rungs = of(timers, Step.ESCALATION)

    assert timers == sorted(timers)
    assert sorted(t.step for t in timers if t.step is not Step.ESCALATION) == wanted
    assert [timer.rung for timer in rungs] == [*range(1, len(terms.ladder) + 1)]
    assert [timer.at for timer in rungs] == sorted(timer.at for timer in rungs)
    assert all(timer.at > window.deadline for timer in rungs)
    assert all(timer.rung == 0 for timer in timers if timer not in rungs)


@given(in_order, all_terms)
def test_what_is_near_is_announced_within_its_own_time(
    window: Window, terms: Terms
) -> None:
    """After the assignment, before the moment itself, at its share of the time."""
    timers = rules.schedule(window, terms, SHIPPED)
    for near, over, end, percent in (
        (Step.RECEIPT_NEAR, Step.RECEIPT_OVERDUE, window.receive_by, 0),
        (Step.DEADLINE_NEAR, Step.OVERDUE, window.deadline, 1),
    ):
        (soon,), (late,) = of(timers, near), of(timers, over)
        share = (terms.receipt_near_percent, terms.near_percent)[percent]

        assert late.at == end
        assert window.assigned_at <= soon.at <= end
        assert soon.at - window.assigned_at == (end - window.assigned_at) * share / 100


@given(windows, all_terms, st.data())
def test_work_goes_on_behind_what_was_worked(
    window: Window, terms: Terms, data: st.DataObject
) -> None:
    """Nothing twice, nothing left out, wherever it stopped."""
    timers = rules.schedule(window, terms, SHIPPED)
    place = data.draw(st.integers(0, len(timers) - 1))

    assert rules.left(timers, None) == timers
    assert rules.left(timers, rules.worked_to(timers[place])) == timers[place + 1 :]


@given(in_order, all_terms, moments)
def test_only_announcements_are_superseded_and_only_by_what_they_announce(
    window: Window, terms: Terms, now: datetime
) -> None:
    """A reminder that it is late, or a step of the ladder, is never left out."""
    for timer in rules.schedule(window, terms, SHIPPED):
        over = {
            Step.RECEIPT_NEAR: window.receive_by <= now,
            Step.DEADLINE_NEAR: window.deadline <= now,
        }.get(timer.step, False)

        assert rules.is_superseded(timer, window, now) is over


@given(grids, st.integers(1, 9))
def test_lateness_is_escalated_tier_by_tier_and_never_above_the_province(
    division: Code, rung: int
) -> None:
    """Each rung one tier higher, until there is none."""
    told = rules.notified(division, rung)
    tiers = level_of(division) - level_of(told)

    assert contains(told, division)
    assert tiers == min(rung, level_of(division) - Level.PROVINCE)


@given(grids, st.data())
def test_each_step_is_taken_by_exactly_one_node_of_the_line(
    division: Code, data: st.DataObject
) -> None:
    """Reminders at the executor's, the others at the assigner's, whoever that is."""
    highest = min(level_of(division), Level.VILLAGE)
    level = data.draw(st.sampled_from([one for one in Level if one < highest]))
    assigner = Code(division[: DIGITS[level]])
    clock = a_clock(assigner, division)
    for step in Step:
        homes = [node for node in LINE if rules.may_concern(clock, step, node)]
        actor = division if step in REMINDERS else assigner

        assert len(homes) == 1
        assert homes[0].acts_for(actor)


@given(in_order, all_terms)
def test_a_turn_passes_what_others_take(window: Window, terms: Terms) -> None:
    """The county that assigned takes urging and the ladder, its streets the reminders."""
    timers = rules.schedule(window, terms, SHIPPED)
    for node, reminds in ((LINE[2], False), (LINE[3], True)):
        clock = a_clock("530102", "530102001")
        taken = []
        while True:
            worked, timer = rules.turn(clock, timers, node)
            if timer is None:
                break
            taken.append(timer)
            clock = replace(clock, worked=rules.worked_to(timer))

        assert worked == rules.worked_to(timers[-1])
        assert taken == [one for one in timers if (one.step in REMINDERS) is reminds]


@given(in_order, all_terms, moments, st.integers(0, 2))
def test_what_is_shown_as_next_lies_ahead_and_concerns_somebody(
    window: Window, terms: Terms, now: datetime, unreceived: int
) -> None:
    """No step of the receipt once everybody has confirmed it; none that is past."""
    timers = rules.schedule(window, terms, SHIPPED)
    shown = rules.upcoming(timers, now, unreceived=unreceived)
    ahead = [one for one in timers if one.at > now]
    if not unreceived:
        ahead = [one for one in ahead if one.step not in OF_RECEIPT]

    assert shown == (ahead[0] if ahead else None)
