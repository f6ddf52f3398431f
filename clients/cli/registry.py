"""`ducha registry request|requests|show|needs|withdraw`: who needs which data."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from clients.cli import options, parse, render
from clients.cli.command import command
from clients.cli.registry_words import (
    cells,
    codes,
    outcome_heads,
    request_rows,
    rows,
    word,
)
from clients.cli.session import Json, Session, as_json
from ducha.division.v1.division_pb2 import LEVEL_UNSPECIFIED, DivisionSelection
from ducha.registry.v1 import registry_pb2 as pb
from ducha.registry.v1 import registry_service_pb2 as api

app = typer.Typer(
    no_args_is_help=True, help="Data held once for everybody. 数据登记：一数一源"
)

PAGE = 2000


class StateName(StrEnum):
    """Where a data request stands."""

    OPEN = "open"
    COMPLETE = "complete"
    WITHDRAWN = "withdrawn"


DataRequestId = Annotated[
    str, typer.Argument(help="Data request id. 用数申请编号", metavar="ID")
]
Elements = Annotated[
    str, typer.Option("--elements", help="Codes of data elements: a,b. 数据元")
]
Period = Annotated[
    str,
    typer.Option(help="2026-11, 2026-11-23, 2026-W48, 2026-Q4 or 2026. 周期"),
]
RequesterDivision = Annotated[
    str, typer.Option("--division", help="Who needs it; the root by default. 申请区划")
]
Requester = Annotated[str, typer.Option(help="The department that needs it. 申请部门")]
Collector = Annotated[
    list[str] | None,
    typer.Option("--target", help="A division whose values are needed; repeat. 区划"),
]
Title = Annotated[str, typer.Option(help="What it is needed for. 标题")]
Use = Annotated[str, typer.Option(help="Use, such as planning. 用途")]
Deadline = Annotated[str, typer.Option(help="+5d or ISO. 时限")]
ItemOption = Annotated[str, typer.Option(help="Item it belongs to. 事项")]
ExpectNothing = Annotated[
    bool, typer.Option(help="Refuse if anything is held and fresh. 已有则拒绝")
]
Check = Annotated[
    bool, typer.Option("--check", help="Only say what would be asked. 只校验")
]
CollectLevel = Annotated[
    parse.LevelName | None,
    typer.Option("--level", help="Or all divisions of a level. 填报层级"),
]


@command(
    app,
    "request",
    example="ducha registry request --elements population.total,safety.hazards_found"
    " --level township --period 2026-11 --deadline +5d --title 汛期保障 --use planning",
)
async def request_data(
    session: Session,
    elements: Elements,
    period: Period,
    title: Title,
    use: Use,
    *,
    target: Collector = None,
    level: CollectLevel = None,
    within: options.Within = None,
    exclude: options.Exclude = None,
    deadline: Deadline = "+5d",
    division: RequesterDivision = "",
    requester: Requester = "督查室",
    item: ItemOption = "",
    expect_nothing_held: ExpectNothing = False,
    check: Check = False,
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Ask for data through the gate: nobody gives again what is held and fresh. 用数申请.

    Each element is answered from stock (served), shared with who asked before (joined),
    asked to be confirmed as unchanged, or asked in full.
    """
    now = datetime.now().astimezone()
    asker = division or await session.root()
    request = api.RequestDataRequest(
        request_id=options.new_request_id(request_id),
        division=asker,
        actor=actor,
        data_request=pb.DataRequest(
            requester=requester,
            title=title,
            item_id=item,
            elements=codes(elements),
            period=period,
            use=use,
            deadline_time=parse.moment(deadline, now),
        ),
        targets=DivisionSelection(
            divisions=target or (),
            level=level.wire if level else LEVEL_UNSPECIFIED,
            within=within or (),
            excluded=exclude or (),
        ),
        expect_nothing_held=expect_nothing_held,
        validate_only=check,
    )
    await _send(session, request)


