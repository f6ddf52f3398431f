"""The calendar through its gRPC doors: answers, publications, and every refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import grpc
import pytest

from ducha.assignment.v1 import assignment_pb2
from ducha.calendar.v1 import calendar_facts_pb2 as facts
from ducha.calendar.v1 import calendar_pb2 as pb
from ducha.calendar.v1 import calendar_service_pb2 as api
from ducha.calendar.v1.calendar_service_pb2_grpc import (
    CalendarKeepingServiceStub,
    CalendarServiceStub,
)
from services.province.calendar.capability import KEEPING
from tests.calendar import (
    KEEPER,
    LONGER,
    STRIKE,
    a_calendar,
    a_row,
    a_table,
    held,
    terms_held,
    year,
)
from tests.divisions import PROVINCE
from tests.servers import AnApp, Refusal, recorded, refusal, served
from tier.app import App
from tier.calendar import Term
from tier.calendar.defaults import SOURCE_TYPES, URGENCIES
from tier.calendar.model import CHINA

MONDAY = datetime(2026, 11, 23, 9, tzinfo=CHINA)
NOTICE = (("2027-02-08", False), ("2027-02-09", False), ("2027-02-13", True))


class Doors:
    """A province's calendar services, as a client sees them."""

    def __init__(self, app: App, channel: grpc.aio.Channel) -> None:
        self.app = app
        self.read = CalendarServiceStub(channel)
        self.keep = CalendarKeepingServiceStub(channel)

    async def due(self, term: pb.Term, start: datetime) -> api.ComputeDueResponse:
        """Ask when a term ends."""
        request = api.ComputeDueRequest(term=term)
        request.start_time.FromDatetime(start.astimezone(UTC))
        answer: api.ComputeDueResponse = await self.read.ComputeDue(request)
        return answer


@asynccontextmanager
async def doors(an_app: AnApp) -> AsyncIterator[Doors]:
    """Serve a province on a Monday of 2026."""
    async with (
        an_app(PROVINCE, lambda: MONDAY) as app,
        served(app, KEEPING.services) as channel,
    ):
        yield Doors(app, channel)


