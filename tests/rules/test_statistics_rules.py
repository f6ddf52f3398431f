"""What statistics count: months, shares, and a history that is folded from facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tier.jurisdiction import Code
from tier.statistics import rules
from tier.statistics.model import Counts, Key, Measure
from tier.statistics.retelling import (
    Assigned,
    Clocked,
    Escalated,
    Event,
    Filed,
    Granted,
    History,
    Introduced,
    Petitioned,
    Received,
    Reported,
    Returned,
    Urged,
    Withdrawn,
    counted,
    fold,
)

ISSUE = datetime(2026, 11, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CITY, COUNTY, TOWN, OTHER = map(Code, ("5301", "530102", "530102001", "530102002"))
ITEM = Introduced(Code("53"), "民政厅", 1, 1, ISSUE)
GIVEN = Assigned((COUNTY,), Code("53"), ISSUE, ISSUE + DAY, ISSUE + 10 * DAY)
BELOW = Assigned((TOWN, OTHER), COUNTY, ISSUE + DAY, ISSUE + 2 * DAY, ISSUE + 8 * DAY)

moments = st.timedeltas(timedelta(), 300_000 * DAY).map(
    lambda since: datetime(1992, 1, 1, tzinfo=UTC) + since
)
hours = st.integers(0, 24 * 60).map(lambda n: ISSUE + timedelta(hours=n))
codes = st.sampled_from((COUNTY, TOWN, OTHER))
some = st.lists(codes, min_size=1, unique=True)
numbers = st.integers(1, 4)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Received, some, hours),
    st.builds(Reported, codes, numbers, hours),
    st.builds(Returned, st.dictionaries(codes, numbers, min_size=1), hours),
    st.builds(
        Clocked,
        st.dictionaries(codes, numbers, min_size=1),
        hours,
        hours,
        st.none() | hours,
        st.timedeltas(timedelta(), 9 * DAY),
    ),
    st.builds(Withdrawn, st.none() | some),
    st.builds(Filed, st.sampled_from("abc"), codes, st.sampled_from(Petitioned), hours),
    st.builds(Granted, st.sampled_from("abc"), hours),
    st.builds(Urged, st.sampled_from("xy"), some, hours),
    st.builds(Escalated, some, numbers, numbers, hours),
)


def told(*events: Event) -> History:
    history = History()
    for event in events:
        fold(history, event)
    return history


def summed(history: History) -> dict[Measure, int]:
    """Return what is counted, over all divisions and months; what is nothing is left out."""
    rows: Sequence[Counts] = list(counted(history).values())
    totals = map(sum, zip(*rows, strict=True))
    return {
        measure: total for measure, total in zip(Measure, totals, strict=True) if total
    }


@given(moments)
def test_a_moment_lies_in_its_month_and_in_no_other(at: datetime) -> None:
    """The span of a month holds what `month_of` says of it, to the microsecond."""
    month = rules.month_of(at)
    begin, end = rules.span(month, month)
    before, _ = rules.span("", rules.month_of(begin - DAY))

    assert begin <= at < end
    assert rules.month_of(begin) == month != rules.month_of(end)
    assert rules.month_of(begin - timedelta(microseconds=1)) != month
    assert before == rules.EARLIEST
    assert rules.span("", rules.month_of(begin - DAY))[1] == begin


@pytest.mark.parametrize("month", ["1000-01", "2999-12"])
def test_the_months_that_a_request_may_name_have_a_span(month: str) -> None:
    """The proto lets through years from 1000 to 2999."""
    begin, end = rules.span(month, month)

    assert timedelta(days=31) - timedelta(hours=1) < end - begin


def test_a_month_begins_at_midnight_in_china() -> None:
    """Four in the afternoon of the last day in Greenwich is the next month already."""
    last = datetime(2026, 11, 30, 16, tzinfo=UTC)

    assert rules.month_of(last) == "2026-12"
    assert rules.month_of(last - timedelta(microseconds=1)) == "2026-11"


@given(st.lists(EVENTS, max_size=12))
def test_shares_are_of_what_was_assigned(events: list[Event]) -> None:
    """Neither share leaves 0 to 1, and nothing is on time that is not finished."""
    for counts in counted(told(ITEM, GIVEN, BELOW, *events)).values():
        assert 0 <= rules.timeliness(counts) <= rules.completeness(counts) <= 1


@given(st.lists(EVENTS, max_size=12))
def test_hearing_all_of_it_twice_counts_once(events: list[Event]) -> None:
    """Each event again at once, as a part for one branch is recorded after the whole."""
    once = told(ITEM, GIVEN, BELOW, *events)
    again = told(ITEM, ITEM, GIVEN, GIVEN, BELOW, BELOW)
    for event in events:
        fold(again, event)
        fold(again, event)

    assert counted(again) == counted(once)


@given(st.lists(EVENTS, max_size=12))
def test_what_stands_is_counted_once_a_division(events: list[Event]) -> None:
    """Three were assigned; each is received, and finished, once at most."""
    totals = summed(told(ITEM, GIVEN, BELOW, *events))
    assigned = totals[Measure.ASSIGNED]
    received = sum(
        totals.get(m, 0) for m in (Measure.RECEIVED_ON_TIME, Measure.RECEIVED_LATE)
    )
    finished = sum(
        totals.get(m, 0) for m in (Measure.FINISHED_ON_TIME, Measure.FINISHED_LATE)
    )

    assert assigned == 3
    assert finished <= received <= assigned
    assert totals.get(Measure.ASSIGNED_FINISHED, 0) <= finished


def test_a_whole_life_is_counted_in_its_months() -> None:
    """Late receipt, a granted extension, a return, a report in December: each in its month."""
    december = datetime(2026, 12, 3, 2, tzinfo=UTC)
    history = told(
        ITEM,
        GIVEN,
        Received((COUNTY,), ISSUE + 2 * DAY),
        Filed("p", COUNTY, Petitioned.EXTENSION, ISSUE + 3 * DAY),
        Granted("p", ISSUE + 4 * DAY),
        Clocked({COUNTY: 2}, GIVEN.receive_by, december + DAY),
        Reported(COUNTY, 1, ISSUE + 5 * DAY),
        Returned({COUNTY: 2}, ISSUE + 6 * DAY),
        Reported(COUNTY, 1, ISSUE + 7 * DAY),  # under the epoch that passed
        Urged("u", (COUNTY,), ISSUE + 8 * DAY),
        Reported(COUNTY, 2, december),
    )
    month = {
        key.month: {
            measure.name
            for measure, count in zip(Measure, counts, strict=True)
            if count
        }
        for key, counts in counted(history).items()
    }

    assert set(counted(history)) == {
        Key(COUNTY, "53", "民政厅", 1, 1, "2026-11"),
        Key(COUNTY, "53", "民政厅", 1, 1, "2026-12"),
    }
    assert month == {
        "2026-11": {
            "ASSIGNED",
            "ASSIGNED_FINISHED",
            "ASSIGNED_FINISHED_ON_TIME",
            "RECEIVED_LATE",
            "EXTENDED",
            "RETURNED",
            "URGED",
        },
        "2026-12": {"FINISHED_ON_TIME"},
    }


def test_an_escalation_of_what_was_reported_before_is_told_apart() -> None:
    """The report was made before the step was taken, and came after."""
    step = Escalated((TOWN, OTHER), 1, 1, ISSUE + 9 * DAY)
    before = told(ITEM, GIVEN, BELOW, step, Reported(TOWN, 1, ISSUE + 9 * DAY))
    after = told(ITEM, GIVEN, BELOW, step, Reported(TOWN, 1, ISSUE + 10 * DAY))

    assert summed(before)[Measure.ESCALATIONS_OVERTAKEN] == 1
    assert summed(before)[Measure.ESCALATED] == 1
    assert Measure.ESCALATIONS_OVERTAKEN not in summed(after)
    assert summed(after)[Measure.ESCALATED] == 2


def test_what_is_taken_back_goes_with_all_that_was_split_from_it() -> None:
    """Of the county's assignment; a split that comes after it is taken back as it comes."""
    village = Assigned((Code("530102001001"),), TOWN, ISSUE, ISSUE, ISSUE + DAY)
    late = Assigned((Code("530102002001"),), OTHER, ISSUE, ISSUE, ISSUE + DAY)
    history = told(ITEM, GIVEN, BELOW, village, Withdrawn((COUNTY,)), late)

    assert summed(history)[Measure.ASSIGNED_WITHDRAWN] == 5


