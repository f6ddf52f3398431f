"""A sound request for every RPC about data."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.message import Message

from ducha.approval.v1 import approval_service_pb2 as approval
from ducha.assignment.v1 import assignment_pb2
from ducha.catalogue.v1 import catalogue_pb2
from ducha.catalogue.v1 import catalogue_service_pb2 as catalogue
from ducha.collection.v1 import collection_service_pb2 as collection
from ducha.division.v1 import division_pb2
from ducha.indicator.v1 import indicator_service_pb2 as indicator
from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as registry
from ducha.relief.v1 import relief_service_pb2 as relief
from ducha.statistics.v1 import statistics_pb2
from ducha.statistics.v1 import statistics_service_pb2 as statistics
from services.province.catalogue import workbook
from tests import catalogue as rows
from tests.doors import data_letters as letters
from tests.doors.data_letters import COUNT, FIRST, FOURTH, NOTE, SHARE, THIRD, TOTAL
from tests.doors.held import Held, Make
from tests.doors.letters import ACTOR, TOWNSHIPS, request_id, soon

FILES = (catalogue, registry, collection, approval, indicator, relief, statistics)
COUNTY = FIRST[:6]


def an_element(held: Held) -> catalogue_pb2.Element:
    """Return an element with all that a code list may say."""
    fresh = catalogue_pb2.Freshness()
    fresh.max_age.FromTimedelta(timedelta(days=30))
    return rows.element(
        held.element,
        type=catalogue_pb2.VALUE_TYPE_CODE,
        codes=[catalogue_pb2.CodeListEntry(code="1", name_zh="好", name_en="good")],
        freshness=fresh,
        rule="value == '1'",
        forbidden_uses=["ranking"],
        outlier_check=catalogue_pb2.OutlierCheck(
            method=catalogue_pb2.OutlierCheck.METHOD_NONE
        ),
    )


def a_publication(held: Held) -> Message:
    share = rows.indicator(f"{held.element}.share", f"{COUNT} / {TOTAL}")
    return letters.publish(an_element(held), indicators=[share])


def an_import(held: Held) -> Message:
    return catalogue.ImportWorkbookRequest(
        request_id=request_id(),
        actor=ACTOR,
        workbook=workbook.write([an_element(held)], []),
    )


def a_request(held: Held) -> Message:
    request = letters.ask(held.period, *TOWNSHIPS)
    request.targets.excluded.append(TOWNSHIPS[-1])
    return request


def a_filing(held: Held) -> collection.SubmitAnswersRequest:
    """Return an answer that says all it may."""
    given = letters.answer(
        FOURTH, held.period, {COUNT: 5}, reason="更正", device="手机"
    )
    given.values.add(element=NOTE, text="道路畅通")
    given.observe_time.FromDatetime(soon(-1))
    given.base_revision = 0
    given.author_division = "5301"
    return letters.submit(given)


def some_values(held: Held) -> Message:
    request = registry.ListObservationsRequest(
        elements=[COUNT, TOTAL], within="5301", period=held.period, page_size=1
    )
    request.as_of_time.FromDatetime(soon(1))
    return request


def an_indicator(held: Held) -> Message:
    request = indicator.ListIndicatorValuesRequest(
        indicator=SHARE.code,
        within="53",
        level=division_pb2.LEVEL_COUNTY,
        period=held.period,
        recast=True,
        page_size=1,
    )
    request.as_of_time.FromDatetime(soon(1))
    return request


SAMPLES: dict[str, tuple[str, Make]] = {
    "GetElement": ("county", lambda _: catalogue.GetElementRequest(code=COUNT)),
    "ListElements": (
        "county",
        lambda _: catalogue.ListElementsRequest(
            text="doors",
            period_type=catalogue_pb2.PERIOD_TYPE_MONTH,
            collect_level=division_pb2.LEVEL_TOWNSHIP,
            page_size=1,
        ),
    ),
    "ListIndicators": (
        "city",
        lambda _: catalogue.ListIndicatorsRequest(text="doors", page_size=1),
    ),
    "PublishCatalogue": ("province", a_publication),
    "ImportWorkbook": ("province", an_import),
    "ExportWorkbook": ("province", lambda _: catalogue.ExportWorkbookRequest()),
    "RequestData": ("province", a_request),
    "GetDataRequest": (
        "county",
        lambda held: registry.GetDataRequestRequest(data_request_id=held.data_request),
    ),
    "ListDataRequests": (
        "province",
        lambda _: registry.ListDataRequestsRequest(
            requester_division="53",
            state=registry_pb2.DATA_REQUEST_STATE_OPEN,
            page_size=1,
        ),
    ),
    "WatchDataRequest": (
        "city",
        lambda held: registry.WatchDataRequestRequest(
            data_request_id=held.data_request
        ),
    ),
    "ListNeeds": (
        "county",
        lambda held: registry.ListNeedsRequest(
            data_request_id=held.data_request, within="5301", page_size=1
        ),
    ),
    "WithdrawDataRequest": (
        "province",
        lambda held: letters.take_back(held.data_request),
    ),
    "ListObservations": ("city", some_values),
    "ListVersions": (
        "township",
        lambda held: registry.ListVersionsRequest(
            element=COUNT, division=FIRST, period=held.period
        ),
    ),
    "ListConflicts": (
        "province",
        lambda _: registry.ListConflictsRequest(
            within="5301", state=registry_pb2.CONFLICT_STATE_OPEN, page_size=1
        ),
    ),
    "AuditRegistry": (
        "county",
        lambda held: registry.AuditRegistryRequest(period=held.period),
    ),
    "ListTasks": (
        "township",
        lambda held: collection.ListTasksRequest(
            within="5301", period=held.period, page_size=1
        ),
    ),
    "SubmitAnswers": ("township", a_filing),
    "StreamAnswers": (
        "township",
        lambda held: collection.StreamAnswersRequest(batch=a_filing(held)),
    ),
    "ExportTasks": (
        "township",
        lambda held: collection.ExportTasksRequest(within="5301", period=held.period),
    ),
    "ImportAnswers": ("township", lambda held: letters.take_in(held.workbook)),
    "ResolveConflict": ("township", lambda held: letters.decide(held.conflict)),
    "ApprovePeriod": ("township", lambda held: letters.approve(FIRST, held.period)),
    "UnlockPeriod": (
        "township",
        lambda held: letters.unlock(THIRD, THIRD, held.period),
    ),
    "ListApprovals": (
        "county",
        lambda held: approval.ListApprovalsRequest(
            within="5301", period=held.period, page_size=1
        ),
    ),
    "ListUnlockings": (
        "city",
        lambda held: approval.ListUnlockingsRequest(
            within="5301", period=held.period, page_size=1
        ),
    ),
    "ListIndicatorValues": ("province", an_indicator),
    "ListSavings": (
        "province",
        lambda _: relief.ListSavingsRequest(
            within="5301",
            requester_division="53",
            from_month="2020-01",
            to_month="2999-12",
            level=division_pb2.LEVEL_COUNTY,
            page_size=1,
        ),
    ),
    "AuditSavings": ("county", lambda _: relief.AuditSavingsRequest()),
    "ListStatistics": (
        "province",
        lambda _: statistics.ListStatisticsRequest(
            within="5301",
            level=division_pb2.LEVEL_COUNTY,
            executing_level=division_pb2.LEVEL_TOWNSHIP,
            issuer_division="53",
            from_month="2020-01",
            to_month="2999-12",
            group_by=[
                statistics_pb2.GROUPING_DIVISION,
                statistics_pb2.GROUPING_ORGANISER,
                statistics_pb2.GROUPING_MONTH,
            ],
            source_type=assignment_pb2.SOURCE_TYPE_PLAN_LINE,
            urgency=assignment_pb2.URGENCY_ROUTINE,
            page_size=1,
        ),
    ),
    "AuditStatistics": ("county", lambda _: statistics.AuditStatisticsRequest()),
}
