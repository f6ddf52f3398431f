"""Clocks of assignments: their lights, what a stop gives back, what is left for those below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as st

from tier.assignment import folding, rules
from tier.assignment.model import (
    Assignment,
    Cause,
    Clock,
    Clocking,
    Key,
    Light,
    Moved,
    Resumed,
    State,
    Suspended,
)
from tier.assignment.recounting import counted_again
from tier.calendar import SHIPPED, Calendar, Term, after
from tier.jurisdiction import Code

START = datetime(2026, 3, 2, 1, tzinfo=UTC)
"""A Monday, nine o'clock in China."""

FRESH = Assignment(
    Key(UUID(int=1), Code("530102001")),
    Code("530102"),
    1,
    START + timedelta(days=2),
    START + timedelta(days=10),
    Clock(START, START + timedelta(days=10)),
)
ZERO = timedelta()
NEAR = 80

moments = st.integers(0, 20 * 24).map(lambda hours: START + timedelta(hours=hours))
spans = st.integers(0, 9 * 24).map(lambda hours: timedelta(hours=hours))
terms = st.integers(1, 6)
stops = st.builds(Suspended, terms, moments, st.just("等待批复"))
restarts = st.builds(Resumed, terms, moments, moments, spans, moments, st.just(""))
moves = st.builds(
    Moved,
    terms,
    moments,
    moments,
    st.sampled_from(Cause),
    st.just(""),
    moments,
    st.none() | moments,
    st.integers(0, 9),
    st.booleans(),
)
clockings: st.SearchStrategy[Clocking] = st.one_of(stops, restarts, moves)
rows = st.builds(
    replace,
    st.just(FRESH),
    received_at=st.none() | moments,
    reported_at=st.none() | moments,
    verified_at=st.none() | moments,
    closed=st.booleans(),
    withdrawn=st.booleans(),
)


def stopped_at(row: Assignment, at: datetime | None) -> Assignment:
    return replace(row, clock=replace(row.clock, suspended_at=at))


# --- Lights ----------------------------------------------------------------------------


def shown(row: Assignment, at: datetime) -> Light | None:
    return rules.light(row, NEAR, at)


@given(rows, moments)
def test_what_is_done_is_green_and_what_is_withdrawn_has_no_light(
    row: Assignment, at: datetime
) -> None:
    """However late it was: it waits for others, or for nobody."""
    done = row.reported_at or row.verified_at or row.closed

    assert (shown(row, at) is None) == row.withdrawn
    assert row.withdrawn or not done or shown(row, at) is Light.GREEN


@given(moments, st.none() | moments)
def test_a_light_is_red_from_the_deadline_on(
    at: datetime, received: datetime | None
) -> None:
    """And not a moment before."""
    row = replace(FRESH, received_at=received)

    assert (shown(row, at) is Light.RED) == (at > row.deadline)


@given(at=moments, percent=st.integers(1, 99), received=st.booleans())
def test_a_light_is_yellow_near_the_end_and_while_receipt_is_overdue(
    at: datetime, percent: int, *, received: bool
) -> None:
    """Near is the percentage that the terms name, counted from the assignment."""
    row = replace(FRESH, received_at=START if received else None)
    assume(at <= row.deadline)
    used = (at - START) / (row.deadline - START)
    yellow = used >= percent / 100 or (not received and at > row.receive_by)

    assert rules.light(row, percent, at) is (Light.YELLOW if yellow else Light.GREEN)


@given(stop=moments, at=moments, received=st.booleans())
def test_a_stopped_clock_keeps_its_light(
    stop: datetime, at: datetime, *, received: bool
) -> None:
    """Whatever time passes while it stands."""
    assume(at >= stop)
    row = replace(FRESH, received_at=START if received else None)

    assert shown(stopped_at(row, stop), at) is shown(row, stop)


@given(st.lists(moments, min_size=2, max_size=6))
def test_a_light_only_grows_darker_while_nothing_is_done(at: list[datetime]) -> None:
    """Green, yellow, red; a moved deadline is what brightens it."""
    lights = [shown(FRESH, one) for one in sorted(at)]

    assert lights == sorted(lights, key=lambda light: light or 0)


# --- Stopping --------------------------------------------------------------------------


@given(moments, moments, st.none() | moments)
def test_the_time_of_a_stop_is_given_back(
    stop: datetime, now: datetime, received: datetime | None
) -> None:
    """As much time is left afterwards as there was before."""
    assume(now >= stop)
    row = stopped_at(replace(FRESH, received_at=received), stop)
    receive_by, deadline, stood = rules.resumed(row, now)

    assert stood == now - stop
    assert deadline - now == row.deadline - stop
    waits = received is None and row.receive_by > stop
    assert receive_by == row.receive_by + (stood if waits else ZERO)


@given(moments, moments)
def test_a_stop_never_takes_time_away(stop: datetime, now: datetime) -> None:
    """Even where the clock of the node went back meanwhile."""
    _, deadline, stood = rules.resumed(stopped_at(FRESH, stop), now)

    assert stood >= ZERO
    assert deadline >= FRESH.deadline


@given(st.lists(st.tuples(spans, spans), max_size=5))
def test_stops_add_up(stops: list[tuple[timedelta, timedelta]]) -> None:
    """The row tells how long it stood in all, and by so much the deadline is later."""
    row, now, term = replace(FRESH, received_at=START), START, 1
    for run, stand in stops:
        now += run
        row = folding.fold_clock(row, Suspended(term + 1, now, ""))
        now += stand
        restart = Resumed(term + 2, *rules.resumed(row, now), now, "")
        row = folding.fold_clock(row, restart)
        term += 2
    stood = sum((stand for _, stand in stops), start=ZERO)

    assert row.clock.stopped == stood
    assert row.deadline == FRESH.deadline + stood
    assert row.clock.original_deadline == FRESH.deadline


