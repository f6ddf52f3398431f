"""`ducha collection tasks|answer|export|import|resolve`: giving values where they are known."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.timestamp_pb2 import Timestamp

from clients.cli import options, parse, render
from clients.cli.command import command
from clients.cli.registry import Period
from clients.cli.registry_words import codes, rows, shown, word
from clients.cli.session import Json, Session, as_json
from clients.cli.words import UsageProblem
from clients.runtime import Client
from ducha.collection.v1 import collection_pb2 as pb
from ducha.collection.v1 import collection_service_pb2 as api
from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as registry_api

app = typer.Typer(no_args_is_help=True, help="Collection tasks and answers. 数据填报")

CONFLICTS = 500
EVERY = 1_000_000
BATCH = 2000
"""Answers that one request may carry."""

LARGEST = 4 * 1024 * 1024
"""Bytes of a workbook that one request may carry."""

TOWNSHIP = "township"
TOWNSHIP_DIGITS = 9

Within = Annotated[
    str, typer.Option(help="Only this township, village or grid. 填报区划")
]
Reason = Annotated[str, typer.Option(help="Why held values are corrected. 更正理由")]
Values = Annotated[list[str] | None, typer.Option(help="ELEMENT=VALUE; repeat. 数据值")]
Unchanged = Annotated[str, typer.Option(help="These are unchanged: a,b. 确认无变化")]
AllUnchanged = Annotated[
    bool,
    typer.Option(
        "--all-unchanged", help="All that is filled in is unchanged. 全部无变化"
    ),
]
BaseRevision = Annotated[
    int, typer.Option(min=-1, help="Revision you saw; -1: what stands. 所见版次")
]
AnswerFile = Annotated[
    Path | None,
    typer.Option(
        exists=True, dir_okay=False, help='JSON: {"answers": [...]}. 批量文件'
    ),
]
Observed = Annotated[
    str, typer.Option(help="When it was seen; now by default. 观测时间")
]


async def _desk(session: Session, division: str) -> Client:
    """Return a client of the township node that a division acts at, or the first one."""
    place = division if len(division) >= TOWNSHIP_DIGITS else TOWNSHIP
    return await session.at(place)


async def _judge(session: Session, conflict: str, division: str) -> Client:
    """Return a client that speaks for the division of a conflict: who decides it.

    The request names no division. Whoever brings a token of their own speaks for it; for
    whom tokens are made here, the division is looked up.
    """
    client = await _desk(session, division)
    if not session.speaks_for_anybody:
        return client
    request = registry_api.ListConflictsRequest(page_size=CONFLICTS)
    method = client.registry.ListConflicts
    found = await rows(client, method, request, lambda page: page.conflicts, EVERY)
    divisions = [one.division for one in found if one.conflict_id == conflict]
    return await session.acting(divisions[0]) if divisions else client


@command(app, "tasks", example="ducha collection tasks 530102001")
async def tasks(
    session: Session,
    within: Annotated[str, typer.Argument(help="Only within this. 填报区划")] = "",
    *,
    period: Annotated[str, typer.Option(help="Only this period. 周期")] = "",
    limit: options.Limit = 50,
) -> None:
    """List what is asked, the one due first coming first. 采集任务."""
    client = await _desk(session, within)
    request = api.ListTasksRequest(
        within=within, period=period, page_size=min(limit, BATCH)
    )
    method = client.collection.ListTasks
    found = await rows(client, method, request, lambda page: page.tasks, limit)
    if session.choices.as_json:
        listed: list[Json] = [as_json(one) for one in found]
        session.write_json({"tasks": listed})
        return
    _print_tasks(session, found)


def _print_tasks(session: Session, found: Sequence[pb.Task]) -> None:
    say = session.say
    heads = [say("Division", "区划"), say("Period", "周期"), say("Due", "时限")]
    heads += [say("Element", "数据元"), say("Name", "名称"), say("Unit", "单位")]
    heads += [say("To do", "办理"), say("Filled in", "预填"), say("For", "申请单位")]
    table = [
        (
            task.division,
            task.period,
            render.when(task.deadline_time),
            field.element,
            say(field.name_en, field.name_zh),
            field.unit,
            word(session, pb.Field.Ask.Name(field.ask)),
            _prefilled(session, field),
            say("; ", "；").join(task.requesters),
        )
        for task in found
        for field in task.fields
    ]
    session.out.print(render.table(heads, table))
    if not found:
        session.write("Nothing is asked here.", "没有采集任务。")


def _prefilled(session: Session, field: pb.Field) -> str:
    """Return the filled-in value and where it comes from."""
    if not field.HasField("prefilled"):
        return ""
    return f"{shown(session, field.prefilled)} ({field.prefilled_period})"


@command(
    app,
    "answer",
    example="ducha collection answer 530102001 2026-11 --value fire.patrols=12"
    " --unchanged population.total",
)
async def answer(
    session: Session,
    division: Annotated[str, typer.Argument(help="Whose values. 区划代码")] = "",
    period: Annotated[str, typer.Argument(help="Period. 周期")] = "",
    *,
    value: Values = None,
    unchanged: Unchanged = "",
    all_unchanged: AllUnchanged = False,
    observed: Observed = "",
    reason: Reason = "",
    base_revision: BaseRevision = -1,
    file: AnswerFile = None,
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Give values, or confirm that they are unchanged. 填报.

    With --file, all answers of a JSON file in the form of SubmitAnswersRequest.
    """
    if file is not None:
        if division or value or unchanged or all_unchanged:
            raise UsageProblem(
                "--file carries the whole answers. Leave out DIVISION and the values.",
                "--file 已包含全部填报内容。请不要再写区划和数据值。",
            )
        await _answer_file(session, file, actor, request_id)
        return
    if not division or not period:
        raise UsageProblem(
            "Whose values, and for when, is missing. Give DIVISION and PERIOD, or --file.",
            "缺少区划或周期。请写 DIVISION 和 PERIOD，或用 --file。",
        )
    one = pb.Answer(
        division=division,
        period=period,
        values=[registry_value(text) for text in value or ()],
        unchanged=codes(unchanged) if unchanged else (),
        all_unchanged=all_unchanged,
        reason=reason,
        device="ducha",
    )
    if base_revision >= 0:
        one.base_revision = base_revision
    if observed:
        one.observe_time.CopyFrom(_moment(observed))
    request = api.SubmitAnswersRequest(
        request_id=options.new_request_id(request_id), actor=actor, answers=[one]
    )
    _tell(session, await _send(await _desk(session, division), request), [one])


