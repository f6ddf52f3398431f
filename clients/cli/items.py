"""`ducha item issue|show|list`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.json_format import ParseDict, ParseError

from clients.cli import options, parse, progress, render
from clients.cli.command import command
from clients.cli.session import Session, as_json
from clients.cli.words import UsageProblem
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api

app = typer.Typer(no_args_is_help=True, help="Supervision items. 督查事项")


Assisting = Annotated[
    list[str] | None, typer.Option(help="CODE:NAME; repeat. 协办单位")
]


class SourceName(StrEnum):
    """Where an item comes from."""

    PLAN_LINE = "plan-line"
    ONE_OFF_APPROVAL = "one-off-approval"
    LEADER_INSTRUCTION = "leader-instruction"
    MEETING_DECISION = "meeting-decision"
    PUBLIC_REPORT = "public-report"


class UrgencyName(StrEnum):
    """How fast it must go."""

    ROUTINE = "routine"
    URGENT = "urgent"
    EMERGENCY = "emergency"


class ModeName(StrEnum):
    """How it reaches its targets."""

    DIRECT = "direct"
    CASCADE = "cascade"


class ItemStateName(StrEnum):
    """Where an item stands."""

    ISSUED = "issued"
    CONCLUDED = "concluded"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    ARCHIVED = "archived"


ReceiveBy = Annotated[
    str, typer.Option(help="+1d or ISO; its type says by default. 签收时限")
]
Deadline = Annotated[
    str, typer.Option(help="+3d or ISO; its type says by default. 反馈时限")
]
DivisionOption = Annotated[
    str, typer.Option(help="Issuer; the root by default. 发起区划")
]
JustificationOption = Annotated[str, typer.Option(help="Why it may not wait. 紧急理由")]
ClosingOption = Annotated[str, typer.Option(help="all, lead or quorum:80. 办结规则")]
CheckOption = Annotated[bool, typer.Option("--check", help="Only check. 只校验不下发")]


@command(
    app,
    "issue",
    example="ducha item issue --title 安全生产督查 --basis 国办发〔2026〕1号 --content 隐患排查"
    " --level township --skip-level-reason 情况紧急 --deadline +3d",
)
async def issue(
    session: Session,
    title: Annotated[str, typer.Option(help="In one line. 标题")],
    basis: Annotated[str, typer.Option(help="Legal or policy basis. 依据")],
    content: Annotated[str, typer.Option(help="What is supervised. 督查内容")],
    *,
    scope: Annotated[str, typer.Option(help="Where and whom it covers. 范围")] = "",
    method: Annotated[str, typer.Option(help="How it is done. 方式")] = "",
    division: DivisionOption = "",
    target: options.Targets = None,
    level: options.TargetLevel = None,
    within: options.Within = None,
    exclude: options.Exclude = None,
    source: Annotated[SourceName, typer.Option(help="来源")] = SourceName.PLAN_LINE,
    urgency: Annotated[UrgencyName, typer.Option(help="缓急")] = UrgencyName.ROUTINE,
    justification: JustificationOption = "",
    lead: Annotated[str, typer.Option(help="Lead unit, CODE:NAME. 主办单位")] = "",
    assist: Assisting = None,
    mode: Annotated[ModeName, typer.Option(help="方式")] = ModeName.DIRECT,
    receive_by: ReceiveBy = "",
    deadline: Deadline = "",
    receive_within: options.ReceiveWithin = "",
    work_within: options.WorkWithin = "",
    closing: ClosingOption = "all",
    skip_level_reason: Annotated[str, typer.Option(help="越级理由")] = "",
    check: CheckOption = False,
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Issue an item to the divisions that execute it. 下发督查事项."""
    issuer = division or await session.root()
    item = pb.Item(
        title=title,
        basis=basis,
        scheme=pb.Scheme(content=content, scope=scope, method=method),
        urgency_justification=justification,
        closing_rule=parse.closing_rule(closing),
        skip_level_reason=skip_level_reason,
    )
    _set_kinds(item, source, urgency, mode)
    _set_units(item, lead or f"{issuer}:督查室", assist or ())
    _set_times(item, (receive_by, deadline), (receive_within, work_within))
    request = api.IssueItemRequest(
        division=issuer,
        actor=actor,
        item=item,
        targets=options.selection(target, level, within, exclude),
        validate_only=check,
    )
    await _send(session, request, request_id)


def _set_kinds(
    item: pb.Item, source: SourceName, urgency: UrgencyName, mode: ModeName
) -> None:
    item.source_type = pb.SourceType.Value("SOURCE_TYPE_" + source.name)
    item.urgency = pb.Urgency.Value("URGENCY_" + urgency.name)
    item.mode = pb.Mode.Value("MODE_" + mode.name)


def _set_units(item: pb.Item, lead: str, assist: Sequence[str]) -> None:
    item.lead_unit.CopyFrom(parse.unit(lead))
    item.assist_units.extend(parse.unit(text) for text in assist)


def _set_times(item: pb.Item, moments: tuple[str, str], terms: tuple[str, str]) -> None:
    """Set when receipt and report are due, as far as that was said."""
    now = datetime.now().astimezone()
    (receive_by, deadline), (receive_within, work_within) = moments, terms
    if receive_by:
        item.receive_by_time.CopyFrom(parse.moment(receive_by, now))
    if deadline:
        item.deadline_time.CopyFrom(parse.moment(deadline, now))
    if receive_within:
        item.receive_within.CopyFrom(parse.term(receive_within))
    if work_within:
        item.work_within.CopyFrom(parse.term(work_within))


