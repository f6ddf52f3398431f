"""`ducha item return|verify|conclude|close|reopen|archive|withdraw|split`: the assigner's."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer
from google.protobuf.message import Message

from clients.cli import options, parse, render
from clients.cli.command import command
from clients.cli.items import app
from clients.cli.session import Session
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api

Divisions = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[DIVISION]...", help="Whose; all reported by default. 哪些区划"
    ),
]
Reason = Annotated[str, typer.Option(help="Why; they see it. 理由")]


class OutcomeName(StrEnum):
    """Whether the matter is settled."""

    SATISFIED = "satisfied"
    PARTLY_SATISFIED = "partly-satisfied"
    NOT_SATISFIED = "not-satisfied"


async def issuer_of(session: Session, item: str, acting: str) -> str:
    """Return the division that acts: the one given, or the item's issuer."""
    if acting:
        return acting
    client = await session.at()
    found = await client.call(
        client.assignments.GetItem, api.GetItemRequest(item_id=item)
    )
    return found.item.issuer_division


def answer(session: Session, response: Message, english: str, chinese: str) -> None:
    """Print what was answered, or say it."""
    if session.choices.as_json:
        session.write_json(response)
    else:
        session.write(english, chinese)


@command(
    app, "return", example="ducha item return 0198c0de-… 530102001 --reason 缺少佐证"
)
async def return_reports(
    session: Session,
    item: options.Item,
    divisions: Divisions = None,
    *,
    reason: Reason,
    acting: options.Acting = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Send reports back, to be reported again. 退回反馈."""
    division = await issuer_of(session, item, acting)
    request = api.ReturnAssignmentsRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        item_id=item,
        divisions=divisions or (),
        reason=reason,
    )
    client = await session.at(division)
    response = await options.write(
        client, client.assignments.ReturnAssignments, request
    )
    count = response.returned_count
    answer(session, response, f"Returned {count}.", f"已退回 {count} 件。")


@command(app, "verify", example="ducha item verify 0198c0de-…")
async def verify(
    session: Session,
    item: options.Item,
    divisions: Divisions = None,
    *,
    acting: options.Acting = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Accept reports. 核查通过."""
    division = await issuer_of(session, item, acting)
    request = api.VerifyAssignmentsRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        item_id=item,
        divisions=divisions or (),
    )
    client = await session.at(division)
    response = await options.write(
        client, client.assignments.VerifyAssignments, request
    )
    count = response.verified_count
    answer(session, response, f"Verified {count}.", f"已核查 {count} 件。")


@command(
    app,
    "conclude",
    example="ducha item conclude 0198c0de-… --summary 已落实 --outcome satisfied",
)
async def conclude(
    session: Session,
    item: options.Item,
    *,
    summary: Annotated[str, typer.Option(help="What was found over all. 结论")],
    outcome: Annotated[OutcomeName, typer.Option(help="结果")] = OutcomeName.SATISFIED,
    acting: options.Acting = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Write the issuer's conclusion. 作出结论."""
    division = await issuer_of(session, item, acting)
    request = api.ConcludeItemRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        item_id=item,
        conclusion=pb.Conclusion(
            summary=summary,
            outcome=pb.Conclusion.Outcome.Value(f"OUTCOME_{outcome.name}"),
        ),
    )
    client = await session.at(division)
    response = await options.write(client, client.assignments.ConcludeItem, request)
    answer(
        session,
        response,
        f"Concluded. Next: ducha item close {item}",
        f"已作结论。下一步：ducha item close {item}",
    )


@command(app, "close", example="ducha item close 0198c0de-…")
async def close(
    session: Session,
    item: options.Item,
    *,
    acting: options.Acting = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Close a concluded item by its rule. 办结."""
    division = await issuer_of(session, item, acting)
    request = api.CloseItemRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        item_id=item,
    )
    client = await session.at(division)
    response = await options.write(client, client.assignments.CloseItem, request)
    answer(session, response, "Closed.", "已办结。")


@command(app, "reopen", example="ducha item reopen 0198c0de-… --reason 问题反弹")
async def reopen(
    session: Session,
    item: options.Item,
    *,
    reason: Reason,
    acting: options.Acting = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Let a concluded or closed item go on. 重新办理."""
    division = await issuer_of(session, item, acting)
    request = api.ReopenItemRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        item_id=item,
        reason=reason,
    )
    client = await session.at(division)
    response = await options.write(client, client.assignments.ReopenItem, request)
    answer(
        session,
        response,
        f"Reopened. Next: ducha item return {item} DIVISION --reason …",
        f"已重新办理。下一步：ducha item return {item} 区划 --reason …",
    )


@command(app, "archive", example="ducha item archive 0198c0de-…")
async def archive(
    session: Session,
    item: options.Item,
    *,
    acting: options.Acting = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Close a closed item for good, once nobody may ask for a review. 归档."""
    division = await issuer_of(session, item, acting)
    request = api.ArchiveItemRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        item_id=item,
    )
    client = await session.at(division)
    response = await options.write(client, client.assignments.ArchiveItem, request)
    answer(session, response, "Archived.", "已归档。")


@command(
    app, "withdraw", example="ducha item withdraw 0198c0de-… --reason 与省级督查合并"
)
async def withdraw(
    session: Session,
    item: options.Item,
    *,
    reason: Reason,
    acting: options.Acting = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Take an item back, everywhere below too. 撤回."""
    division = await issuer_of(session, item, acting)
    request = api.WithdrawItemRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        item_id=item,
        reason=reason,
    )
    client = await session.at(division)
    response = await options.write(client, client.assignments.WithdrawItem, request)
    answer(session, response, "Withdrawn.", "已撤回。")


@command(app, "split", example="ducha item split 0198c0de-… 5301 --level county")
async def split(
    session: Session,
    item: options.Item,
    division: Annotated[str, typer.Argument(help="Whose assignment. 本级区划")],
    *,
    target: options.Targets = None,
    level: options.TargetLevel = None,
    within: options.Within = None,
    exclude: options.Exclude = None,
    receive_by: Annotated[str, typer.Option(help="+1d or ISO. 签收时限")] = "",
    deadline: Annotated[str, typer.Option(help="+2d or ISO. 反馈时限")] = "",
    receive_within: options.ReceiveWithin = "",
    work_within: options.WorkWithin = "",
    instructions: Annotated[str, typer.Option(help="What you add. 补充要求")] = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Pass an assignment on to divisions of the next tier. 逐级分解."""
    now = datetime.now().astimezone()
    request = api.SplitAssignmentRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        item_id=item,
        targets=options.selection(target, level, within, exclude),
        receive_by_time=parse.moment(receive_by, now) if receive_by else None,
        deadline_time=parse.moment(deadline, now) if deadline else None,
        receive_within=parse.term(receive_within) if receive_within else None,
        work_within=parse.term(work_within) if work_within else None,
        instructions=instructions,
    )
    client = await session.at(division)
    response = await options.write(client, client.assignments.SplitAssignment, request)
    count, until = response.target_count, render.when(response.deadline_time)
    answer(
        session,
        response,
        f"Passed on to {count} divisions; they report by {until}.",
        f"已分解给 {count} 个区划，反馈时限 {until}。",
    )
