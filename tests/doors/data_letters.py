"""Requests about data, as departments and townships send them (simulated).

`data_at_hand` asks and answers for a month of its own, so that tests do not meet.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping
from typing import Any

import python_calamine
import xlsxwriter  # type: ignore[import-untyped] # it has none

from ducha.approval.v1 import approval_service_pb2 as approval
from ducha.catalogue.v1 import catalogue_pb2
from ducha.catalogue.v1 import catalogue_service_pb2 as catalogue
from ducha.collection.v1 import collection_pb2
from ducha.collection.v1 import collection_service_pb2 as collection
from ducha.division.v1 import division_pb2
from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as registry
from services.township.collection import workbook
from tests.catalogue import element, indicator
from tests.doors.held import Held
from tests.doors.letters import ACTOR, TOWNSHIPS, request_id, soon
from tests.doors.tiers import Line

PERIODS = (
    f"{year}-{month:02}" for year in itertools.count(1990) for month in range(1, 13)
)
"""Months, each given once."""
COUNT, TOTAL, NOTE, SECRET = "doors.count", "doors.total", "doors.note", "doors.secret"
ELEMENTS = (
    element(COUNT, unit="户", rule="value >= 0.0", difference=""),
    element(TOTAL, unit="人", decimals=1),
    element(NOTE, type=catalogue_pb2.VALUE_TYPE_TEXT),
    element(SECRET, forbidden_uses=["ranking"]),
)
SHARE = indicator("doors.share", f"{COUNT} / {TOTAL} * 100.0", unit="%")
FIRST, SECOND, THIRD, FOURTH = TOWNSHIPS[:4]


def publish(
    *elements: catalogue_pb2.Element, **over: Any
) -> catalogue.PublishCatalogueRequest:
    """Publish elements."""
    return catalogue.PublishCatalogueRequest(
        request_id=request_id(), actor=ACTOR, elements=elements, **over
    )


def ask(
    period: str, *targets: str, division: str = "53", **over: Any
) -> registry.RequestDataRequest:
    """Ask some townships for a count and a total, unless `over` says otherwise."""
    fields: dict[str, Any] = {
        "requester": "民政局（模拟）",
        "title": "模拟用数申请",
        "elements": [COUNT, TOTAL],
        "period": period,
        "use": "planning",
    }
    asked = registry_pb2.DataRequest(**fields | over)
    if not asked.HasField("deadline_time"):
        asked.deadline_time.FromDatetime(soon(10))
    return registry.RequestDataRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        data_request=asked,
        targets=division_pb2.DivisionSelection(divisions=targets),
    )


def take_back(
    data_request_id: str, division: str = "53"
) -> registry.WithdrawDataRequestRequest:
    return registry.WithdrawDataRequestRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        data_request_id=data_request_id,
        reason="不再需要",
    )


def answer(
    division: str, period: str, numbers: Mapping[str, float], **over: Any
) -> collection_pb2.Answer:
    """Give numbers of a township."""
    values = [
        registry_pb2.Value(element=code, number=number)
        for code, number in numbers.items()
    ]
    fields = {"division": division, "period": period, "values": values}
    return collection_pb2.Answer(**fields | over)


def submit(*answers: collection_pb2.Answer) -> collection.SubmitAnswersRequest:
    return collection.SubmitAnswersRequest(
        request_id=request_id(), actor=ACTOR, answers=answers
    )


def take_in(body: bytes) -> collection.ImportAnswersRequest:
    return collection.ImportAnswersRequest(
        request_id=request_id(), actor=ACTOR, workbook=body
    )


def decide(
    conflict_id: str, *, rival: bool = True
) -> collection.ResolveConflictRequest:
    return collection.ResolveConflictRequest(
        request_id=request_id(),
        actor=ACTOR,
        conflict_id=conflict_id,
        take_rival=rival,
        reason="已电话核实",
    )


def approve(division: str, period: str) -> approval.ApprovePeriodRequest:
    return approval.ApprovePeriodRequest(
        request_id=request_id(), actor=ACTOR, division=division, period=period
    )


def unlock(
    division: str, within: str, period: str, days: float = 5
) -> approval.UnlockPeriodRequest:
    request = approval.UnlockPeriodRequest(
        request_id=request_id(),
        actor=ACTOR,
        division=division,
        within=within,
        period=period,
        reason="数据有误，需更正",
    )
    request.expire_time.FromDatetime(soon(days))
    return request


async def asked(line: Line, request: registry.RequestDataRequest) -> str:
    """Ask at the province, and wait until every tier has its part."""
    done = await line.province.registry.RequestData(request)
    await line.settled()
    return done.data_request.data_request_id


async def approved(line: Line, period: str) -> None:
    """Have the first township answer, and approve it up to the county."""
    numbers = answer(FIRST, period, {COUNT: 1, TOTAL: 2})
    await line.township.collection.SubmitAnswers(submit(numbers))
    await line.settled()
    await line.township.approval.ApprovePeriod(approve(FIRST, period))
    await line.settled()
    await line.county.approval.ApprovePeriod(approve(FIRST[:6], period))
    await line.settled()


async def data_at_hand(line: Line) -> Held:
    """Ask four townships for a month; answer, contest and approve some of it.

    The first has answered in full, the second in part and with a conflict, the third is
    approved and locked by its township, the fourth is open, and so is the workbook's row.
    """
    period = next(PERIODS)
    data_request = await asked(line, ask(period, FIRST, SECOND, THIRD, FOURTH))
    town = line.township.collection
    await town.SubmitAnswers(
        submit(
            answer(FIRST, period, {COUNT: 1, TOTAL: 10}),
            answer(SECOND, period, {COUNT: 2}),
            answer(THIRD, period, {COUNT: 3, TOTAL: 30}),
        )
    )
    rival = answer(SECOND, period, {COUNT: 4}, base_revision=0)
    told = await town.SubmitAnswers(submit(rival))
    await line.township.approval.ApprovePeriod(approve(THIRD, period))
    exported = await town.ExportTasks(
        collection.ExportTasksRequest(period=period, within=FOURTH)
    )
    await line.settled()
    return Held(
        period=period,
        data_request=data_request,
        conflict=told.remarks[0].conflict_ids[0],
        workbook=filled(exported.workbook, 7),
    )


def filled(body: bytes, number: float) -> bytes:
    """Return a workbook of tasks with a number in every open cell."""
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(body))
    file = io.BytesIO()
    made = xlsxwriter.Workbook(file, {"in_memory": True})
    for name in book.sheet_names:
        grid = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        sheet = made.add_worksheet(name)
        for place, cells in enumerate(grid):
            for column, cell in enumerate(cells):
                is_open = name == workbook.TASKS and place and column >= workbook.FIRST
                sheet.write(place, column, number if is_open else cell)
    made.close()
    return file.getvalue()