# --- Children --------------------------------------------------------------------------


@given(moments, spans, moments)
def test_children_leave_time_to_review_and_have_time_themselves(
    deadline: datetime, buffer: timedelta, now: datetime
) -> None:
    """The whole buffer where there are two; else half of what is left, never less than none."""
    latest = rules.latest_for_children(deadline, buffer, now)
    left = max(ZERO, deadline - now)

    assert latest == deadline - min(buffer, left / 2)
    assert latest <= deadline
    assert latest >= now or deadline < now


@given(moments, moments, spans, moments)
def test_a_later_deadline_never_leaves_children_less(
    one: datetime, other: datetime, buffer: timedelta, now: datetime
) -> None:
    """An extension above is room below."""
    earlier, later = sorted([one, other])

    assert rules.latest_for_children(earlier, buffer, now) <= rules.latest_for_children(
        later, buffer, now
    )


# --- Folding clocks --------------------------------------------------------------------


def folded(row: Assignment, changes: Sequence[Clocking]) -> Assignment:
    for change in changes:
        row = folding.fold_clock(row, change)
    return row


@given(st.lists(clockings, max_size=8))
def test_of_changes_of_a_clock_only_newer_terms_count(
    changes: list[Clocking],
) -> None:
    """What comes again, or after what followed it, changes nothing: once is enough."""
    newer = [
        change
        for place, change in enumerate(changes)
        if change.term > max([1, *(before.term for before in changes[:place])])
    ]
    row = folded(FRESH, changes)

    assert row == folded(FRESH, newer)
    assert folded(row, changes) == row
    assert row.clock.term == max([1, *(change.term for change in changes)])


@given(st.lists(clockings, max_size=8))
def test_clocks_touch_nothing_but_clocks(changes: list[Clocking]) -> None:
    """Nor what the assignment was given first."""
    row = folded(FRESH, changes)
    given_first = (row.clock.assigned_at, row.clock.original_deadline)

    assert given_first == (FRESH.clock.assigned_at, FRESH.clock.original_deadline)
    assert (
        replace(
            row, receive_by=FRESH.receive_by, deadline=FRESH.deadline, clock=FRESH.clock
        )
        == FRESH
    )


@given(st.lists(clockings, max_size=8))
def test_an_assignment_is_suspended_from_a_stop_until_it_runs_again(
    changes: list[Clocking],
) -> None:
    """A moved deadline does not start a clock that stands; extensions are counted."""
    rising = [
        replace(change, term=term)
        for term, change in enumerate(changes, start=FRESH.clock.term + 1)
    ]
    row = folded(FRESH, rising)
    switches = [one for one in rising if not isinstance(one, Moved)]
    stands = bool(switches) and isinstance(switches[-1], Suspended)
    extended = [
        one for one in rising if isinstance(one, Moved) and one.cause is Cause.EXTENSION
    ]

    assert (row.state is State.SUSPENDED) == stands
    assert row.clock.extensions == len(extended)


# --- Counting again --------------------------------------------------------------------


OFFICIAL = Calendar(2, {}, SHIPPED.official | {2027, 2028})
PROVISIONAL = Calendar(1, {}, frozenset({2026}))
starts = st.integers(0, 300).map(lambda days: START + timedelta(days=days))


def given_days(start: datetime, days: int, receive: int) -> Assignment:
    """Return an assignment counted in working days while its years were provisional."""
    due = after(PROVISIONAL, start, Term(working_days=days))
    receipt = after(PROVISIONAL, start, Term(working_days=receive))
    clock = Clock(
        start,
        due.at,
        work_days=days,
        receive_days=receive,
        provisional=due.provisional or receipt.provisional,
    )
    return replace(
        FRESH, deadline=due.at, receive_by=min(receipt.at, due.at), clock=clock
    )


@given(starts, st.integers(1, 250), st.integers(1, 5), st.sets(st.integers(0, 360)))
def test_counting_again_gives_what_the_calendar_says_and_then_nothing_more(
    start: datetime, days: int, receive: int, off: set[int]
) -> None:
    """The official days off decide; a second look finds nothing to move."""
    row = given_days(start, days, receive)
    holidays = {date(2027, 1, 1) + timedelta(days=day): False for day in off}
    calendar = replace(OFFICIAL, overrides=holidays)
    assume(row.clock.provisional)
    moved = counted_again(row, calendar, START)
    due = after(calendar, start, Term(working_days=days))
    assert moved is not None
    again = folding.fold_clock(row, moved)

    assert (moved.deadline, moved.provisional) == (due.at, due.provisional)
    assert moved.cause is Cause.CALENDAR
    assert (moved.term, moved.calendar_version) == (2, calendar.version)
    assert again.receive_by <= again.deadline
    assert again.clock.work_days == days
    if not due.provisional:
        assert not again.clock.provisional


@given(starts, st.integers(1, 250), st.integers(1, 5))
def test_a_calendar_that_says_nothing_new_moves_nothing(
    start: datetime, days: int, receive: int
) -> None:
    """What is still provisional, and where it was, is told to nobody."""
    row = given_days(start, days, receive)
    assume(row.clock.provisional)

    assert counted_again(row, PROVISIONAL, START) is None


@given(starts, st.integers(1, 250), moments)
def test_a_receipt_that_was_confirmed_is_not_moved(
    start: datetime, days: int, received: datetime
) -> None:
    """Nobody is made late, or in time, afterwards."""
    row = replace(given_days(start, days, 1), received_at=received)
    assume(row.clock.provisional)
    moved = counted_again(row, OFFICIAL, START)
    assert moved is not None

    assert moved.receive_by == min(row.receive_by, moved.deadline)
