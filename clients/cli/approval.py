"""`ducha approval approve|unlock|list`: who stands for the values of a period."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from clients.cli import options, parse, render
from clients.cli.command import command
from clients.cli.registry_words import rows
from clients.cli.session import Json, Session, as_json
from clients.runtime import Client
from ducha.approval.v1 import approval_pb2 as pb
from ducha.approval.v1 import approval_service_pb2 as api

app = typer.Typer(no_args_is_help=True, help="Approval of periods. 数据审核")

PAGE = 2000

Division = Annotated[str, typer.Argument(help="Whose unit acts. 区划代码")]
PeriodArgument = Annotated[str, typer.Argument(help="Period. 周期")]


@command(app, "approve", example="ducha approval approve 530102 2026-11")
async def approve(
    session: Session,
    division: Division,
    period: PeriodArgument,
    *,
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Approve the values of a division for a period, and lock it. 审核并锁定.

    Bottom up: each tier approves what the tier below has approved. After a correction
    only what changed is approved again.
    """
    request = api.ApprovePeriodRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        period=period,
    )
    client = await session.at(division)
    response = await options.write(client, client.approval.ApprovePeriod, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    new, before = response.approved_count, response.unchanged_count
    session.write(
        f"Approved {new} values; {before} were approved before. {period} is locked.",
        f"已审核 {new} 个数据；{before} 个此前已审核。{period} 已锁定。",
    )


@command(
    app,
    "unlock",
    example="ducha approval unlock 530102 2026-11 --within 530102001"
    " --reason 更正笔误 --expire +2d",
)
async def unlock(
    session: Session,
    division: Division,
    period: PeriodArgument,
    *,
    reason: Annotated[str, typer.Option(help="Why; recorded. 理由")],
    within: Annotated[
        str, typer.Option(help="Where; DIVISION itself by default. 解锁范围")
    ] = "",
    expire: Annotated[
        str, typer.Option(help="+2d or ISO, within 30 days. 到期")
    ] = "+2d",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Let values of an approved period be corrected for a while. 解锁."""
    request = api.UnlockPeriodRequest(
        request_id=options.new_request_id(request_id),
        division=division,
        actor=actor,
        within=within or division,
        period=period,
        reason=reason,
        expire_time=parse.moment(expire, datetime.now().astimezone()),
    )
    client = await session.at(division)
    response = await options.write(client, client.approval.UnlockPeriod, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    end = render.when(response.unlocking.expire_time)
    session.write(
        f"{period} of {within or division} may be corrected until {end}.",
        f"{within or division} 的 {period} 数据可更正至 {end}。",
    )


@command(app, "list", example="ducha approval list 2026-11 --within 5301")
async def list_approvals(
    session: Session,
    period: PeriodArgument,
    *,
    within: Annotated[str, typer.Option(help="Only within this. 范围")] = "",
    unlockings: Annotated[
        bool, typer.Option("--unlockings", help="Show unlockings. 查看解锁记录")
    ] = False,
    limit: options.Limit = 200,
    at: options.At = "",
) -> None:
    """List who approved a period, or with --unlockings where it was unlocked. 审核记录."""
    client = await session.at(at)
    if unlockings:
        await _list_unlockings(session, client, (period, within), limit)
        return
    request = api.ListApprovalsRequest(
        within=within, period=period, page_size=min(limit, PAGE)
    )
    method = client.approval.ListApprovals
    found = await rows(client, method, request, lambda page: page.approvals, limit)
    if session.choices.as_json:
        listed: list[Json] = [as_json(one) for one in found]
        session.write_json({"approvals": listed})
        return
    say = session.say
    heads = [say("Division", "区划"), say("Period", "周期"), say("Values", "数据数")]
    heads += [say("Approved", "审核时间"), say("By", "审核人")]
    table = [
        (
            one.division,
            one.period,
            one.approved_count,
            render.when(one.approve_time),
            one.actor,
        )
        for one in found
    ]
    session.out.print(render.table(heads, table))


async def _list_unlockings(
    session: Session, client: Client, where: tuple[str, str], limit: int
) -> None:
    period, within = where
    request = api.ListUnlockingsRequest(
        within=within, period=period, page_size=min(limit, PAGE)
    )
    found: list[pb.Unlocking] = await rows(
        client,
        client.approval.ListUnlockings,
        request,
        lambda page: page.unlockings,
        limit,
    )
    if session.choices.as_json:
        listed: list[Json] = [as_json(one) for one in found]
        session.write_json({"unlockings": listed})
        return
    say = session.say
    heads = [say("Where", "范围"), say("Period", "周期"), say("By", "解锁单位")]
    heads += [say("Who", "操作人"), say("Why", "理由")]
    heads += [say("From", "解锁时间"), say("Until", "到期")]
    table = [
        (
            one.within,
            one.period,
            one.authority_division,
            one.actor,
            one.reason,
            render.when(one.unlock_time),
            render.when(one.expire_time),
        )
        for one in found
    ]
    session.out.print(render.table(heads, table))