def test_stopped_time_counts_when_the_clock_runs_again() -> None:
    """Once for each term, in the month of the resumption."""
    again = datetime(2026, 12, 1, tzinfo=UTC)
    resumed = Clocked({COUNTY: 3}, again, again + DAY, again, timedelta(hours=30))
    counts = counted(told(ITEM, GIVEN, resumed, resumed))
    stopped = {
        key.month: numbers[Measure.STOPPED_SECONDS - 1]
        for key, numbers in counts.items()
    }

    assert stopped == {"2026-11": 0, "2026-12": 30 * 3600}


def test_facts_of_old_are_read_as_their_rows_were_filled() -> None:
    """A split without a moment is of the issue; a return without one begins an epoch only."""
    split = Assigned((TOWN,), COUNTY, None, ISSUE + DAY, ISSUE + 8 * DAY)
    history = told(
        ITEM, GIVEN, split, Reported(TOWN, 1, ISSUE + DAY), Returned({TOWN: 2}, None)
    )

    assert summed(history) == {Measure.ASSIGNED: 2, Measure.RECEIVED_ON_TIME: 1}
    assert history.courses[TOWN].assigned_at == ISSUE
    assert history.courses[TOWN].epoch == 2


def test_an_item_that_is_not_known_counts_nothing() -> None:
    """Facts may speak of an item that never came."""
    assert counted(told(GIVEN)) == {}
