"""A sound request for every RPC of the calendar, and for every refusal a way to meet it."""

from __future__ import annotations

from ducha.calendar.v1 import calendar_pb2
from ducha.calendar.v1 import calendar_service_pb2 as pb
from ducha.calendar.v1.calendar_service_pb2_grpc import CalendarKeepingServiceStub
from services.province.calendar import errors
from tests.calendar import STRIKE, a_calendar, a_row, a_table, year
from tests.doors.cases import Case, Met, straight
from tests.doors.held import Held, Make
from tests.doors.letters import soon
from tests.doors.tiers import Line
from tier.calendar import Term
from tier.runtime.errors import TierError


def a_due(_: Held) -> pb.ComputeDueRequest:
    request = pb.ComputeDueRequest(term=calendar_pb2.Term(working_days=3))
    request.start_time.FromDatetime(soon(1))
    return request


SAMPLES: dict[str, tuple[str, Make]] = {
    "GetCalendar": ("township", lambda _: pb.GetCalendarRequest(year=2026)),
    "ListTerms": ("county", lambda _: pb.ListTermsRequest()),
    "ComputeDue": ("city", a_due),
    "PublishCalendar": ("province", lambda _: a_calendar()),
    "PublishTerms": ("province", lambda _: a_table()),
}


def twice_a_day(line: Line) -> Met:
    """The province says of a day that it is off, and that it is worked."""
    keeping = CalendarKeepingServiceStub(line.province.channel)
    request = a_calendar(year(2050, (STRIKE, False), (STRIKE, True)))
    return Met(line.province, lambda: keeping.PublishCalendar(request))


def falling(line: Line) -> Met:
    """The second step of a ladder comes before the first."""
    keeping = CalendarKeepingServiceStub(line.province.channel)
    request = a_table(a_row(ladder=(Term(3), Term(1))))
    return Met(line.province, lambda: keeping.PublishTerms(request))


CASES: dict[type[TierError], Case] = {
    errors.CalendarInvalid: straight(twice_a_day),
    errors.TermsInvalid: straight(falling),
}
