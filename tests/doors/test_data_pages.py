"""Page by page, every listing of data shows each of its rows exactly once."""

from __future__ import annotations

import pytest

from ducha.approval.v1 import approval_service_pb2 as approval
from ducha.catalogue.v1 import catalogue_pb2
from ducha.catalogue.v1 import catalogue_service_pb2 as catalogue
from ducha.collection.v1 import collection_service_pb2 as collection
from ducha.division.v1 import division_pb2
from ducha.indicator.v1 import indicator_service_pb2 as indicator
from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as registry
from ducha.relief.v1 import relief_service_pb2 as relief
from tests.catalogue import element
from tests.catalogue import indicator as an_indicator
from tests.doors.data_letters import (
    COUNT,
    ELEMENTS,
    NOTE,
    PERIODS,
    SHARE,
    TOTAL,
    answer,
    approve,
    ask,
    asked,
    publish,
    submit,
    take_back,
    unlock,
)
from tests.doors.letters import CITIES, COUNTIES, TOWNSHIPS
from tests.doors.paging import every_way
from tests.doors.tiers import Line

pytestmark = pytest.mark.asyncio(loop_scope="session")

Aggregate = indicator.ElementAggregate


async def answered(line: Line, period: str, *towns: str) -> None:
    """Have townships give a count and a total, and wait for the province."""
    given = [
        answer(town, period, {COUNT: n, TOTAL: 10}) for n, town in enumerate(towns)
    ]
    await line.township.collection.SubmitAnswers(submit(*given))
    await line.settled()


async def test_elements_and_indicators_by_code(line: Line) -> None:
    """All of them; those of a name; of one level; retired ones when they are wanted."""
    gone = element("doors.gone", period_type=catalogue_pb2.PERIOD_TYPE_YEAR)
    ratio = an_indicator("doors.ratio", f"{TOTAL} / {COUNT}")
    await line.province.publishing.PublishCatalogue(publish(gone, indicators=[ratio]))
    gone.retired = True
    await line.province.publishing.PublishCatalogue(publish(gone))
    await line.settled()
    list_ = line.county.catalogue.ListElements
    standing = await every_way(list_, catalogue.ListElementsRequest(), "elements")
    named = catalogue.ListElementsRequest(text="doors", include_retired=True)
    ours = await every_way(list_, named, "elements")
    yearly = catalogue.ListElementsRequest(
        period_type=catalogue_pb2.PERIOD_TYPE_YEAR, include_retired=True
    )
    of_years = await every_way(list_, yearly, "elements")
    rows = catalogue.ListIndicatorsRequest(text="doors")
    shown = await every_way(line.city.catalogue.ListIndicators, rows, "indicators")
    codes = [one.code for one in standing]

    assert codes == sorted(set(codes))
    assert {one.code for one in ELEMENTS} <= set(codes)
    assert gone.code not in codes
    assert [one.code for one in ours] == sorted(
        {*(one.code for one in ELEMENTS), gone.code}
    )
    assert [one.code for one in of_years] == [gone.code]
    assert [one.code for one in shown] == [ratio.code, SHARE.code]


async def test_data_requests_newest_first(line: Line) -> None:
    """All of them, those of one requester, and those in each state."""
    period = next(PERIODS)
    new = [await asked(line, ask(period, TOWNSHIPS[n])) for n in range(3)]
    await line.province.registry.WithdrawDataRequest(take_back(new[0]))
    await answered(line, period, TOWNSHIPS[1])
    done = await line.county.registry.RequestData(
        ask(period, TOWNSHIPS[0], division="530102")
    )
    await line.settled()
    states = {}
    list_ = line.province.registry.ListDataRequests
    for state in registry_pb2.DataRequestState.values():
        request = registry.ListDataRequestsRequest(state=state)
        shown = await every_way(list_, request, "data_requests")
        states[state] = [one.data_request_id for one in shown]
    county = registry.ListDataRequestsRequest(requester_division="530102")
    theirs = await every_way(list_, county, "data_requests")
    every, still_open, complete, withdrawn = states.values()

    own = done.data_request.data_request_id
    assert every[:4] == [own, *reversed(new)]
    assert (
        len(every) == len(set(every)) == await line.province.count("registry_request")
    )
    assert still_open[:2] == [own, new[2]]
    assert complete[0] == new[1]
    assert withdrawn[0] == new[0]
    assert set(every) == {*still_open, *complete, *withdrawn}
    assert theirs[0].data_request_id == own
    assert {one.requester_division for one in theirs} == {"530102"}


