"""For every refusal about data a way to meet it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from ducha.approval.v1 import approval_service_pb2 as approval
from ducha.catalogue.v1 import catalogue_pb2
from ducha.catalogue.v1 import catalogue_service_pb2 as catalogue
from ducha.collection.v1 import collection_service_pb2 as collection
from ducha.division.v1 import division_pb2
from ducha.indicator.v1 import indicator_service_pb2 as indicator
from ducha.registry.v1 import registry_service_pb2 as registry
from services.province.catalogue import errors as keeping_errors
from services.township.collection import errors as collection_errors
from tests.catalogue import element
from tests.doors import data_letters as letters
from tests.doors.cases import Case, Met, straight
from tests.doors.data_letters import (
    COUNT,
    FIRST,
    PERIODS,
    SECOND,
    SECRET,
    THIRD,
    data_at_hand,
)
from tests.doors.held import Held
from tests.doors.letters import ACTOR, request_id, soon
from tests.doors.tiers import Line
from tier.approval import errors as approval_errors
from tier.catalogue import errors as catalogue_errors
from tier.registry import errors as registry_errors
from tier.runtime.errors import TierError
from tier.runtime.workbook import WorkbookInvalid

UNKNOWN = str(UUID(int=1))
PERIOD = "1989-11"
COUNTY = FIRST[:6]


def on_data(make: Callable[[Line, Held], Met]) -> Case:
    """Return a case on what was asked and answered for a month."""

    async def case(line: Line) -> Met:
        return make(line, await data_at_hand(line))

    return case


def publishing(row: catalogue_pb2.Element) -> Case:
    """Return a case of a keeper who publishes something wrong."""
    request = letters.publish(row)
    return straight(
        lambda line: Met(
            line.province,
            lambda: line.province.publishing.PublishCatalogue(request),
        )
    )


def asking(make: Callable[[], registry.RequestDataRequest]) -> Case:
    """Return a case of a province that asks for something wrong."""

    def met(line: Line) -> Met:
        request = make()
        return Met(line.province, lambda: line.province.registry.RequestData(request))

    return straight(met)


def answering(make: Callable[[Held], collection.SubmitAnswersRequest]) -> Case:
    """Return a case of a township that answers wrongly."""

    def met(line: Line, held: Held) -> Met:
        call = line.township.collection.SubmitAnswers
        return Met(line.township, lambda: call(make(held)))

    return on_data(met)


def overdue() -> registry.RequestDataRequest:
    request = letters.ask(PERIOD, FIRST)
    request.data_request.deadline_time.FromDatetime(soon(-1))
    return request


def expecting_nothing(line: Line, held: Held) -> Met:
    """What the first township gave is fresh for its month."""
    request = letters.ask(held.period, FIRST)
    request.expect_nothing_held = True
    return Met(line.province, lambda: line.province.registry.RequestData(request))


async def withdrawn_already(line: Line) -> Met:
    """A request is taken back twice."""
    held = await data_at_hand(line)
    again = letters.take_back(held.data_request)
    await line.province.registry.WithdrawDataRequest(
        letters.take_back(held.data_request)
    )
    await line.settled()
    return Met(line.province, lambda: line.province.registry.WithdrawDataRequest(again))


async def decided_already(line: Line) -> Met:
    """A conflict is decided twice."""
    held = await data_at_hand(line)
    again = letters.decide(held.conflict, rival=False)
    await line.township.collection.ResolveConflict(letters.decide(held.conflict))
    await line.settled()
    return Met(line.township, lambda: line.township.collection.ResolveConflict(again))


async def county_first(line: Line) -> Met:
    """A county approves what its township has not."""
    period = next(PERIODS)
    given = letters.answer(FIRST, period, {COUNT: 1})
    await line.township.collection.SubmitAnswers(letters.submit(given))
    await line.settled()
    request = letters.approve(COUNTY, period)
    return Met(line.county, lambda: line.county.approval.ApprovePeriod(request))


async def approved_above(line: Line) -> Met:
    """A township unlocks what its county approved."""
    period = next(PERIODS)
    await letters.approved(line, period)
    request = letters.unlock(FIRST, FIRST, period)
    return Met(line.township, lambda: line.township.approval.UnlockPeriod(request))


def unlocking(make: Callable[[Held], approval.UnlockPeriodRequest]) -> Case:
    """Return a case of a township that unlocks wrongly."""

    def met(line: Line, held: Held) -> Met:
        call = line.township.approval.UnlockPeriod
        return Met(line.township, lambda: call(make(held)))

    return on_data(met)


def no_workbook(line: Line) -> Met:
    request = catalogue.ImportWorkbookRequest(
        request_id=request_id(), actor=ACTOR, workbook=b"no workbook"
    )
    return Met(line.province, lambda: line.province.publishing.ImportWorkbook(request))


def unknown_indicator(line: Line) -> Met:
    request = indicator.ListIndicatorValuesRequest(
        indicator="no.such", level=division_pb2.LEVEL_COUNTY, period=PERIOD
    )
    return Met(line.county, lambda: line.county.indicators.ListIndicatorValues(request))


CASES: dict[type[TierError], Case] = {
    catalogue_errors.ElementUnknown: straight(
        lambda line: Met(
            line.county,
            lambda: line.county.catalogue.GetElement(
                catalogue.GetElementRequest(code="no.such")
            ),
        )
    ),
    catalogue_errors.IndicatorUnknown: straight(unknown_indicator),
    keeping_errors.CatalogueRowsInvalid: publishing(
        element("doors.wrong", type=catalogue_pb2.VALUE_TYPE_CODE)
    ),
    keeping_errors.RuleRefused: publishing(element("doors.wrong", rule="value + 1.0")),
    keeping_errors.TwinUnexplained: publishing(
        element(
            "doors.twin",
            unit="户",
            name_zh=f"模拟{COUNT}",
            name_en=f"Simulated {COUNT}",
            definition=f"{COUNT}（模拟）",
            difference="",
        )
    ),
    WorkbookInvalid: straight(no_workbook),
    registry_errors.LevelMayNotRequest: straight(
        lambda line: Met(
            line.township,
            lambda: line.township.registry.RequestData(
                letters.ask(PERIOD, FIRST, division=FIRST)
            ),
        )
    ),
    registry_errors.PeriodMismatch: asking(lambda: letters.ask("1989", FIRST)),
    registry_errors.UseForbidden: asking(
        lambda: letters.ask(PERIOD, FIRST, elements=[SECRET], use="ranking")
    ),
    registry_errors.DeadlinePast: asking(overdue),
    registry_errors.AlreadyHeld: on_data(expecting_nothing),
    registry_errors.DataRequestUnknown: straight(
        lambda line: Met(
            line.city,
            lambda: line.city.registry.GetDataRequest(
                registry.GetDataRequestRequest(data_request_id=UNKNOWN)
            ),
        )
    ),
    registry_errors.DataRequestEnded: withdrawn_already,
    registry_errors.NotRequester: on_data(
        lambda line, held: Met(
            line.city,
            lambda: line.city.registry.WithdrawDataRequest(
                letters.take_back(held.data_request, division="5301")
            ),
        )
    ),
    collection_errors.ValuesInvalid: answering(
        lambda held: letters.submit(letters.answer(FIRST, held.period, {COUNT: -1}))
    ),
    collection_errors.CorrectionUnreasoned: answering(
        lambda held: letters.submit(letters.answer(FIRST, held.period, {COUNT: 99}))
    ),
    collection_errors.PeriodLocked: answering(
        lambda held: letters.submit(
            letters.answer(THIRD, held.period, {COUNT: 99}, reason="更正")
        )
    ),
    collection_errors.ConflictUnknown: straight(
        lambda line: Met(
            line.township,
            lambda: line.township.collection.ResolveConflict(letters.decide(UNKNOWN)),
        )
    ),
    collection_errors.ConflictEnded: decided_already,
    approval_errors.NotApprovedBelow: county_first,
    approval_errors.ConflictsOpen: on_data(
        lambda line, held: Met(
            line.township,
            lambda: line.township.approval.ApprovePeriod(
                letters.approve(SECOND, held.period)
            ),
        )
    ),
    approval_errors.PeriodEmpty: straight(
        lambda line: Met(
            line.county,
            lambda: line.county.approval.ApprovePeriod(letters.approve(COUNTY, PERIOD)),
        )
    ),
    approval_errors.NotUnlockingAuthority: approved_above,
    approval_errors.PeriodNotLocked: unlocking(
        lambda held: letters.unlock(FIRST, FIRST, held.period)
    ),
    approval_errors.ExpiryInvalid: unlocking(
        lambda held: letters.unlock(THIRD, THIRD, held.period, days=40)
    ),
}
