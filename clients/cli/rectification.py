"""`ducha rectification open|report|close|return|list`: what was found wrong is put right."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.json_format import ParseDict, ParseError

from clients.cli import notice_words, options, parse, render
from clients.cli.command import command
from clients.cli.moves import issuer_of
from clients.cli.registry_words import rows
from clients.cli.session import Json, Session, as_json
from clients.cli.words import UsageProblem
from ducha.rectification.v1 import rectification_pb2 as pb
from ducha.rectification.v1 import rectification_service_pb2 as api

app = typer.Typer(no_args_is_help=True, help="Rectification lists. 整改清单")

PAGE = 2000
DIGEST = 64

STATES: Mapping[int, tuple[str, str]] = {
    pb.RECTIFICATION_STATE_OPEN: ("to put right", "整改中"),
    pb.RECTIFICATION_STATE_REPORTED: ("reported", "已报整改"),
    pb.RECTIFICATION_STATE_CLOSED: ("closed", "已销号"),
    pb.RECTIFICATION_STATE_WITHDRAWN: ("withdrawn", "已撤回"),
}


class StateName(StrEnum):
    """Where a point stands."""

    OPEN = "open"
    REPORTED = "reported"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


Unit = Annotated[str, typer.Argument(help="Division that acts. 办理区划")]
Points = Annotated[
    list[str], typer.Argument(metavar="POINT...", help="Ids of points. 整改编号")
]
Deadline = Annotated[str, typer.Option(help="+7d or ISO. 整改时限")]
Days = Annotated[
    int, typer.Option(min=0, max=250, help="Or after so many working days. 工作日数")
]
Evidence = Annotated[
    list[str] | None,
    typer.Option(help="TEXT, or TEXT#SHA256 of a file; repeat. 佐证"),
]


@command(
    app,
    "open",
    example="ducha rectification open 0198c0de-… --division 530102001"
    " --problem 台账不全 --requirement 补齐台账 --working-days 5",
)
async def open_points(
    session: Session,
    item: options.Item,
    *,
    division: Annotated[
        list[str] | None, typer.Option(help="Who puts it right; repeat. 整改区划")
    ] = None,
    problem: Annotated[str, typer.Option(help="What was found. 问题")] = "",
    requirement: Annotated[str, typer.Option(help="What is required. 要求")] = "",
    deadline: Deadline = "",
    working_days: Days = 0,
    file: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help='JSON: {"rectifications": [...]}. 清单文件',
        ),
    ] = None,
    acting: options.Acting = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Open points at executors; until they are closed, the item cannot be. 下达整改."""
    request = _read(file) if file else api.OpenRectificationsRequest()
    for code in division or ():
        point = request.rectifications.add(
            division=code, problem=problem, requirement=requirement
        )
        _set_due(point, deadline, working_days)
    if not request.rectifications:
        raise UsageProblem(
            "Nobody is named. Give --division, or a list with --file.",
            "没有写整改区划。请写 --division，或用 --file 给出清单。",
        )
    by = await issuer_of(session, item, acting)
    request.request_id = options.new_request_id(request_id)
    request.division, request.actor, request.item_id = by, actor, item
    client = await session.at(by)
    method = client.rectification.OpenRectifications
    response = await options.write(client, method, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    _print(session, list(response.rectifications))


def _read(file: Path) -> api.OpenRectificationsRequest:
    """Read a list of points.

    Raises:
        UsageProblem: it holds none.
    """
    try:
        return ParseDict(parse.json_file(file), api.OpenRectificationsRequest())
    except ParseError as wrong:
        raise UsageProblem(
            f"{file} holds no points: {wrong}. See proto/ducha/rectification/v1.",
            f"{file} 中没有有效的整改事项：{wrong}。参见 proto/ducha/rectification/v1。",
        ) from wrong


def _set_due(
    message: api.NewRectification | api.ReturnRectificationsRequest,
    deadline: str,
    working_days: int,
) -> None:
    """Set when it is due; one of both says it.

    Raises:
        UsageProblem: both are given.
    """
    if deadline and working_days:
        raise UsageProblem(
            "--deadline and --working-days say the same. Give one of them.",
            "--deadline 与 --working-days 只能写一个。",
        )
    if working_days:
        message.within.working_days = working_days
    elif deadline:
        moment = parse.moment(deadline, datetime.now().astimezone())
        message.deadline_time.CopyFrom(moment)


@command(
    app,
    "report",
    example="ducha rectification report 530102001 0198c0de-… --action 已补齐台账",
)
async def report(
    session: Session,
    division: Unit,
    points: Points,
    *,
    action: Annotated[str, typer.Option(help="What was done. 整改情况")],
    evidence: Evidence = None,
    number: Annotated[
        int, typer.Option("--round", help="Round worked in; 0: what stands. 轮次")
    ] = 0,
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Report what was done about points. 报送整改."""
    done = pb.RectificationReport(
        action=action, evidence=[_evidence(text) for text in evidence or ()]
    )
    request = api.ReportRectificationsRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        reports=[
            api.RectificationFiling(rectification_id=one, round=number, report=done)
            for one in points
        ],
    )
    client = await session.at(division)
    method = client.rectification.ReportRectifications
    response = await options.write(client, method, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    count, late = response.reported_count, response.late_count
    session.write(
        f"Reported {count}, of these {late} late.",
        f"已报送 {count} 项，其中逾期 {late} 项。",
    )


def _evidence(text: str) -> pb.RectificationReport.Evidence:
    """Read evidence: words, and after a `#` the digest of a file."""
    words, separator, digest = text.rpartition("#")
    if separator and len(digest) == DIGEST:
        return pb.RectificationReport.Evidence(text=words, sha256=digest.lower())
    return pb.RectificationReport.Evidence(text=text)


@command(
    app, "close", example="ducha rectification close 53 0198c0de-… --note 同意销号"
)
async def close(
    session: Session,
    division: Unit,
    points: Points,
    *,
    note: Annotated[str, typer.Option(help="What you say about it. 意见")] = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Close points that were reported. 销号."""
    request = api.CloseRectificationsRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        rectification_ids=points,
        note=note,
    )
    client = await session.at(division)
    method = client.rectification.CloseRectifications
    response = await options.write(client, method, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    count = response.closed_count
    session.write(f"Closed {count}.", f"已销号 {count} 项。")


@command(
    app,
    "return",
    example="ducha rectification return 53 0198c0de-… --reason 佐证不足 --deadline +3d",
)
async def send_back(
    session: Session,
    division: Unit,
    points: Points,
    *,
    reason: Annotated[str, typer.Option(help="Why; they see it. 理由")],
    deadline: Deadline = "",
    working_days: Days = 0,
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Send reports of points back, to be put right again. 退回整改."""
    request = api.ReturnRectificationsRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        rectification_ids=points,
        reason=reason,
    )
    _set_due(request, deadline, working_days)
    client = await session.at(division)
    method = client.rectification.ReturnRectifications
    response = await options.write(client, method, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    count = response.returned_count
    session.write(f"Returned {count}.", f"已退回 {count} 项。")


@command(app, "list", example="ducha rectification list --item 0198c0de-… --state open")
async def list_points(
    session: Session,
    *,
    item: Annotated[str, typer.Option(help="Only of this item. 事项")] = "",
    within: Annotated[str, typer.Option(help="Only within this. 范围")] = "",
    state: Annotated[
        StateName | None, typer.Option(help="Only in this state. 状态")
    ] = None,
    overdue: Annotated[
        bool, typer.Option("--overdue", help="Only what is overdue. 只看逾期")
    ] = False,
    limit: options.Limit = 100,
    at: options.At = "",
) -> None:
    """List points, oldest first. 整改清单."""
    states = []
    if state:
        states = [pb.RectificationState.Value(f"RECTIFICATION_STATE_{state.name}")]
    request = api.ListRectificationsRequest(
        item_id=item,
        within=within,
        states=states,
        overdue_only=overdue,
        page_size=min(limit, PAGE),
    )
    client = await session.at(at or within)
    method = client.rectification.ListRectifications
    found = await rows(client, method, request, lambda page: page.rectifications, limit)
    if session.choices.as_json:
        listed: list[Json] = [as_json(one) for one in found]
        session.write_json({"rectifications": listed})
        return
    _print(session, found)


def _print(session: Session, found: list[pb.Rectification]) -> None:
    say = session.say
    heads = [say("Point", "整改编号"), say("Division", "区划"), say("State", "状态")]
    heads += [say("Round", "轮次"), say("Due", "时限"), say("Problem", "问题")]
    heads += [say("Requirement", "要求"), say("Done", "整改情况"), say("Note", "备注")]
    session.out.print(render.table(heads, [_row(session, one) for one in found]))
    if not found:
        session.write("Nothing is to be put right.", "没有整改事项。")


def _row(session: Session, one: pb.Rectification) -> tuple[object, ...]:
    say = session.say
    state = say(*STATES.get(one.state, ("?", "?")))
    if one.overdue:
        state = f"{state} {say('(overdue)', '（逾期）')}"
    elif one.late:
        state = f"{state} {say('(late)', '（逾期报送）')}"
    due = notice_words.when(one.deadline_time)
    if one.deadline_provisional:
        due = f"{due} {say('(provisional)', '（暂定）')}"
    return (
        one.rectification_id,
        one.division,
        state,
        one.round,
        due,
        one.problem,
        one.requirement,
        one.report.action,
        one.note or one.return_reason,
    )
