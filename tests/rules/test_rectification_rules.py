"""Rules of rectification, for whatever comes in whatever order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tier.calendar.model import Calendar, Term
from tier.calendar.rules import SHIPPED, after
from tier.jurisdiction import Code
from tier.rectification import rules
from tier.rectification.model import (
    Change,
    Closed,
    No,
    Point,
    Reported,
    Returned,
    State,
)

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
EXECUTOR, OPENER = Code("530102001"), Code("53")
POINT = Point(
    UUID(int=1), UUID(int=2), EXECUTOR, OPENER, "问题", "要求", NOW, NOW + timedelta(7)
)
MOMENTS = st.integers(-400, 400).map(lambda days: NOW + timedelta(days, hours=days))
REPORTS = st.builds(Reported, st.integers(1, 4), MOMENTS, st.binary(max_size=4))
RETURNS = st.builds(
    Returned,
    st.integers(2, 4),
    st.text(max_size=4),
    st.none() | MOMENTS,
    st.booleans(),
)
CLOSINGS = st.builds(Closed, MOMENTS, st.text(max_size=4))
CHANGES: st.SearchStrategy[Change] = REPORTS | RETURNS | CLOSINGS


def folded(point: Point, changes: list[Change]) -> Point:
    for change in changes:
        point = rules.fold(point, change)
    return point


@st.composite
def a_life(draw: st.DrawFn) -> tuple[list[Reported], list[Returned | Closed]]:
    """Return what an executor said, and what the opener did, as rules allow it."""
    rounds = draw(st.integers(1, 4))
    up = [
        Reported(number, draw(MOMENTS), b"%d" % number)
        for number in range(1, rounds + 1)
    ]
    down: list[Returned | Closed] = [
        Returned(number + 1, f"{number}", draw(st.none() | MOMENTS))
        for number in range(1, rounds)
    ]
    if draw(st.booleans()):
        down.append(Closed(draw(MOMENTS), "同意"))
    return up, down


@st.composite
def crossings(draw: st.DrawFn) -> tuple[list[Change], list[Change]]:
    """Return two orders of the same facts, each side's own in its order."""
    up, down = draw(a_life())
    return draw(woven(up, down)), draw(woven(up, down))


@st.composite
def woven(
    draw: st.DrawFn, up: list[Reported], down: list[Returned | Closed]
) -> list[Change]:
    left: list[Change] = list(up)
    right: list[Change] = list(down)
    order = []
    while left or right:
        side = left if left and (not right or draw(st.booleans())) else right
        order.append(side.pop(0))
    return order


@given(crossings())
def test_facts_that_cross_leave_the_same_point(
    orders: tuple[list[Change], list[Change]],
) -> None:
    """However reports, returns and the closing pass each other."""
    one, other = orders

    assert folded(POINT, one) == folded(POINT, other)


@given(st.lists(CHANGES, max_size=8), CHANGES)
def test_folding_twice_is_folding_once(before: list[Change], change: Change) -> None:
    """A fact that comes again changes nothing, and is seen to."""
    once = rules.fold(folded(POINT, before), change)

    assert rules.fold(once, change) is once


@given(st.lists(CHANGES, max_size=8))
def test_a_closed_point_stays_closed(changes: list[Change]) -> None:
    """Nothing opens it again, and it holds nothing."""
    closed = rules.fold(POINT, Closed(NOW, "同意"))
    later = folded(closed, changes)

    assert later.state is State.CLOSED
    assert (later.closed_at, later.note) == (NOW, "同意")
    assert not later.stands


@given(st.lists(CHANGES, max_size=8), CHANGES)
def test_what_holds_an_item_is_let_go_once(
    before: list[Change], change: Change
) -> None:
    """A point stands until it is closed or withdrawn: the count of an item comes to 0."""
    history = [POINT]
    for one in (*before, change):
        history.append(rules.fold(history[-1], one))
    releases = [rules.released(one, other) for one, other in pairwise(history)]

    assert sum(releases) == (history[-1].closed_at is not None)
    assert not rules.released(replace(POINT, withdrawn=True), history[-1])


@given(st.lists(CHANGES, max_size=8), st.sampled_from([True, False]), st.integers(0, 5))
def test_a_move_is_allowed_in_one_state_only(
    changes: list[Change], withdrawn: object, number: int
) -> None:
    """Who executes reports what is open, who opened judges what is reported; nobody else."""
    point = replace(folded(POINT, changes), withdrawn=bool(withdrawn))
    report = rules.may_report(point, EXECUTOR, number)

    assert rules.may_report(point, OPENER, number) is No.NOT_YOURS
    assert rules.may_judge(point, EXECUTOR) is No.NOT_YOURS
    assert (rules.may_judge(point, OPENER) is None) == (point.state is State.REPORTED)
    current = number in {0, point.round}
    assert (report is None) == (current and point.state is State.OPEN)
    assert (report is No.STALE_ROUND) == (not current)


@given(st.lists(CHANGES, max_size=8), MOMENTS)
def test_late_and_overdue_are_of_this_round(
    changes: list[Change], now: datetime
) -> None:
    """A report of a passed round is not late in this one; what is reported is not overdue."""
    point = folded(POINT, changes)

    assert not (point.late and point.overdue(now))
    if point.overdue(now):
        assert point.state is State.OPEN
        assert now > point.deadline
    if point.late:
        assert point.reported_round >= point.round
        assert point.reported_at is not None
        assert point.reported_at > point.deadline


@given(MOMENTS, MOMENTS, st.integers(1, 30))
def test_a_moment_is_taken_as_it_is_and_a_term_counted(
    now: datetime, wanted: datetime, days: int
) -> None:
    """A term lies ahead wherever it starts; a moment only if it does."""
    term = Term(working_days=days)
    due = rules.due(term, SHIPPED, now)

    assert due == after(SHIPPED, now, term)
    assert rules.is_deadline_valid(due.at, now)
    given_moment = rules.due(wanted, Calendar(0, {}, frozenset()), now)
    assert (given_moment.at, given_moment.provisional) == (wanted, False)
    assert rules.is_deadline_valid(wanted, now) == (wanted > now)