def registry_value(text: str) -> registry_pb2.Value:
    """Read `element=3.5` as `ducha report` does: number, day, true or false, or words.

    Raises:
        UsageProblem: there is no `=`.
    """
    read = parse.reported_value(text)
    kind = read.WhichOneof("value")
    found = registry_pb2.Value(element=read.element)
    if kind is not None:
        setattr(found, kind, getattr(read, kind))
    return found


def _moment(text: str) -> Timestamp:
    return parse.moment(text, datetime.now().astimezone())


async def _answer_file(
    session: Session, file: Path, actor: str, request_id: str
) -> None:
    try:
        whole = ParseDict(parse.json_file(file), api.SubmitAnswersRequest())
    except ParseError as wrong:
        raise UsageProblem(
            f"{file} holds no answers: {wrong}. See proto/ducha/collection/v1.",
            f"{file} 中没有有效的填报：{wrong}。参见 proto/ducha/collection/v1。",
        ) from wrong
    base = options.new_request_id(request_id or whole.request_id)
    total = api.SubmitAnswersResponse()
    by_node: dict[str, tuple[Client, list[pb.Answer]]] = {}
    for one in whole.answers:
        client = await _desk(session, one.division)
        by_node.setdefault(client.address, (client, []))[1].append(one)
    sent: list[pb.Answer] = []
    for client, answers in by_node.values():
        for request in batches(answers, whole.actor or actor, base):
            response = await _send(client, request, base)
            for remark in response.remarks:
                remark.index += len(sent)
            total.recorded_count += response.recorded_count
            total.unchanged_count += response.unchanged_count
            total.remarks.extend(response.remarks)
            sent += request.answers
    _tell(session, total, sent)


def batches(
    answers: Sequence[pb.Answer], actor: str, base: str
) -> Iterator[api.SubmitAnswersRequest]:
    """Yield requests of at most 2,000 answers.

    The id of each follows from `base` and its first answer, so who repeats the file with
    the same base repeats the same requests.
    """
    for start in range(0, len(answers), BATCH):
        some = answers[start : start + BATCH]
        name = f"{start}/{some[0].division}/{some[0].period}"
        request_id = str(uuid.uuid5(uuid.UUID(base), name))
        yield api.SubmitAnswersRequest(request_id=request_id, actor=actor, answers=some)


