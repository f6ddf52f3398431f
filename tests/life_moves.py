"""Every move of an item's life, as one call of an officer at a desk of `tests.life`."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Any, TypeAlias

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.petition.v1 import petition_pb2
from ducha.petition.v1 import petition_service_pb2 as petitions
from ducha.rectification.v1 import rectification_pb2
from ducha.rectification.v1 import rectification_service_pb2 as points
from ducha.urging.v1 import urging_service_pb2 as urging
from tests.life import ACTOR, OTHER_ACTOR, Desk, an_item, issue, request_id

Kind: TypeAlias = "petition_pb2.PetitionKind.ValueType"

REASONS = {
    "ReturnAssignments": "请补充",
    "ResumeAssignments": "条件具备",
    "WithdrawAssignments": "另行安排",
    "ReopenItem": "情况有变",
    "WithdrawItem": "不再需要",
}


def acting(division: str, actor: str = ACTOR) -> dict[str, Any]:
    """Return what every write of an acting division says."""
    return {"request_id": request_id(), "division": division, "actor": actor}


def issue_item(
    desk: Desk,
    now: datetime,
    division: str,
    *targets: str,
    mode: nouns.Mode.ValueType = nouns.MODE_CASCADE,
) -> Awaitable[api.IssueItemResponse]:
    """Issue an item of six days."""
    item = an_item(now, mode=mode, lead=division, days=6)
    return desk.items.IssueItem(issue(item, targets, division))


def split(
    desk: Desk, item_id: str, division: str, *targets: str
) -> Awaitable[api.SplitAssignmentResponse]:
    """Pass an assignment on."""
    selection = nouns.TargetSelection(divisions=targets)
    return desk.items.SplitAssignment(
        api.SplitAssignmentRequest(
            item_id=item_id, targets=selection, **acting(division)
        )
    )


def receive(
    desk: Desk, item_id: str, *divisions: str
) -> Awaitable[api.ReceiveAssignmentsResponse]:
    """Confirm receipt."""
    refs = [nouns.AssignmentRef(item_id=item_id, division=one) for one in divisions]
    return desk.items.ReceiveAssignments(
        api.ReceiveAssignmentsRequest(
            request_id=request_id(), actor=ACTOR, assignments=refs
        )
    )


def report(
    desk: Desk, item_id: str, *divisions: str, epoch: int = 0
) -> Awaitable[api.ReportAssignmentsResponse]:
    """Report."""
    reports = [
        api.AssignmentReport(
            assignment=nouns.AssignmentRef(item_id=item_id, division=one),
            epoch=epoch,
            report=nouns.Report(summary="已办理"),
        )
        for one in divisions
    ]
    return desk.items.ReportAssignments(
        api.ReportAssignmentsRequest(
            request_id=request_id(), actor=ACTOR, reports=reports
        )
    )


def judge(
    desk: Desk, move: str, item_id: str, division: str, *divisions: str
) -> Awaitable[Any]:
    """Return, verify, resume or withdraw assignments that a division made."""
    request = getattr(api, f"{move}Request")(
        item_id=item_id, divisions=divisions, **acting(division)
    )
    if move in REASONS:
        request.reason = REASONS[move]
    answer: Awaitable[Any] = getattr(desk.items, move)(request)
    return answer


def end(
    desk: Desk, move: str, item_id: str, division: str, actor: str = ACTOR
) -> Awaitable[Any]:
    """Conclude, close, reopen, archive or withdraw an item."""
    request = getattr(api, f"{move}Request")(item_id=item_id, **acting(division, actor))
    if move in REASONS:
        request.reason = REASONS[move]
    if move == "ConcludeItem":
        request.conclusion.summary = "已落实"
        request.conclusion.outcome = nouns.Conclusion.OUTCOME_SATISFIED
    answer: Awaitable[Any] = getattr(desk.items, move)(request)
    return answer


def ask(
    desk: Desk, item_id: str, division: str, kind: Kind
) -> Awaitable[petitions.FilePetitionsResponse]:
    """File a petition."""
    draft = petitions.PetitionDraft(
        item_id=item_id,
        kind=kind,
        reason="情况特殊",
        days=int(kind == petition_pb2.PETITION_KIND_EXTENSION),
        evidence=[petition_pb2.Evidence(text="情况说明")],
    )
    return desk.petitions.FilePetitions(
        petitions.FilePetitionsRequest(petitions=[draft], **acting(division))
    )


def decide(
    desk: Desk,
    petition: petition_pb2.Petition,
    *,
    granted: bool = True,
    transfer_to: str = "",
    actor: str = OTHER_ACTOR,
) -> Awaitable[petitions.DecidePetitionsResponse]:
    """Decide a petition, as who is asked."""
    outcome = petition_pb2.OUTCOME_GRANTED if granted else petition_pb2.OUTCOME_REFUSED
    extended = granted and petition.kind == petition_pb2.PETITION_KIND_EXTENSION
    draft = petitions.DecisionDraft(
        petition_id=petition.petition_id,
        outcome=outcome,
        reason="经研究",
        days=int(extended),
        transfer_to=transfer_to,
    )
    return desk.petitions.DecidePetitions(
        petitions.DecidePetitionsRequest(
            decisions=[draft], **acting(petition.decider_division, actor)
        )
    )


def withdraw_petition(
    desk: Desk, petition: petition_pb2.Petition
) -> Awaitable[petitions.WithdrawPetitionsResponse]:
    """Take a petition back."""
    return desk.petitions.WithdrawPetitions(
        petitions.WithdrawPetitionsRequest(
            petition_ids=[petition.petition_id], **acting(petition.division)
        )
    )


def urge(
    desk: Desk, item_id: str, division: str, *divisions: str
) -> Awaitable[urging.UrgeAssignmentsResponse]:
    """Urge executors, or all that have not reported."""
    return desk.urges.UrgeAssignments(
        urging.UrgeAssignmentsRequest(
            item_id=item_id, divisions=divisions, message="请抓紧", **acting(division)
        )
    )


def open_point(
    desk: Desk, item_id: str, division: str, executor: str
) -> Awaitable[points.OpenRectificationsResponse]:
    """Open a point to rectify within two working days."""
    point = points.NewRectification(
        division=executor, problem="台账不全", requirement="补齐"
    )
    point.within.working_days = 2
    return desk.points.OpenRectifications(
        points.OpenRectificationsRequest(
            item_id=item_id, rectifications=[point], **acting(division)
        )
    )


def report_point(
    desk: Desk, point: rectification_pb2.Rectification
) -> Awaitable[points.ReportRectificationsResponse]:
    """Say what was put right."""
    filing = points.RectificationFiling(
        rectification_id=point.rectification_id,
        report=rectification_pb2.RectificationReport(action="已补齐"),
    )
    return desk.points.ReportRectifications(
        points.ReportRectificationsRequest(reports=[filing], **acting(point.division))
    )


def close_point(
    desk: Desk, point: rectification_pb2.Rectification
) -> Awaitable[points.CloseRectificationsResponse]:
    """Accept what was put right."""
    return desk.points.CloseRectifications(
        points.CloseRectificationsRequest(
            rectification_ids=[point.rectification_id], **acting(point.opener_division)
        )
    )


def return_point(
    desk: Desk, point: rectification_pb2.Rectification
) -> Awaitable[points.ReturnRectificationsResponse]:
    """Say that it is not put right."""
    return desk.points.ReturnRectifications(
        points.ReturnRectificationsRequest(
            rectification_ids=[point.rectification_id],
            reason="仍不全",
            **acting(point.opener_division),
        )
    )