async def test_needs_by_division(line: Line) -> None:
    """All that was asked, one city's, and what is still missing."""
    period = next(PERIODS)
    request_id = await asked(line, ask(period, *TOWNSHIPS))
    await answered(line, period, *TOWNSHIPS[:3])
    list_ = line.province.registry.ListNeeds
    whole = registry.ListNeedsRequest(data_request_id=request_id)
    shown = await every_way(list_, whole, "needs")
    within = registry.ListNeedsRequest(data_request_id=request_id, within="5301")
    city = await every_way(list_, within, "needs")
    open_ = registry.ListNeedsRequest(data_request_id=request_id, waiting_only=True)
    missing = await every_way(list_, open_, "needs")

    assert [one.division for one in shown] == list(TOWNSHIPS)
    assert [one.division for one in city] == list(TOWNSHIPS[:4])
    assert [one.division for one in missing] == list(TOWNSHIPS[3:])
    assert [list(one.waiting) for one in missing] == [[COUNT, TOTAL]] * 3


async def test_observations_by_division(line: Line) -> None:
    """A page is a number of divisions: those of one element, of one city, and of before."""
    period = next(PERIODS)
    await answered(line, period, *TOWNSHIPS)
    given = answer(TOWNSHIPS[0], period, {COUNT: 9}, reason="更正")
    given.values.add(element=NOTE, text="道路畅通")
    list_ = line.province.registry.ListObservations
    before = (await list_(registry.ListObservationsRequest(period=period))).as_of_time
    await line.township.collection.SubmitAnswers(submit(given))
    await line.settled()
    counts = registry.ListObservationsRequest(elements=[COUNT], period=period)
    shown = await every_way(list_, counts, "observations")
    totals = registry.ListObservationsRequest(
        elements=[TOTAL], within="5303", period=period
    )
    city = await every_way(list_, totals, "observations")
    counts.as_of_time.CopyFrom(before)
    old = await every_way(list_, counts, "observations")

    assert [one.division for one in shown] == list(TOWNSHIPS)
    assert [one.value.number for one in shown] == [9, 1, 2, 3, 4, 5]
    assert [one.division for one in city] == list(TOWNSHIPS[4:])
    assert [one.value.number for one in old] == [0, 1, 2, 3, 4, 5]


async def test_conflicts_by_due_time(line: Line) -> None:
    """Of a city, and those that are open; the one due first comes first."""
    period = next(PERIODS)
    await answered(line, period, *TOWNSHIPS)
    rivals = [
        answer(town, period, {COUNT: 50 + n}, base_revision=0)
        for n, town in enumerate(TOWNSHIPS)
    ]
    for rival in rivals:
        await line.township.collection.SubmitAnswers(submit(rival))
    await line.settled()
    list_ = line.province.registry.ListConflicts
    within = registry.ListConflictsRequest(within="5301")
    city = await every_way(list_, within, "conflicts")
    open_ = registry.ListConflictsRequest(state=registry_pb2.CONFLICT_STATE_OPEN)
    shown = await every_way(list_, open_, "conflicts")
    due = [one.due_time.ToNanoseconds() for one in shown]

    assert [one.division for one in city if one.period == period] == list(TOWNSHIPS[:4])
    assert [one.division for one in shown if one.period == period] == list(TOWNSHIPS)
    assert due == sorted(due)
    assert len({one.conflict_id for one in shown}) == len(shown)


async def test_tasks_by_deadline(line: Line) -> None:
    """Of one period: what is due first, then by division; of one township: all periods."""
    first, second = next(PERIODS), next(PERIODS)
    soon = ask(first, *TOWNSHIPS[2:4])
    soon.data_request.deadline_time.seconds -= 86_400
    await line.province.registry.RequestData(soon)
    await asked(line, ask(first, *TOWNSHIPS))
    await asked(line, ask(second, *TOWNSHIPS[:1]))
    list_ = line.township.collection.ListTasks
    of_period = collection.ListTasksRequest(period=first)
    shown = await every_way(list_, of_period, "tasks")
    of_town = collection.ListTasksRequest(within=TOWNSHIPS[0])
    town = await every_way(list_, of_town, "tasks")

    others = [one for one in TOWNSHIPS if one not in TOWNSHIPS[2:4]]
    assert [one.division for one in shown] == [*TOWNSHIPS[2:4], *others]
    assert {first, second} <= {one.period for one in town}
    assert {one.division for one in town} == set(TOWNSHIPS[:1])