@command(app, "issue-file", example="ducha item issue-file item.json")
async def issue_file(
    session: Session,
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="IssueItemRequest as JSON"),
    ],
    *,
    actor: options.Actor = options.ACTOR,
) -> None:
    """Issue the item that a JSON file describes, field by field as in the API. 按文件下发."""
    request = api.IssueItemRequest(actor=actor)
    try:
        request = ParseDict(parse.json_file(file), request)
    except ParseError as wrong:
        raise UsageProblem(
            f"{file} is no IssueItemRequest: {wrong}. See proto/ducha/assignment/v1.",
            f"{file} 不是 IssueItemRequest：{wrong}。参见 proto/ducha/assignment/v1。",
        ) from wrong
    request.division = request.division or await session.root()
    await _send(session, request, request.request_id)


async def _send(
    session: Session, request: api.IssueItemRequest, request_id: str
) -> None:
    request.request_id = options.new_request_id(request_id)
    client = await session.at(request.division)
    response = await options.write(client, client.assignments.IssueItem, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    if request.validate_only:
        session.write(
            f"Nothing is wrong; {response.target_count} divisions would execute it.",
            f"校验通过；将有 {response.target_count} 个区划承办。",
        )
        return
    session.write(
        f"Issued [bold]{response.item.item_id}[/] to {response.target_count} divisions.\n"
        f"Next: ducha item watch {response.item.item_id}",
        f"已下发 [bold]{response.item.item_id}[/]，共 {response.target_count} 个承办区划。\n"
        f"下一步：ducha item watch {response.item.item_id}",
    )


@command(app, "show", example="ducha item show 0198c0de-… --level city")
async def show(
    session: Session,
    item: options.Item,
    *,
    level: Annotated[
        parse.LevelName | None,
        typer.Option(help="Counts of divisions of a level. 分级进度"),
    ] = None,
    at: options.At = "",
) -> None:
    """Show an item and how far it is. 查看事项及进度."""
    client = await session.at(at)
    response = await client.call(
        client.assignments.GetItem, api.GetItemRequest(item_id=item)
    )
    counts = await progress.counts(client, item, level)
    if session.choices.as_json:
        session.write_json({"item": as_json(response), "progress": as_json(counts)})
        return
    _print_item(session, response.item, response.target_count)
    progress.print_counts(session, counts)


def _print_item(session: Session, item: pb.Item, target_count: int) -> None:
    say, lang = session.say, session.label
    guessed = say(" (provisional)", "（暂定）") if item.provisional else ""
    rows: list[tuple[str, object]] = [
        (say("Item", "事项"), item.item_id),
        (say("Title", "标题"), item.title),
        (say("State", "状态"), lang(pb.ItemState.Name(item.state))),
        (say("Issuer", "发起区划"), item.issuer_division),
        (say("Lead unit", "主办单位"), item.lead_unit.name),
        (say("Basis", "依据"), item.basis),
        (say("Content", "内容"), item.scheme.content),
        (say("Source", "来源"), lang(pb.SourceType.Name(item.source_type))),
        (say("Urgency", "缓急"), lang(pb.Urgency.Name(item.urgency))),
        (say("Mode", "方式"), lang(pb.Mode.Name(item.mode))),
        (say("Closes when", "办结规则"), _closing(session, item.closing_rule)),
        (say("Targets", "承办数"), target_count),
        (say("Issued", "下发时间"), render.when(item.issue_time)),
        (say("Receive by", "签收时限"), render.when(item.receive_by_time)),
        (say("Report by", "反馈时限"), render.when(item.deadline_time) + guessed),
        (say("Reopened", "重新办理次数"), item.reopen_count or ""),
        (say("Skip-level reason", "越级理由"), item.skip_level_reason),
        (say("Conclusion", "结论"), item.conclusion.summary),
        (say("Trace", "链路追踪"), item.trace_id),
    ]
    render.pairs(session.out, rows)


def _closing(session: Session, rule: pb.ClosingRule) -> str:
    name = session.label(pb.ClosingRule.Kind.Name(rule.kind))
    return f"{name} {rule.quorum_percent}%" if rule.quorum_percent else name


@command(app, "list", example="ducha item list --state issued")
async def list_items(
    session: Session,
    *,
    issuer: Annotated[str, typer.Option(help="Only of this issuer. 发起区划")] = "",
    state: Annotated[
        ItemStateName | None, typer.Option(help="Only in this state. 状态")
    ] = None,
    limit: options.Limit = 50,
    at: options.At = "",
) -> None:
    """List items, newest first. 事项列表."""
    client = await session.at(at)
    request = api.ListItemsRequest(issuer_division=issuer, page_size=min(limit, 500))
    if state:
        request.state = pb.ItemState.Value(f"ITEM_STATE_{state.name}")
    items: list[pb.Item] = []
    while len(items) < limit:
        page = await client.call(client.assignments.ListItems, request)
        items += page.items
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    if session.choices.as_json:
        session.write_json({"items": [as_json(item) for item in items[:limit]]})
        return
    say = session.say
    heads = [say("Item", "事项"), say("Title", "标题"), say("State", "状态")]
    heads += [
        say("Issuer", "发起"),
        say("Issued", "下发"),
        say("Report by", "反馈时限"),
    ]
    rows = [
        (
            item.item_id,
            item.title,
            session.label(pb.ItemState.Name(item.state)),
            item.issuer_division,
            render.when(item.issue_time),
            render.when(item.deadline_time),
        )
        for item in items[:limit]
    ]
    session.out.print(render.table(heads, rows))
