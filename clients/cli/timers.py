"""`ducha timer list`, `ducha escalation list`: what nodes do by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from clients.cli import options, parse, render
from clients.cli.command import command
from clients.cli.registry_words import rows
from clients.cli.session import Json, Session, as_json
from clients.cli.timeline import when
from ducha.timing.v1 import timing_pb2 as pb
from ducha.timing.v1 import timing_service_pb2 as api

timers = typer.Typer(no_args_is_help=True, help="Timers of assignments. 定时")
escalations = typer.Typer(no_args_is_help=True, help="Escalations. 升级督办")

PAGE = 500
STEPS: Mapping[int, tuple[str, str]] = {
    pb.STEP_RECEIPT_NEAR: ("receipt is due soon", "签收临期提醒"),
    pb.STEP_RECEIPT_OVERDUE: ("receipt is overdue", "签收逾期提醒"),
    pb.STEP_DEADLINE_NEAR: ("the report is due soon", "临期提醒"),
    pb.STEP_OVERDUE: ("the report is overdue", "逾期提醒"),
    pb.STEP_URGE: ("urged by rule", "逾期自动催办"),
    pb.STEP_ESCALATION: ("escalation, step {}", "升级督办第 {} 级"),
}

OfItem = Annotated[str, typer.Option("--item", help="Only this item. 只看该事项")]
InArea = Annotated[str, typer.Option(help="Only executors within this. 限定区划")]


@command(timers, "list", example="ducha timer list --within 530102")
async def list_timers(
    session: Session,
    *,
    item: OfItem = "",
    within: InArea = "",
    limit: options.Limit = 200,
    at: options.At = "",
) -> None:
    """List the next step of every clock that runs, by deadline. 查看定时.

    Moments are Beijing time; * rests on a year without an official calendar.
    """
    client = await session.at(at or within)
    request = api.ListTimersRequest(
        item_id=item, within=within, page_size=min(limit, PAGE)
    )
    found = await rows(
        client, client.timing.ListTimers, request, lambda page: page.timers, limit
    )
    if session.choices.as_json:
        shown: list[Json] = [as_json(one) for one in found]
        session.write_json({"timers": shown})
        return
    say = session.say
    heads = [say("Due", "触发时间"), say("Step", "节点"), say("Open", "涉及单位数")]
    heads += [say("Assigned by", "交办单位"), say("Deadline", "办理时限")]
    heads += [say("Item", "事项"), say("Title", "标题")]
    table = [
        (
            when(one.due_time) + (" *" if one.provisional else ""),
            step_in_words(session, one.step, one.rung),
            one.open_count,
            one.assigner_division,
            when(one.deadline_time),
            one.item_id,
            one.title,
        )
        for one in found
    ]
    session.out.print(render.table(heads, table))


@command(escalations, "list", example="ducha escalation list --within 5301 --since -7d")
async def list_escalations(
    session: Session,
    *,
    item: OfItem = "",
    within: InArea = "",
    since: Annotated[
        str, typer.Option(help="-7d or ISO: only since then. 起始时间")
    ] = "",
    limit: options.Limit = 200,
    at: options.At = "",
) -> None:
    """List escalations, newest first. 查看升级督办.

    Overtaken: the report had been made, and was on its way. Moments are Beijing time.
    """
    client = await session.at(at or within)
    request = api.ListEscalationsRequest(
        item_id=item, within=within, page_size=min(limit, PAGE)
    )
    if since:
        now = datetime.now().astimezone()
        request.since_time.CopyFrom(parse.moment(since, now))
    found = await rows(
        client,
        client.timing.ListEscalations,
        request,
        lambda page: page.escalations,
        limit,
    )
    if session.choices.as_json:
        shown: list[Json] = [as_json(one) for one in found]
        session.write_json({"escalations": shown})
        return
    session.out.print(_escalations(session, found))


def _escalations(session: Session, found: Sequence[pb.Escalation]) -> Table:
    say = session.say
    heads = [say("Taken", "升级时间"), say("Step", "级次"), say("Late", "逾期单位")]
    heads += [say("To", "升级至"), say("Was due", "应升级时间")]
    heads += [say("Overtaken", "已反馈在途"), say("Item", "事项"), say("Title", "标题")]
    table = [
        (
            when(one.raise_time),
            one.rung,
            one.division,
            one.notified_division,
            when(one.due_time),
            say("yes", "是") if one.overtaken else "",
            one.item_id,
            one.title,
        )
        for one in found
    ]
    return render.table(heads, table)


def step_in_words(session: Session, step: int, rung: int) -> str:
    """Return the user's word for a step; its number, if it is newer than we."""
    return session.say(*STEPS.get(step, (str(step), str(step)))).format(rung)
