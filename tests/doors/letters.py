"""Requests as officers send them: an item, and every move of its life."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as pb
from ducha.division.v1 import division_pb2
from tests.doors.tiers import Line, Tier

ACTOR = "督查专员甲"
ROWS = (
    ("53", "云南省"),
    ("5301", "昆明市"),
    ("5303", "曲靖市"),
    ("530102", "五华区"),
    ("530103", "盘龙区"),
    ("530302", "麒麟区"),
    ("530102001", "华山街道"),
    ("530102002", "护国街道"),
    ("530103001", "拓东街道"),
    ("530103002", "鼓楼街道"),
    ("530302001", "南宁街道"),
    ("530302002", "建宁街道"),
    ("530102001001", "登华社区"),
    ("530102001002", "青云社区"),
    ("530302001001", "南门社区"),
)
CITIES = ("5301", "5303")
COUNTIES = ("530102", "530103", "530302")
TOWNSHIPS = tuple(code for code, _ in ROWS if len(code) == 9)
VILLAGES = tuple(code for code, _ in ROWS if len(code) == 12)


def request_id() -> str:
    return str(uuid4())


def soon(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def an_item(
    *,
    mode: nouns.Mode.ValueType = nouns.MODE_DIRECT,
    closing: nouns.ClosingRule | None = None,
    lead: str = "53",
    days: float = 10,
    reason: str = "面上情况摸底",
) -> nouns.Item:
    """Return an item that may be issued."""
    item = nouns.Item(
        title="基层减负专项督查",
        basis="云南省二〇二〇年减负通知",
        scheme=nouns.Scheme(content="会议、文件与检查", scope="全部", method="远程"),
        source_type=nouns.SOURCE_TYPE_PLAN_LINE,
        urgency=nouns.URGENCY_ROUTINE,
        lead_unit=nouns.Unit(division=lead, name="政府督查室"),
        mode=mode,
        closing_rule=closing or nouns.ClosingRule(kind=nouns.ClosingRule.KIND_ALL),
        skip_level_reason=reason,
    )
    item.receive_by_time.FromDatetime(soon(days / 4))
    item.deadline_time.FromDatetime(soon(days))
    return item


def issue(
    *targets: str,
    division: str = "53",
    item: nouns.Item | None = None,
    level: division_pb2.Level.ValueType = division_pb2.LEVEL_UNSPECIFIED,
) -> pb.IssueItemRequest:
    """Issue an item to named targets, or to all of a level."""
    return pb.IssueItemRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        item=item or an_item(),
        targets=nouns.TargetSelection(divisions=targets, level=level),
    )


def split(item_id: str, division: str, *targets: str) -> pb.SplitAssignmentRequest:
    return pb.SplitAssignmentRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        item_id=item_id,
        targets=nouns.TargetSelection(divisions=targets),
        instructions="请逐级落实",
    )


def ref(item_id: str, division: str) -> nouns.AssignmentRef:
    return nouns.AssignmentRef(item_id=item_id, division=division)


def receive(item_id: str, *divisions: str) -> pb.ReceiveAssignmentsRequest:
    return pb.ReceiveAssignmentsRequest(
        request_id=request_id(),
        actor=ACTOR,
        assignments=[ref(item_id, division) for division in divisions],
    )


def a_report(summary: str = "已办理", problems: int = 0) -> nouns.Report:
    problem = nouns.Problem(
        category=nouns.Problem.CATEGORY_SERVICE,
        severity=nouns.Problem.SEVERITY_MINOR,
        description="窗口排队时间较长",
    )
    value = nouns.ReportedValue(element="meeting.count", number=3)
    return nouns.Report(summary=summary, problems=[problem] * problems, values=[value])


def report(
    item_id: str, *divisions: str, epoch: int = 0, content: nouns.Report | None = None
) -> pb.ReportAssignmentsRequest:
    return pb.ReportAssignmentsRequest(
        request_id=request_id(),
        actor=ACTOR,
        reports=[
            pb.AssignmentReport(
                assignment=ref(item_id, division),
                epoch=epoch,
                report=content or a_report(),
            )
            for division in divisions
        ],
    )


def send_back(
    item_id: str,
    *divisions: str,
    division: str = "53",
    reason: str = "数据不实，请核对",
) -> pb.ReturnAssignmentsRequest:
    return pb.ReturnAssignmentsRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        item_id=item_id,
        divisions=divisions,
        reason=reason,
    )


def verify(
    item_id: str, *divisions: str, division: str = "53"
) -> pb.VerifyAssignmentsRequest:
    return pb.VerifyAssignmentsRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        item_id=item_id,
        divisions=divisions,
    )


def conclude(item_id: str, *, division: str = "53") -> pb.ConcludeItemRequest:
    return pb.ConcludeItemRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        item_id=item_id,
        conclusion=nouns.Conclusion(
            summary="总体落实", outcome=nouns.Conclusion.OUTCOME_SATISFIED
        ),
    )


def close(item_id: str, *, division: str = "53") -> pb.CloseItemRequest:
    return pb.CloseItemRequest(
        request_id=request_id(), division=division, actor=ACTOR, item_id=item_id
    )


def withdraw(item_id: str, *, division: str = "53") -> pb.WithdrawItemRequest:
    return pb.WithdrawItemRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        item_id=item_id,
        reason="与其他事项重复",
    )


def reopen(item_id: str, *, division: str = "53") -> pb.ReopenItemRequest:
    return pb.ReopenItemRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        item_id=item_id,
        reason="问题反弹，重新办理",
    )


def archive(item_id: str, *, division: str = "53") -> pb.ArchiveItemRequest:
    return pb.ArchiveItemRequest(
        request_id=request_id(), division=division, actor=ACTOR, item_id=item_id
    )


def resume(
    item_id: str, *divisions: str, division: str = "53"
) -> pb.ResumeAssignmentsRequest:
    return pb.ResumeAssignmentsRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        item_id=item_id,
        divisions=divisions,
        reason="批复已到，恢复办理",
    )


def withdraw_from(
    item_id: str, *divisions: str, division: str = "53"
) -> pb.WithdrawAssignmentsRequest:
    return pb.WithdrawAssignmentsRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        item_id=item_id,
        divisions=divisions,
        reason="职责不在本单位",
    )


async def issued(line: Line, request: pb.IssueItemRequest | None = None) -> str:
    """Issue an item at the province and wait until every tier has its part."""
    done = await line.province.items.IssueItem(request or issue(*TOWNSHIPS))
    await line.settled()
    return done.item.item_id


async def reported(line: Line, *divisions: str) -> str:
    """Issue an item to townships, have some of them report, and wait for the province."""
    item_id = await issued(line)
    await line.township.items.ReportAssignments(
        report(item_id, *(divisions or TOWNSHIPS))
    )
    await line.settled()
    return item_id


async def seen(tier: Tier, item_id: str, division: str) -> nouns.Assignment:
    """Return an assignment as a tier holds it."""
    asked = pb.GetAssignmentRequest(assignment=ref(item_id, division))
    return (await tier.items.GetAssignment(asked)).assignment


async def states(
    tier: Tier, item_id: str
) -> dict[str, nouns.AssignmentState.ValueType]:
    """Return the state of every assignment of an item that a tier holds."""
    asked = pb.ListAssignmentsRequest(item_id=item_id, page_size=2000)
    found: Sequence[nouns.Assignment]
    found = (await tier.items.ListAssignments(asked)).assignments
    return {one.division: one.state for one in found}
