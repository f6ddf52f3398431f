"""Urging and rectification: sound requests for every RPC, and how each refusal is met."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from google.protobuf.message import Message

from ducha.calendar.v1 import calendar_pb2
from ducha.rectification.v1 import rectification_pb2 as nouns
from ducha.rectification.v1 import rectification_service_pb2 as rectification
from ducha.urging.v1 import urging_service_pb2 as urging
from tests.doors import letters
from tests.doors.cases import Case, Met
from tests.doors.held import Held, Make
from tests.doors.letters import ACTOR, TOWNSHIPS, request_id, soon
from tests.doors.tiers import Line, Tier
from tier.rectification import errors as rectification_errors
from tier.runtime.errors import TierError
from tier.urging import errors as urging_errors

FILES = (urging, rectification)
TOWN = TOWNSHIPS[0]
UNKNOWN = str(UUID(int=1))


def urge(
    item_id: str, *divisions: str, division: str = "53"
) -> urging.UrgeAssignmentsRequest:
    return urging.UrgeAssignmentsRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        item_id=item_id,
        divisions=divisions,
        message="请抓紧办理",
    )


def open_points(
    item_id: str,
    *divisions: str,
    division: str = "53",
    due: datetime | None = None,
) -> rectification.OpenRectificationsRequest:
    """Open a point at each division: due at a moment, or in three working days."""
    request = rectification.OpenRectificationsRequest(
        request_id=request_id(), division=division, actor=ACTOR, item_id=item_id
    )
    for code in divisions:
        point = request.rectifications.add(
            division=code, problem="台账不全", requirement="补齐台账"
        )
        if due is None:
            point.within.CopyFrom(calendar_pb2.Term(working_days=3))
        else:
            point.deadline_time.FromDatetime(due)
    return request


def report(
    *points: str, division: str = TOWN, number: int = 0
) -> rectification.ReportRectificationsRequest:
    evidence = nouns.RectificationReport.Evidence(text="现场记录", sha256="ab" * 32)
    done = nouns.RectificationReport(action="已补齐", evidence=[evidence])
    return rectification.ReportRectificationsRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        reports=[
            rectification.RectificationFiling(
                rectification_id=point, round=number, report=done
            )
            for point in points
        ],
    )


def close(
    *points: str, division: str = "53"
) -> rectification.CloseRectificationsRequest:
    return rectification.CloseRectificationsRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        rectification_ids=points,
        note="同意销号",
    )


def send_back(*points: str) -> rectification.ReturnRectificationsRequest:
    request = rectification.ReturnRectificationsRequest(
        request_id=request_id(),
        division="53",
        actor=ACTOR,
        rectification_ids=points,
        reason="佐证不足",
    )
    request.deadline_time.FromDatetime(soon(5))
    return request


async def opened(line: Line, item_id: str, *divisions: str) -> list[str]:
    """Have the province open points, and every tier hear of them."""
    request = open_points(item_id, *divisions, due=soon(5))
    done = await line.province.rectification.OpenRectifications(request)
    await line.settled()
    return [one.rectification_id for one in done.rectifications]


async def at_hand(line: Line) -> Held:
    """Give an item with a point that is open, and one that is reported."""
    item_id = await letters.issued(line)
    point, reported = await opened(line, item_id, TOWN, TOWN)
    await line.township.rectification.ReportRectifications(report(reported))
    await line.settled()
    return Held(item_id, point=point, reported_point=reported)


def an_opening(held: Held) -> Message:
    request = open_points(held.direct, TOWN, due=soon(3))
    request.rectifications.extend(open_points(held.direct, TOWN).rectifications)
    return request


SAMPLES: dict[str, tuple[str, Make]] = {
    "UrgeAssignments": ("province", lambda held: urge(held.direct, TOWNSHIPS[1])),
    "ListUrges": (
        "county",
        lambda held: urging.ListUrgesRequest(
            item_id=held.direct, within="5301", page_size=1
        ),
    ),
    "ListDigests": (
        "township",
        lambda _: urging.ListDigestsRequest(
            within="5301", from_day="2026-01-01", to_day="2099-12-31", page_size=1
        ),
    ),
    "OpenRectifications": ("province", an_opening),
    "ReportRectifications": ("township", lambda held: report(held.point, number=1)),
    "CloseRectifications": ("province", lambda held: close(held.reported_point)),
    "ReturnRectifications": ("province", lambda held: send_back(held.reported_point)),
    "ListRectifications": (
        "county",
        lambda held: rectification.ListRectificationsRequest(
            item_id=held.direct,
            within="5301",
            states=[nouns.RECTIFICATION_STATE_OPEN],
            overdue_only=True,
            page_size=1,
        ),
    ),
}

Call = Callable[[Tier], Callable[[Message], Awaitable[object]]]


def on_points(tier: str, call: Call, make: Make) -> Case:
    """Return a case of a request about an item with points."""

    async def case(line: Line) -> Met:
        held, where = await at_hand(line), line.by_name[tier]
        request = make(held)
        return Met(where, lambda: call(where)(request))

    return case


def urging_at(tier: Tier) -> Callable[[Message], Awaitable[object]]:
    return tier.urging.UrgeAssignments  # type: ignore[return-value]


def opening_at(tier: Tier) -> Callable[[Message], Awaitable[object]]:
    return tier.rectification.OpenRectifications  # type: ignore[return-value]


def reporting_at(tier: Tier) -> Callable[[Message], Awaitable[object]]:
    return tier.rectification.ReportRectifications  # type: ignore[return-value]


def closing_at(tier: Tier) -> Callable[[Message], Awaitable[object]]:
    return tier.rectification.CloseRectifications  # type: ignore[return-value]


async def nothing_to_urge(line: Line) -> Met:
    """The province urges who reported."""
    request = urge(await letters.reported(line), TOWN)
    return Met(line.province, lambda: line.province.urging.UrgeAssignments(request))


CASES: dict[type[TierError], Case] = {
    urging_errors.NotYoursToUrge: on_points(
        "county", urging_at, lambda held: urge(held.direct, TOWN, division="530102")
    ),
    urging_errors.NothingToUrge: nothing_to_urge,
    rectification_errors.RectificationUnknown: on_points(
        "township", reporting_at, lambda _: report(UNKNOWN)
    ),
    rectification_errors.RectificationNotYours: on_points(
        "county", closing_at, lambda held: close(held.point, division="530102")
    ),
    rectification_errors.RectificationMoveNotAllowed: on_points(
        "province", closing_at, lambda held: close(held.point)
    ),
    rectification_errors.RoundStale: on_points(
        "township", reporting_at, lambda held: report(held.point, number=2)
    ),
    rectification_errors.RectificationDeadlineInvalid: on_points(
        "province",
        opening_at,
        lambda held: open_points(held.direct, TOWN, due=soon(-1)),
    ),
}
