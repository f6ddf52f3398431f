"""`ducha calendar show|terms|due|publish|publish-terms|moved`: working days and terms."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from clients.cli import calendar_files, options, parse
from clients.cli.calendar_view import print_days, print_moves, print_terms, when
from clients.cli.command import command
from clients.cli.session import Session
from clients.cli.words import UsageProblem
from clients.runtime import Client
from clients.runtime.errors import CallFailed
from ducha.assignment.v1 import assignment_pb2
from ducha.assignment.v1 import assignment_service_pb2 as assignments
from ducha.calendar.v1 import calendar_pb2 as pb
from ducha.calendar.v1 import calendar_service_pb2 as api

app = typer.Typer(
    no_args_is_help=True, help="Working days, and how long things may take. 工作日历"
)

SHOWN_MOVES = 50
POLL_SECONDS = 0.5

Check = Annotated[
    bool, typer.Option("--check", help="Only check; change nothing. 仅校验")
]


@command(app, "show", example="ducha calendar show 2027")
async def show(
    session: Session,
    year: Annotated[
        int, typer.Argument(min=0, max=2099, help="The year; this one otherwise. 年份")
    ] = 0,
    *,
    at: options.At = "",
) -> None:
    """Show the days of a year that differ from plain weeks. 查看工作日历."""
    client = await session.at(at)
    request = api.GetCalendarRequest(year=year)
    found = await client.call(client.calendar.GetCalendar, request)
    if session.choices.as_json:
        session.write_json(found)
        return
    state = (
        session.say("official", "正式")
        if found.official
        else session.say(
            "provisional: festivals are estimated, make-up days not yet known",
            "暂定：节日为推算，调休尚未公布",
        )
    )
    session.write(
        f"[bold]{found.year}[/] {state}; version {found.calendar_version}",
        f"[bold]{found.year}[/] {state}；日历第 {found.calendar_version} 版",
    )
    print_days(session, found.days)


@command(app, "terms", example="ducha calendar terms --csv > terms.csv")
async def terms(
    session: Session,
    *,
    as_csv: Annotated[
        bool,
        typer.Option("--csv", help="As `publish-terms` reads it. 输出 CSV"),
    ] = False,
    at: options.At = "",
) -> None:
    """Show how long things may take, by source and urgency. 查看时限规则."""
    client = await session.at(at)
    found = await client.call(client.calendar.ListTerms, api.ListTermsRequest())
    if as_csv:
        session.out.file.write(calendar_files.form(found.rows))
        return
    if session.choices.as_json:
        session.write_json(found)
        return
    print_terms(session, found.rows)


@command(app, "due", example="ducha calendar due --start 2027-02-01T09:00 --hours 4")
async def due(
    session: Session,
    *,
    start: Annotated[
        str, typer.Option(help="When it starts; now otherwise. 起始时间")
    ] = "",
    working_days: Annotated[
        int, typer.Option(min=0, max=250, help="So many working days. 工作日数")
    ] = 0,
    hours: Annotated[
        int, typer.Option(min=0, max=2400, help="Or so many hours. 小时数")
    ] = 0,
    at: options.At = "",
) -> None:
    """Say when a term ends, and which days it passes over. 推算到期时间."""
    if bool(working_days) is bool(hours):
        raise UsageProblem(
            "Give --working-days or --hours, one of them.",
            "请在 --working-days 与 --hours 中给出一个。",
        )
    length = {"hours": hours} if hours else {"working_days": working_days}
    request = api.ComputeDueRequest(term=pb.Term(**length))
    if start:
        now = datetime.now().astimezone()
        request.start_time.CopyFrom(parse.moment(start, now))
    client = await session.at(at)
    found = await client.call(client.calendar.ComputeDue, request)
    if session.choices.as_json:
        session.write_json(found)
        return
    session.write(
        f"Ends [bold]{when(found.due_time)}[/], Beijing time.",
        f"[bold]{when(found.due_time)}[/] 到期（北京时间）。",
    )
    if found.provisional:
        session.write(
            "Provisional: a year on the way has no official calendar yet.",
            "暂定：所经年份尚无正式日历，公布后可能变动。",
        )
    if found.passed:
        session.write("Days passed over:", "跳过的日子：")
        print_days(session, found.passed)


@command(app, "publish", example="ducha calendar publish calendar-2027.toml --check")
async def publish(
    session: Session,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help=".toml or .csv")
    ],
    *,
    official: Annotated[
        bool,
        typer.Option("--official", help="Of a CSV: its years are official. 正式日历"),
    ] = False,
    check: Check = False,
    wait: Annotated[
        float,
        typer.Option(min=0, help="Seconds to wait for what it moves. 等待秒数"),
    ] = 3,
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Say which days of a year are worked, and show what that moved. 发布工作日历."""
    request = api.PublishCalendarRequest(
        request_id=options.new_request_id(request_id),
        actor=actor,
        years=calendar_files.years(file, official=official),
        validate_only=check,
    )
    client = await session.at()
    method = client.calendar_keeping.PublishCalendar
    done = await options.write(client, method, request)
    if session.choices.as_json:
        session.write_json(done)
        return
    _tell(session, done, done.calendar_version, check=check)
    if not check and done.published_count:
        await _show_moves(session, client, done.calendar_version, wait)


