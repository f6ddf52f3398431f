"""`ducha inbox|receive|report`: what an executing division does."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.json_format import ParseDict, ParseError

from clients.cli import notice_words, options, parse, render
from clients.cli.command import command
from clients.cli.session import Session, as_json
from clients.cli.words import UsageProblem
from clients.runtime import Client
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api

BATCH = 2000
"""Reports that one request may carry."""

Values = Annotated[list[str] | None, typer.Option(help="ELEMENT=VALUE; repeat. 数据值")]
Problems = Annotated[
    list[str] | None, typer.Option(help="CATEGORY:SEVERITY:WORDS; repeat. 问题")
]
Epoch = Annotated[int, typer.Option(help="Epoch worked under; 0: what stands. 版次")]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        exists=True, dir_okay=False, help='JSON: {"reports": [...]}. 批量文件'
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    command(app, "inbox", example="ducha inbox 530102001")(inbox)
    command(app, "receive", example="ducha receive 0198c0de-… 530102001 530102002")(
        receive
    )
    command(
        app,
        "report",
        example="ducha report 0198c0de-… 530102001 --summary 已排查"
        " --value safety.checked=12 --problem safety:major:桥梁封闭",
    )(report)


async def inbox(
    session: Session,
    division: Annotated[str, typer.Argument(help="Everything within it. 区划代码")],
    *,
    open_only: Annotated[
        bool, typer.Option("--open", help="Only what is still to do. 只看待办")
    ] = False,
    item: Annotated[str, typer.Option(help="Only of this item. 事项")] = "",
    limit: options.Limit = 100,
) -> None:
    """List what a division has been assigned. 待办收件箱."""
    client = await session.at(division)
    states = [
        pb.ASSIGNMENT_STATE_ISSUED,
        pb.ASSIGNMENT_STATE_RECEIVED,
        pb.ASSIGNMENT_STATE_RETURNED,
    ]
    request = api.ListAssignmentsRequest(
        item_id=item,
        within=division,
        states=states if open_only else (),
        page_size=min(limit, BATCH),
    )
    found: list[pb.Assignment] = []
    while len(found) < limit:
        page = await client.call(client.assignments.ListAssignments, request)
        found += page.assignments
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    if session.choices.as_json:
        session.write_json({"assignments": [as_json(one) for one in found[:limit]]})
        return
    _print_inbox(session, found[:limit])


def _print_inbox(session: Session, found: Sequence[pb.Assignment]) -> None:
    say = session.say
    heads = [say("Item", "事项"), say("Division", "区划"), say("Title", "标题")]
    heads += [say("State", "状态"), say("Light", "灯")]
    heads += [say("Report by", "反馈时限"), say("Note", "备注")]
    rows = [
        (
            one.item_id,
            one.division,
            one.title,
            session.label(pb.AssignmentState.Name(one.state)),
            notice_words.light(one.light, session.choices.lang),
            render.when(one.deadline_time),
            one.return_reason or one.instructions,
        )
        for one in found
    ]
    session.out.print(render.table(heads, rows))
    if not found:
        session.write("Nothing is assigned here.", "没有交办事项。")


async def receive(
    session: Session,
    item: options.Item,
    divisions: Annotated[list[str], typer.Argument(help="Divisions of one node. 区划")],
    *,
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Confirm receipt. 签收."""
    request = api.ReceiveAssignmentsRequest(
        request_id=options.new_request_id(request_id),
        actor=actor,
        assignments=[
            pb.AssignmentRef(item_id=item, division=code) for code in divisions
        ],
    )
    client = await session.at(divisions[0])
    response = await options.write(
        client, client.assignments.ReceiveAssignments, request
    )
    if session.choices.as_json:
        session.write_json(response)
        return
    new, before = response.received_count, response.unchanged_count
    session.write(
        f"Received {new}; {before} had been received before.",
        f"已签收 {new} 件；{before} 件此前已签收。",
    )


async def report(
    session: Session,
    item: Annotated[str, typer.Argument(help="Item id. 事项编号")] = "",
    division: Annotated[str, typer.Argument(help="Who reports. 区划代码")] = "",
    *,
    summary: Annotated[str, typer.Option(help="What was done. 办理情况")] = "",
    value: Values = None,
    problem: Problems = None,
    epoch: Epoch = 0,
    file: ReportFile = None,
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Report what was found and done; it confirms receipt too. 反馈.

    With --file, all reports of a JSON file in the form of ReportAssignmentsRequest.
    """
    if file is not None:
        if item or division or summary or value or problem:
            raise UsageProblem(
                "--file carries the whole reports. Leave out ITEM, DIVISION and the values.",
                "--file 已包含全部反馈内容。请不要再写事项、区划和数据值。",
            )
        await _report_file(session, file, actor, request_id)
        return
    if not item or not division:
        raise UsageProblem(
            "Who reports on what is missing. Give ITEM and DIVISION, or --file.",
            "缺少事项或区划。请写 ITEM 和 DIVISION，或用 --file。",
        )
    one = api.AssignmentReport(
        assignment=pb.AssignmentRef(item_id=item, division=division),
        epoch=epoch,
        report=pb.Report(
            summary=summary,
            values=[parse.reported_value(text) for text in value or ()],
            problems=[parse.problem(text) for text in problem or ()],
        ),
    )
    request = api.ReportAssignmentsRequest(
        request_id=options.new_request_id(request_id), actor=actor, reports=[one]
    )
    _answer(session, await _send(await session.at(division), request))


async def _report_file(
    session: Session, file: Path, actor: str, request_id: str
) -> None:
    try:
        whole = ParseDict(parse.json_file(file), api.ReportAssignmentsRequest())
    except ParseError as wrong:
        raise UsageProblem(
            f"{file} holds no reports: {wrong}. See proto/ducha/assignment/v1.",
            f"{file} 中没有有效的反馈：{wrong}。参见 proto/ducha/assignment/v1。",
        ) from wrong
    base = options.new_request_id(request_id or whole.request_id)
    total = api.ReportAssignmentsResponse()
    by_node: dict[str, tuple[Client, list[api.AssignmentReport]]] = {}
    for one in whole.reports:
        client = await session.at(one.assignment.division)
        by_node.setdefault(client.address, (client, []))[1].append(one)
    for client, reports in by_node.values():
        for request in batches(reports, whole.actor or actor, base):
            response = await _send(client, request, base)
            total.reported_count += response.reported_count
            total.late_count += response.late_count
    _answer(session, total)


def batches(
    reports: Sequence[api.AssignmentReport], actor: str, base: str
) -> Iterator[api.ReportAssignmentsRequest]:
    """Yield requests of at most 2,000 reports.

    The id of each follows from `base` and its first assignment, so who repeats
    the file with the same base repeats the same requests.
    """
    for start in range(0, len(reports), BATCH):
        some = reports[start : start + BATCH]
        first = some[0].assignment
        name = f"{start}/{first.item_id}/{first.division}"
        request_id = str(uuid.uuid5(uuid.UUID(base), name))
        yield api.ReportAssignmentsRequest(
            request_id=request_id, actor=actor, reports=some
        )


async def _send(
    client: Client, request: api.ReportAssignmentsRequest, base: str = ""
) -> api.ReportAssignmentsResponse:
    method = client.assignments.ReportAssignments
    return await options.write(client, method, request, again=base)


def _answer(session: Session, response: api.ReportAssignmentsResponse) -> None:
    if session.choices.as_json:
        session.write_json(response)
        return
    session.write(
        f"Reported {response.reported_count}, of these {response.late_count} late.",
        f"已反馈 {response.reported_count} 件，其中逾期 {response.late_count} 件。",
    )