async def _send(session: Session, request: api.RequestDataRequest) -> None:
    client = await session.at(request.division)
    response = await options.write(client, client.registry.RequestData, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    _print_judged(session, response, check=request.validate_only)


def _print_judged(
    session: Session, response: api.RequestDataResponse, *, check: bool
) -> None:
    """Show what the gate decided, element by element, and why."""
    say, made = session.say, response.data_request
    heads = [say("Element", "数据元"), *outcome_heads(session)]
    heads += [say("Why", "说明"), say("Due", "时限")]
    shown = [
        (
            one.element,
            *cells(one.outcomes),
            say(one.reason_en, one.reason_zh),
            render.when(one.due_time),
        )
        for one in response.elements
    ]
    session.out.print(render.table(heads, shown))
    counts = made.outcomes
    asked = counts.confirm + counts.collect
    whole = sum(cells(counts))
    if check:
        session.write(
            f"Nothing was asked yet. Of {whole} values, {asked} would be asked.",
            f"尚未下发。共 {whole} 个数据，其中 {asked} 个需要采集或确认。",
        )
        return
    request_id = made.data_request_id
    session.write(
        f"Requested [bold]{request_id}[/]: of {whole} values, {asked} are asked, "
        f"{whole - asked} are not asked again.\nNext: ducha registry watch {request_id}",
        f"已申请 [bold]{request_id}[/]：共 {whole} 个数据，采集或确认 {asked} 个，"
        f"{whole - asked} 个不再重复采集。\n下一步：ducha registry watch {request_id}",
    )


@command(app, "requests", example="ducha registry requests --state open")
async def list_requests(
    session: Session,
    *,
    requester: Annotated[
        str, typer.Option(help="Only of this division. 申请区划")
    ] = "",
    item: Annotated[str, typer.Option(help="Only of this item. 事项")] = "",
    state: Annotated[
        StateName | None, typer.Option(help="Only in this state. 状态")
    ] = None,
    limit: options.Limit = 50,
    at: options.At = "",
) -> None:
    """List data requests, newest first. 用数申请列表."""
    client = await session.at(at)
    request = api.ListDataRequestsRequest(
        requester_division=requester, item_id=item, page_size=min(limit, 500)
    )
    if state:
        request.state = pb.DataRequestState.Value(f"DATA_REQUEST_STATE_{state.name}")
    method = client.registry.ListDataRequests
    found = await rows(client, method, request, lambda page: page.data_requests, limit)
    if session.choices.as_json:
        listed: list[Json] = [as_json(one) for one in found]
        session.write_json({"data_requests": listed})
        return
    say = session.say
    heads = [say("Data request", "用数申请"), say("Title", "标题")]
    heads += [say("Requester", "申请单位"), say("Period", "周期"), say("State", "状态")]
    heads += [*outcome_heads(session), say("Missing", "尚缺"), say("Due", "时限")]
    shown = [
        (
            one.data_request_id,
            one.title,
            f"{one.requester_division} {one.requester}",
            one.period,
            word(session, pb.DataRequestState.Name(one.state)),
            *cells(one.outcomes),
            one.waiting_count,
            render.when(one.deadline_time),
        )
        for one in found
    ]
    session.out.print(render.table(heads, shown))


@command(app, "show", example="ducha registry show 0198c0de-…")
async def show(
    session: Session, data_request: DataRequestId, *, at: options.At = ""
) -> None:
    """Show a data request and how far it is. 查看用数申请."""
    client = await session.at(at)
    request = api.GetDataRequestRequest(data_request_id=data_request)
    response = await client.call(client.registry.GetDataRequest, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    render.pairs(session.out, request_rows(session, response.data_request))


@command(app, "needs", example="ducha registry needs 0198c0de-… --waiting")
async def list_needs(
    session: Session,
    data_request: DataRequestId,
    *,
    within: Annotated[str, typer.Option(help="Only within this. 范围")] = "",
    waiting: Annotated[
        bool,
        typer.Option("--waiting", help="Only where something is missing. 只看尚缺"),
    ] = False,
    limit: options.Limit = 200,
    at: options.At = "",
) -> None:
    """Show what a request waits for, division by division. 各区划供数情况."""
    client = await session.at(at)
    request = api.ListNeedsRequest(
        data_request_id=data_request,
        within=within,
        waiting_only=waiting,
        page_size=min(limit, PAGE),
    )
    method = client.registry.ListNeeds
    found = await rows(client, method, request, lambda page: page.needs, limit)
    if session.choices.as_json:
        listed: list[Json] = [as_json(one) for one in found]
        session.write_json({"needs": listed})
        return
    say = session.say
    heads = [say("Division", "区划"), *outcome_heads(session)]
    heads += [say("Confirmed", "已确认"), say("Missing", "尚缺"), say("Due", "时限")]
    shown = [
        (
            one.division,
            *cells(one.outcomes),
            one.confirmed_count,
            ", ".join(one.waiting),
            render.when(one.due_time),
        )
        for one in found
    ]
    session.out.print(render.table(heads, shown))
    if not found:
        session.write("Nothing is missing here.", "没有尚缺的数据。")


@command(
    app, "withdraw", example="ducha registry withdraw 0198c0de-… --reason 计划取消"
)
async def withdraw(
    session: Session,
    data_request: DataRequestId,
    *,
    reason: Annotated[str, typer.Option(help="Why; recorded. 理由")],
    division: RequesterDivision = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Take a data request back; what others wait for stays asked. 撤回用数申请."""
    asker = division or await session.root()
    request = api.WithdrawDataRequestRequest(
        request_id=options.new_request_id(request_id),
        division=asker,
        actor=actor,
        data_request_id=data_request,
        reason=reason,
    )
    client = await session.at(asker)
    method = client.registry.WithdrawDataRequest
    response = await options.write(client, method, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    session.write(
        "Withdrawn. What others wait for stays asked.",
        "已撤回。其他单位仍需要的数据照常采集。",
    )