@command(app, "publish-terms", example="ducha calendar publish-terms terms.csv --check")
async def publish_terms(
    session: Session,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help=".toml or .csv")
    ],
    *,
    check: Check = False,
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Change how long things may take, for what is issued from then on. 发布时限规则."""
    request = api.PublishTermsRequest(
        request_id=options.new_request_id(request_id),
        actor=actor,
        rows=calendar_files.terms(file),
        validate_only=check,
    )
    client = await session.at()
    method = client.calendar_keeping.PublishTerms
    done = await options.write(client, method, request)
    if session.choices.as_json:
        session.write_json(done)
        return
    _tell(session, done, done.terms_version, check=check)


@command(app, "moved", example="ducha calendar moved --version 3")
async def moved(
    session: Session,
    *,
    version: Annotated[
        int, typer.Option(min=0, help="By this version; by any otherwise. 日历版本")
    ] = 0,
    at: options.At = "",
) -> None:
    """Show which deadlines a calendar moved, newest first. 因日历变动的时限."""
    client = await session.at(at)
    found = await _moves(client, version)
    if session.choices.as_json:
        session.write_json(found)
        return
    print_moves(session, found)


async def _moves(client: Client, version: int) -> assignments.ListDeadlineMovesResponse:
    """Return the newest deadlines that a version of the calendar moved."""
    request = assignments.ListDeadlineMovesRequest(
        cause=assignment_pb2.CAUSE_CALENDAR,
        calendar_version=version,
        page_size=SHOWN_MOVES,
    )
    return await client.call(client.assignments.ListDeadlineMoves, request)


async def _show_moves(
    session: Session, client: Client, version: int, wait: float
) -> None:
    """Show what a publication has moved by now; who assigned counts anew, each in its time."""
    try:
        found = await _settled(client, version, wait)
    except CallFailed:  # such as: a keeper need not be allowed to see assignments
        found = assignments.ListDeadlineMovesResponse()
    if found.moves:
        session.write("Deadlines moved by it so far:", "目前已变动的时限：")
        print_moves(session, found)
    session.write(
        "Provisional deadlines are counted anew at every tier. "
        f"Later: ducha calendar moved --version {version}",
        f"各级正在重新推算暂定时限。稍后可查：ducha calendar moved --version {version}",
    )


async def _settled(
    client: Client, version: int, wait: float
) -> assignments.ListDeadlineMovesResponse:
    """Return moves once there are some and no more come, or `wait` seconds are over."""
    found = await _moves(client, version)
    for _ in range(int(wait / POLL_SECONDS)):
        await asyncio.sleep(POLL_SECONDS)
        before, found = found, await _moves(client, version)
        if found.moves and found == before:
            break
    return found


def _tell(
    session: Session,
    done: api.PublishCalendarResponse | api.PublishTermsResponse,
    version: int,
    *,
    check: bool,
) -> None:
    """Say what was published, or would be."""
    new, same = done.published_count, done.unchanged_count
    if check:
        session.write(
            f"Sound: {new} would be published as version {version}; {same} unchanged.",
            f"校验通过：将发布 {new} 项，成为第 {version} 版；{same} 项无变化。",
        )
        return
    session.write(
        f"Published {new}; {same} unchanged. Now at version {version}.",
        f"已发布 {new} 项；{same} 项无变化。现为第 {version} 版。",
    )
