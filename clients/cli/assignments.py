"""`ducha assignment show|resume|withdraw`, `ducha item deadline-moves`: what becomes of one."""

from __future__ import annotations

from typing import Annotated

import typer

from clients.cli import items, notice_words, options, render
from clients.cli.command import command
from clients.cli.moves import Reason, answer, issuer_of
from clients.cli.session import Session, as_json
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api

app = typer.Typer(no_args_is_help=True, help="Assignments of an item. 交办单")

BATCH = 500
"""Moves that one page may carry."""

Division = Annotated[str, typer.Argument(help="Who executes. 承办区划")]


@command(app, "show", example="ducha assignment show 0198c0de-… 530102001")
async def show(session: Session, item: options.Item, division: Division) -> None:
    """Show how an assignment stands: its light, its clock, its report. 查看交办单."""
    client = await session.at(division)
    ref = pb.AssignmentRef(item_id=item, division=division)
    found = await client.call(
        client.assignments.GetAssignment, api.GetAssignmentRequest(assignment=ref)
    )
    if session.choices.as_json:
        session.write_json(found)
        return
    one = found.assignment
    say = session.say
    state = session.label(pb.AssignmentState.Name(one.state))
    late = say(" (late)", "（逾期）") if one.late else ""
    part = session.label(pb.Part.Name(one.part)) if one.part else ""
    rows: list[tuple[str, object]] = [
        (say("Item", "事项"), one.item_id),
        (say("Title", "标题"), one.title),
        (say("Division", "承办区划"), one.division),
        (say("Part", "分工"), part),
        (say("Assigned by", "交办单位"), one.assigner_division),
        (say("State", "状态"), state + late),
        (say("Light", "灯"), notice_words.light(one.light, session.choices.lang)),
        (say("Epoch", "版次"), one.epoch),
        *clock_rows(session, one),
        (say("Received", "签收时间"), render.when(one.receive_time)),
        (say("Reported", "反馈时间"), render.when(one.report_time)),
        (say("Verified", "核查时间"), render.when(one.verify_time)),
        (say("Returned because", "退回理由"), one.return_reason),
        (say("Transferred to", "转办至"), one.transferred_to),
        (say("Instructions", "补充要求"), one.instructions),
        (say("Report", "办理情况"), one.report.summary),
        (say("Problems", "发现问题"), len(one.report.problems) or ""),
    ]
    render.pairs(session.out, rows)


def clock_rows(session: Session, one: pb.Assignment) -> list[tuple[str, object]]:
    """Return what is to be said of an assignment's clock; what is as given is left out."""
    say = session.say
    guessed = say(" (provisional)", "（暂定）") if one.provisional else ""
    moved = one.original_deadline_time != one.deadline_time
    stopped = one.stopped.ToTimedelta()
    return [
        (say("Assigned", "交办时间"), render.when(one.assign_time)),
        (say("Receive by", "签收时限"), render.when(one.receive_by_time)),
        (say("Report by", "反馈时限"), render.when(one.deadline_time) + guessed),
        (
            say("Given first", "原定时限"),
            render.when(one.original_deadline_time) if moved else "",
        ),
        (say("Extensions", "延期次数"), one.extension_count or ""),
        (say("Suspended since", "挂账时间"), render.when(one.suspend_time)),
        (say("Stood still for", "累计挂账"), str(stopped) if stopped else ""),
    ]


@command(app, "resume", example="ducha assignment resume 0198c0de-… --reason 批复已到")
async def resume(
    session: Session,
    item: options.Item,
    divisions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DIVISION]...",
            help="Whose; all you suspended by default. 哪些区划",
        ),
    ] = None,
    *,
    reason: Reason,
    acting: options.Acting = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Let stopped clocks run again; the time they stood is given back. 恢复办理."""
    division = await issuer_of(session, item, acting)
    request = api.ResumeAssignmentsRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        item_id=item,
        divisions=divisions or (),
        reason=reason,
    )
    client = await session.at(division)
    response = await options.write(
        client, client.assignments.ResumeAssignments, request
    )
    count = response.resumed_count
    answer(session, response, f"Resumed {count}.", f"已恢复 {count} 件。")


@command(
    app,
    "withdraw",
    example="ducha assignment withdraw 0198c0de-… 530102001 --reason 职责不在该单位",
)
async def withdraw(
    session: Session,
    item: options.Item,
    divisions: Annotated[list[str], typer.Argument(help="Whose. 哪些区划")],
    *,
    reason: Reason,
    acting: options.Acting = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Take assignments back, with all that was split from them. 撤回交办."""
    division = await issuer_of(session, item, acting)
    request = api.WithdrawAssignmentsRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        item_id=item,
        divisions=divisions,
        reason=reason,
    )
    client = await session.at(division)
    response = await options.write(
        client, client.assignments.WithdrawAssignments, request
    )
    count = response.withdrawn_count
    answer(session, response, f"Withdrawn: {count}.", f"已撤回 {count} 件。")


@command(items.app, "deadline-moves", example="ducha item deadline-moves 0198c0de-…")
async def deadline_moves(
    session: Session,
    item: options.Item,
    *,
    within: Annotated[str, typer.Option(help="Only within this. 限定范围")] = "",
    limit: options.Limit = 50,
    at: options.At = "",
) -> None:
    """Show which deadlines of an item moved, and why, newest first. 时限变动."""
    client = await session.at(at)
    request = api.ListDeadlineMovesRequest(
        item_id=item, within=within, page_size=min(limit, BATCH)
    )
    found: list[pb.DeadlineMove] = []
    while len(found) < limit:
        page = await client.call(client.assignments.ListDeadlineMoves, request)
        found += page.moves
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    if session.choices.as_json:
        session.write_json({"moves": [as_json(one) for one in found[:limit]]})
        return
    say = session.say
    heads = [say("Division", "区划"), say("Before", "原时限"), say("After", "新时限")]
    heads += [say("Cause", "原因"), say("Reason", "理由"), say("When", "变动时间")]
    rows = [
        (
            one.division,
            render.when(one.old_deadline_time),
            render.when(one.new_deadline_time),
            session.label(pb.Cause.Name(one.cause)),
            one.reason,
            render.when(one.move_time),
        )
        for one in found[:limit]
    ]
    session.out.print(render.table(heads, rows))
    if not found:
        session.write("No deadline moved.", "时限没有变动。")