async def refused(call: Awaitable[object]) -> Refusal:
    """Return what a caller is told who is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return refusal(error.value)


async def test_a_year_shows_the_days_that_differ_and_whether_they_are_sure(
    an_app: AnApp,
) -> None:
    """Without a publication: what is known of China; this year where none is named."""
    async with doors(an_app) as here:
        this = await here.read.GetCalendar(api.GetCalendarRequest())
        later = await here.read.GetCalendar(api.GetCalendarRequest(year=2027))
        days = {day.date: (day.working, day.name) for day in this.days}

        assert (this.year, this.official, later.official) == (2026, True, False)
        assert (this.calendar_version, this.year_version) == (0, 0)
        assert days["2026-02-17"] == (False, "春节")
        assert days["2026-02-14"] == (True, "调休上班")
        assert "2026-11-28" not in days
        assert [day.date for day in this.days] == sorted(days)


async def test_a_term_says_when_it_ends_and_what_it_passes_over(an_app: AnApp) -> None:
    """Weekends and festivals by name; hours pass over nothing."""
    async with doors(an_app) as here:
        start = datetime(2026, 9, 30, 10, tzinfo=CHINA)
        days = await here.due(pb.Term(working_days=1), start)
        hours = await here.due(pb.Term(hours=30), start)
        over = await here.due(pb.Term(working_days=40), MONDAY)
        now = await here.read.ComputeDue(api.ComputeDueRequest(term=pb.Term(hours=1)))

        assert days.due_time.ToDatetime(UTC) == datetime(2026, 10, 8, 10, tzinfo=UTC)
        assert [day.date[-2:] for day in days.passed] == [f"0{n}" for n in range(1, 8)]
        assert days.passed[0].name == "国庆节"
        assert not hours.passed
        assert (days.provisional, hours.provisional, over.provisional) == (
            False,
            False,
            True,
        )
        assert now.due_time.ToDatetime(UTC) == datetime(2026, 11, 23, 2, tzinfo=UTC)


async def test_an_official_year_is_what_the_notice_says_and_nothing_else(
    an_app: AnApp,
) -> None:
    """The estimate is void; moments in it are no longer provisional."""
    async with doors(an_app) as here:
        before = await here.due(pb.Term(working_days=40), MONDAY)
        done = await here.keep.PublishCalendar(
            a_calendar(year(2027, *NOTICE, official=True))
        )
        after = await here.due(pb.Term(working_days=40), MONDAY)
        shown = await here.read.GetCalendar(api.GetCalendarRequest(year=2027))

        assert (done.published_count, done.unchanged_count) == (1, 0)
        assert done.calendar_version == shown.calendar_version == 1
        assert (shown.official, shown.year_version) == (True, 1)
        assert [(day.date, day.working) for day in shown.days] == list(NOTICE)
        assert (before.provisional, after.provisional) == (True, False)
        # 1 January 2027 was a day off by the estimate; by this notice it is worked.
        assert after.due_time.seconds < before.due_time.seconds


async def test_a_day_more_off_changes_a_known_year_by_that_day(an_app: AnApp) -> None:
    """Under the name that the province gave it; the year stays official."""
    async with doors(an_app) as here:
        before = await here.read.GetCalendar(api.GetCalendarRequest())
        storm = pb.Day(date="2026-11-24", name="台风停工（模拟）")
        await here.keep.PublishCalendar(
            a_calendar(pb.Year(year=2026, official=True, days=[storm], version=9))
        )
        after = await here.read.GetCalendar(api.GetCalendarRequest())
        due = await here.due(pb.Term(working_days=1), MONDAY)

        assert (after.official, after.year_version) == (True, 1)
        assert [day for day in after.days if day not in before.days] == [storm]
        assert len(after.days) == len(before.days) + 1
        assert list(due.passed) == [storm]


async def test_a_year_replaces_what_was_published_of_it(an_app: AnApp) -> None:
    """Versions count publications; what stands so already is no publication."""
    async with doors(an_app) as here:
        first = a_calendar(year(2050, (STRIKE, False)), year(2051))
        await here.keep.PublishCalendar(first)
        same = await here.keep.PublishCalendar(a_calendar(*first.years))
        checked = await here.keep.PublishCalendar(
            a_calendar(year(2050), validate_only=True)
        )
        other = await here.keep.PublishCalendar(a_calendar(year(2050), year(2051)))
        kept = await held(here.app)
        told = await recorded(here.app)

        assert (same.published_count, same.unchanged_count) == (0, 2)
        assert (same.calendar_version, checked.calendar_version) == (1, 2)
        assert (other.published_count, other.unchanged_count) == (1, 1)
        assert (kept.version, kept.overrides) == (2, {})
        assert [fact.kind.rpartition(".")[2] for fact in told] == [
            "CalendarPublished"
        ] * 2
        assert {(fact.actor, fact.division) for fact in told} == {(KEEPER, "53")}


async def test_the_table_of_terms_has_a_row_for_all_that_is_issued(
    an_app: AnApp,
) -> None:
    """By the enums of items; a row that is published stands in it from then on."""
    async with doors(an_app) as here:
        shipped = await here.read.ListTerms(api.ListTermsRequest())
        slow = a_row(1, 1, ladder=tuple(LONGER), version=7)
        done = await here.keep.PublishTerms(a_table(slow, a_row(1, 3)))
        table = await here.read.ListTerms(api.ListTermsRequest())
        sources = assignment_pb2.SourceType.values()
        urgencies = assignment_pb2.Urgency.values()
        keys = [(row.source_type, row.urgency) for row in table.rows]

        assert [*SOURCE_TYPES] == [number for number in sources if number]
        assert [*URGENCIES] == [number for number in urgencies if number]
        assert keys == [(one, other) for one in SOURCE_TYPES for other in URGENCIES]
        assert (shipped.terms_version, table.terms_version) == (0, 1)
        assert (done.published_count, done.unchanged_count) == (2, 0)
        assert [step.working_days for step in table.rows[0].ladder] == [2, 4, 8]
        assert [row.version for row in table.rows] == [1, 0, 1] + [0] * 12
        assert (await terms_held(here.app)).ladder == tuple(LONGER)


async def test_terms_that_stand_already_are_published_once(an_app: AnApp) -> None:
    """A row as it came with the software may be fixed: then it does not change with it."""
    async with doors(an_app) as here:
        first = await here.keep.PublishTerms(a_table(a_row()))
        checked = await here.keep.PublishTerms(
            a_table(a_row(urge_overdue=False), validate_only=True)
        )
        same = await here.keep.PublishTerms(a_table(a_row()))
        (fact,) = await recorded(here.app)
        payload = facts.TermsPublished.FromString(fact.payload)

        assert (first.terms_version, checked.terms_version) == (1, 2)
        assert (same.published_count, same.unchanged_count) == (0, 1)
        assert (payload.version, payload.rows[0].version) == (1, 1)
        assert (await terms_held(here.app)).urge_overdue


@pytest.mark.parametrize(
    ("years", "field"),
    [
        ([year(2050), year(2050)], "years[0].year"),
        ([year(2050, (STRIKE, False), (STRIKE, True))], "years[0].days"),
        ([year(2050), year(2051, (STRIKE, False))], "years[1].days"),
        ([pb.Year(year=2027, official=True)], "years[0].whole"),
    ],
    ids=["year twice", "day twice", "day of another year", "official by estimate"],
)
async def test_a_calendar_that_cannot_be_taken_is_refused(
    an_app: AnApp, years: list[pb.Year], field: str
) -> None:
    """CALENDAR_INVALID, with the field; nothing is kept, checked only or not."""
    async with doors(an_app) as here:
        told = await refused(here.keep.PublishCalendar(a_calendar(*years)))
        checked = await refused(
            here.keep.PublishCalendar(a_calendar(*years, validate_only=True))
        )

        assert told == checked
        assert (told.reason, told.fields[0]) == ("CALENDAR_INVALID", field)
        assert not await recorded(here.app)


@pytest.mark.parametrize("day", ["2050-02-29", "2050-13-01", "0000-01-01"])
async def test_a_date_that_is_none_is_refused(an_app: AnApp, day: str) -> None:
    """INVALID_INPUT: it looks like one."""
    async with doors(an_app) as here:
        call = here.keep.PublishCalendar(a_calendar(year(2050, (day, False))))
        told = await refused(call)

        assert (told.reason, told.fields) == ("INVALID_INPUT", ["years[0].days"])


async def test_terms_that_do_not_fit_each_other_are_refused(an_app: AnApp) -> None:
    """TERMS_INVALID, with every field; nothing is kept."""
    async with doors(an_app) as here:
        falling = a_row(1, 1, ladder=(Term(3), Term(hours=4)), max_extensions=0)
        told = await refused(
            here.keep.PublishTerms(a_table(a_row(1, 2), a_row(1, 2), falling))
        )

        assert told.reason == "TERMS_INVALID"
        assert told.fields == [
            "rows[0].urgency",
            "rows[1].urgency",
            "rows[2].ladder[1]",
            "rows[2].max_extension_days",
        ]
        assert not await recorded(here.app)


@pytest.mark.parametrize(
    "change",
    [
        {"near_percent": 100},
        {"receipt_near_percent": 0},
        {"source_type": 6},
        {"urgency": 0},
        {"review": Term()},
        {"work": Term(251)},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_terms_out_of_bounds_are_refused(
    an_app: AnApp, change: dict[str, object]
) -> None:
    """INVALID_INPUT, by the constraints of the proto."""
    async with doors(an_app) as here:
        row = replace(a_row(), **change)  # type: ignore[arg-type] # any field
        told = await refused(here.keep.PublishTerms(a_table(row)))

        assert told.reason == "INVALID_INPUT"
