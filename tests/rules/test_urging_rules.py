"""Rules of urging: who may, who is alerted, and how often a rule urges."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tier.assignment.model import Assignment, Clock, Key, State
from tier.calendar.model import Calendar
from tier.calendar.rules import SHIPPED, is_working
from tier.jurisdiction import Code
from tier.urging import rules
from tier.urging.model import No

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
ISSUER, ASSIGNER, EXECUTOR = map(Code, ("53", "5301", "530102001"))
ASSIGNMENT = Assignment(
    Key(UUID(int=1), EXECUTOR), ASSIGNER, 1, NOW, NOW, Clock(NOW, NOW)
)
CODES = st.sets(st.sampled_from([Code(f"53010200{n}") for n in range(1, 7)]))
MOMENTS = st.integers(-16_000, 16_000).map(lambda hours: NOW + timedelta(hours=hours))


@st.composite
def assignments(draw: st.DrawFn) -> Assignment:
    """Return an assignment in any state."""
    moment = st.none() | st.just(NOW)
    return replace(
        ASSIGNMENT,
        received_at=draw(moment),
        reported_at=draw(moment),
        verified_at=draw(moment),
        returned=draw(st.booleans()),
        closed=draw(st.booleans()),
        withdrawn=draw(st.booleans()),
        clock=replace(ASSIGNMENT.clock, suspended_at=draw(moment)),
    )


@given(assignments(), st.sampled_from([ISSUER, ASSIGNER, EXECUTOR, Code("530102")]))
def test_only_who_assigned_or_issued_urges_what_is_waited_for(
    assignment: Assignment, acting: Code
) -> None:
    """Nobody else may; and what is done, stopped or taken back is left alone."""
    found = rules.refusal(assignment, ISSUER, acting)
    waits = assignment.state in {State.ISSUED, State.RECEIVED, State.RETURNED}

    assert (found is No.NOT_YOURS) == (acting not in {ISSUER, ASSIGNER})
    assert (found is None) == (acting in {ISSUER, ASSIGNER} and waits)


@given(CODES, CODES, CODES)
def test_who_is_alerted_waits_and_is_first_or_red(
    first: set[Code], red: set[Code], waiting: set[Code]
) -> None:
    """Each once, and nobody else."""
    alerted = rules.alerted(first, red, waiting)

    assert len(set(alerted)) == len(alerted)
    assert set(alerted) == waiting & (first | red)


@given(MOMENTS)
def test_a_day_begins_at_midnight_where_people_live(at: datetime) -> None:
    """Eight hours before the day of UTC."""
    assert rules.day_of(at) == (at + timedelta(hours=8)).date()


@given(
    MOMENTS,
    st.dictionaries(st.dates(date(2024, 1, 1), date(2026, 12, 31)), st.booleans()),
)
def test_a_rule_counts_days_off_with_the_working_day_before(
    now: datetime, overrides: dict[date, bool]
) -> None:
    """Two moments share a rule day exactly if no working day begins between them."""
    calendar = Calendar(1, overrides, SHIPPED.official)
    today = rules.day_of(now)
    found = rules.rule_day(calendar, now)
    between = [found + timedelta(days=n) for n in range(1, (today - found).days + 1)]

    assert found <= today
    assert is_working(calendar, found)
    assert not any(is_working(calendar, day) for day in between)


def test_a_calendar_without_working_days_ends_the_search() -> None:
    """Whatever is published, the rule day is found."""
    days = [date(2026, 11, 23) - timedelta(days=n) for n in range(60)]
    calendar = Calendar(1, dict.fromkeys(days, False), SHIPPED.official)

    assert rules.rule_day(calendar, NOW) == date(2026, 11, 23)
