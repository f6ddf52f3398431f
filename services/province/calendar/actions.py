"""What the keeper of the calendar does: publish years and terms, and tell every tier below."""

from __future__ import annotations

from collections.abc import Sequence

from ducha.calendar.v1 import calendar_service_pb2 as pb
from services.province.calendar import rules
from services.province.calendar.errors import CalendarInvalid, TermsInvalid
from tier.acting import Call, once
from tier.app import App
from tier.calendar.actions import (
    plan_terms,
    plan_years,
    publish_terms,
    publish_years,
)
from tier.calendar.model import Plan, Terms, Year


async def publish_calendar(
    app: App, call: Call, years: Sequence[Year], *, validate_only: bool = False
) -> pb.PublishCalendarResponse:
    """Let years be what is given, all or none; or only say what that would do.

    Raises:
        CalendarInvalid: a year or day cannot be taken.
        Contended: another writer was first.
        RequestIdReused: the id was used for other content.
    """
    if faults := list(rules.year_faults(years)):
        raise CalendarInvalid.of(faults)
    response = pb.PublishCalendarResponse()
    if validate_only:
        async with app.db.reading() as tx:
            _fill_years(response, await plan_years(tx, years))
        return response
    async with once(app, call, response) as work:
        if work is not None:
            _fill_years(response, await publish_years(work, years))
    return response


async def publish_table(
    app: App, call: Call, rows: Sequence[Terms], *, validate_only: bool = False
) -> pb.PublishTermsResponse:
    """Let rows of the table of terms be what is given, all or none; or only say what changes.

    Raises:
        TermsInvalid: a row cannot be taken.
        Contended: another writer was first.
        RequestIdReused: the id was used for other content.
    """
    if faults := list(rules.terms_faults(rows)):
        raise TermsInvalid.of(faults)
    response = pb.PublishTermsResponse()
    if validate_only:
        async with app.db.reading() as tx:
            _fill_rows(response, await plan_terms(tx, rows))
        return response
    async with once(app, call, response) as work:
        if work is not None:
            _fill_rows(response, await publish_terms(work, rows))
    return response


def _fill_years(response: pb.PublishCalendarResponse, plan: Plan[Year]) -> None:
    response.published_count = len(plan.rows)
    response.unchanged_count = plan.unchanged
    response.calendar_version = plan.version


def _fill_rows(response: pb.PublishTermsResponse, plan: Plan[Terms]) -> None:
    response.published_count = len(plan.rows)
    response.unchanged_count = plan.unchanged
    response.terms_version = plan.version