async def _send(
    client: Client, request: api.SubmitAnswersRequest, base: str = ""
) -> api.SubmitAnswersResponse:
    method = client.collection.SubmitAnswers
    return await options.write(client, method, request, again=base)


def _tell(
    session: Session,
    response: api.SubmitAnswersResponse,
    answers: Sequence[pb.Answer] = (),
) -> None:
    """Say what was recorded, and what is worth another look."""
    if session.choices.as_json:
        session.write_json(response)
        return
    new, same = response.recorded_count, response.unchanged_count
    session.write(
        f"Recorded {new} values; {same} were held already, the same.",
        f"已登记 {new} 个数据；{same} 个与已有数据相同。",
    )
    say = session.say
    for remark in response.remarks:
        place = str(remark.index + 1)
        if remark.index < len(answers):
            place = answers[remark.index].division
        for name, found in (
            (say("late", "逾期"), remark.late),
            (say("out of the ordinary, look again", "异常，请复核"), remark.outliers),
            (say("conflicts to decide", "待裁定冲突"), remark.conflict_ids),
        ):
            if found:
                session.write(
                    f"  {place}: {name}: {', '.join(found)}",
                    f"  {place}：{name}：{'、'.join(found)}",
                )


@command(
    app,
    "export",
    example="ducha collection export tasks.xlsx --period 2026-11 --within 530102001",
)
async def export(
    session: Session,
    file: Annotated[Path, typer.Argument(dir_okay=False, help="File to write, .xlsx")],
    *,
    period: Period,
    within: Within = "",
) -> None:
    """Write open tasks as an Excel workbook, filled in as far as known. 导出任务工作簿."""
    client = await _desk(session, within)
    request = api.ExportTasksRequest(within=within, period=period)
    response = await client.call(client.collection.ExportTasks, request)
    file.write_bytes(response.workbook)
    count = response.task_count
    if session.choices.as_json:
        session.write_json({"file": str(file), "task_count": count})
        return
    session.write(
        f"Wrote {count} tasks to {file}. Fill them in, then: ducha collection import {file}",
        f"已将 {count} 个任务写入 {file}。填好后运行：ducha collection import {file}",
    )


@command(app, "import", example="ducha collection import tasks.xlsx")
async def import_answers(
    session: Session,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="Workbook, .xlsx")
    ],
    *,
    at: Annotated[
        str, typer.Option(help="Township whose node takes it. 填报节点")
    ] = "",
    observed: Observed = "",
    reason: Reason = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Record what a workbook of `export` was filled in with; all rows or none. 导入工作簿."""
    if not 0 < file.stat().st_size <= LARGEST:
        raise UsageProblem(
            f"{file} is empty, or larger than 4 MiB. Export fewer tasks at a time.",
            f"{file} 为空或超过 4 MiB。请分批导出任务。",
        )
    client = await _desk(session, at)
    request = api.ImportAnswersRequest(
        request_id=options.new_request_id(request_id),
        actor=actor,
        workbook=file.read_bytes(),
        reason=reason,
    )
    if observed:
        request.observe_time.CopyFrom(_moment(observed))
    method = client.collection.ImportAnswers
    response = await options.write(client, method, request)
    _tell(session, response.result)


@command(
    app,
    "resolve",
    example="ducha collection resolve 0198c0de-… --take-rival --reason 现场核实",
)
async def resolve(
    session: Session,
    conflict: Annotated[str, typer.Argument(help="Conflict id. 冲突编号")],
    *,
    take_rival: Annotated[
        bool, typer.Option("--take-rival", help="Put the rival in force. 采用另值")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why; recorded. 理由")],
    at: Annotated[
        str, typer.Option(help="Township whose node holds it. 所在节点")
    ] = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Decide a conflict: what stands stays, or with --take-rival the other value. 裁定冲突."""
    client = await _judge(session, conflict, at)
    request = api.ResolveConflictRequest(
        request_id=options.new_request_id(request_id),
        actor=actor,
        conflict_id=conflict,
        take_rival=take_rival,
        reason=reason,
    )
    method = client.collection.ResolveConflict
    response = await options.write(client, method, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    state = registry_pb2.ConflictState.Name(response.conflict.state)
    session.write(
        f"Decided: {word(session, state)}.", f"已裁定：{word(session, state)}。"
    )