async def test_approvals_and_unlockings_of_a_period(line: Line) -> None:
    """Approvals by division, from the township up; unlockings newest first."""
    period = next(PERIODS)
    await answered(line, period, *TOWNSHIPS[:4])
    for town in TOWNSHIPS[:4]:
        await line.township.approval.ApprovePeriod(approve(town, period))
    made = [
        await line.township.approval.UnlockPeriod(unlock(town, town, period))
        for town in TOWNSHIPS[:4]
    ]
    await line.settled()
    for county in COUNTIES[:2]:
        await line.county.approval.ApprovePeriod(approve(county, period))
    await line.settled()
    list_ = line.city.approval.ListApprovals
    whole = approval.ListApprovalsRequest(period=period)
    shown = await every_way(list_, whole, "approvals")
    within = approval.ListApprovalsRequest(period=period, within=COUNTIES[0])
    below = await every_way(list_, within, "approvals")
    there = approval.ListUnlockingsRequest(period=period)
    unlocked = await every_way(
        line.province.approval.ListUnlockings, there, "unlockings"
    )

    assert [one.division for one in shown] == sorted([*COUNTIES[:2], *TOWNSHIPS[:4]])
    assert [one.division for one in below] == [COUNTIES[0], *TOWNSHIPS[:2]]
    assert [one.unlocking_id for one in unlocked] == [
        one.unlocking.unlocking_id for one in reversed(made)
    ]


async def test_indicator_values_by_area(line: Line) -> None:
    """Of townships, counties and cities: a ratio, and an element by itself."""
    period = next(PERIODS)
    await asked(line, ask(period, *TOWNSHIPS))
    await answered(line, period, *TOWNSHIPS)
    list_ = line.province.indicators.ListIndicatorValues
    found = {}
    for level, codes in (
        (division_pb2.LEVEL_TOWNSHIP, TOWNSHIPS),
        (division_pb2.LEVEL_COUNTY, COUNTIES),
        (division_pb2.LEVEL_CITY, CITIES),
    ):
        request = indicator.ListIndicatorValuesRequest(
            indicator=SHARE.code, level=level, period=period
        )
        values = {
            one.division: one for one in await every_way(list_, request, "values")
        }
        found[level] = [values[code].value for code in codes]
    aggregate = Aggregate(element=COUNT, aggregation=catalogue_pb2.AGGREGATION_SUM)
    request = indicator.ListIndicatorValuesRequest(
        aggregate=aggregate,
        within="5301",
        level=division_pb2.LEVEL_COUNTY,
        period=period,
    )
    sums = await every_way(list_, request, "values")

    assert found[division_pb2.LEVEL_TOWNSHIP] == [0, 10, 20, 30, 40, 50]
    assert found[division_pb2.LEVEL_COUNTY] == [5, 25, 45]
    assert found[division_pb2.LEVEL_CITY] == [15, 45]
    assert [(one.division, one.value) for one in sums] == [("530102", 1), ("530103", 5)]


async def test_savings_by_division_requester_and_month(line: Line) -> None:
    """Each row once, whatever is summed; the total is of all pages."""
    period = next(PERIODS)
    await asked(line, ask(period, *TOWNSHIPS))
    await line.county.registry.RequestData(
        ask(period, *TOWNSHIPS[:2], division=COUNTIES[0])
    )
    await answered(line, period, *TOWNSHIPS)
    list_ = line.province.relief.ListSavings
    towns = await every_way(list_, relief.ListSavingsRequest(), "savings")
    counties = relief.ListSavingsRequest(
        level=division_pb2.LEVEL_COUNTY, sum_requesters=True, sum_months=True
    )
    summed = await every_way(list_, counties, "savings")
    total = (await list_(counties)).total
    keys = [(one.division, one.requester_division, one.month) for one in towns]

    assert keys == sorted(set(keys))
    assert {one.division for one in towns} >= set(TOWNSHIPS)
    assert [one.division for one in summed] == list(COUNTIES)
    assert sum(one.needed_count for one in summed) == total.needed_count
    assert sum(one.needed_count for one in towns) == total.needed_count
    assert total.joined_count > 0
    assert total.needed_count == (
        total.served_count
        + total.joined_count
        + total.confirm_count
        + total.collect_count
    )
