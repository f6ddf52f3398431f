"""`ducha urge`, `ducha digest list|urges`: who is late is urged, and sees it once a day."""

from __future__ import annotations

from typing import Annotated

import typer

from clients.cli import notice_words, options, render
from clients.cli.command import command
from clients.cli.moves import issuer_of
from clients.cli.registry_words import rows
from clients.cli.session import Json, Session, as_json
from ducha.assignment.v1 import assignment_pb2
from ducha.urging.v1 import urging_pb2 as pb
from ducha.urging.v1 import urging_service_pb2 as api

app = typer.Typer(no_args_is_help=True, help="Digests of urges. 催办摘要")

PAGE = 2000

Executors = Annotated[
    list[str] | None,
    typer.Option(
        "--division", help="Whom; all who did not report by default; repeat. 被催办区划"
    ),
]
Within = Annotated[str, typer.Option(help="Only within this. 范围")]


async def urge(
    session: Session,
    item: options.Item,
    *,
    division: Executors = None,
    message: Annotated[str, typer.Option(help="What you say to them. 催办内容")] = "",
    acting: options.Acting = "",
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Urge who did not report. 催办.

    Who assigned may, and the item's issuer. Each of them is alerted once a day, however
    many urge; what is overdue, each time.
    """
    by = await issuer_of(session, item, acting)
    request = api.UrgeAssignmentsRequest(
        request_id=options.new_request_id(request_id),
        division=by,
        actor=actor,
        item_id=item,
        divisions=division or (),
        message=message,
    )
    client = await session.at(by)
    response = await options.write(client, client.urging.UrgeAssignments, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    count = response.urged_count
    session.write(f"Urged {count}.", f"已催办 {count} 件。")


@command(app, "list", example="ducha digest list --within 530102001")
async def list_digests(
    session: Session,
    *,
    within: Within = "",
    from_day: Annotated[str, typer.Option(help="2026-11-23 or later. 起始日期")] = "",
    to_day: Annotated[str, typer.Option(help="Up to 2026-11-30. 截止日期")] = "",
    limit: options.Limit = 100,
    at: options.At = "",
) -> None:
    """List what units were urged about, day by day. 催办摘要."""
    request = api.ListDigestsRequest(
        within=within, from_day=from_day, to_day=to_day, page_size=min(limit, PAGE)
    )
    client = await session.at(at or within)
    found = await rows(
        client, client.urging.ListDigests, request, lambda page: page.lines, limit
    )
    if session.choices.as_json:
        listed: list[Json] = [as_json(one) for one in found]
        session.write_json({"lines": listed})
        return
    say = session.say
    heads = [say("Day", "日期"), say("Division", "区划"), say("Light", "灯")]
    heads += [say("Item", "事项"), say("Title", "标题"), say("State", "状态")]
    heads += [say("Times", "次数"), say("By", "催办单位"), say("Last", "最近催办")]
    heads += [say("Report by", "反馈时限"), say("Message", "催办内容")]
    session.out.print(render.table(heads, [_line(session, one) for one in found]))
    if not found:
        session.write("Nobody was urged.", "没有催办。")


def _line(session: Session, one: pb.DigestLine) -> tuple[object, ...]:
    lang = session.choices.lang
    return (
        one.day,
        one.division,
        notice_words.light(one.light, lang),
        one.item_id,
        one.title,
        session.label(assignment_pb2.AssignmentState.Name(one.state)),
        one.urge_count,
        ", ".join(one.by_divisions),
        notice_words.when(one.last_urge_time),
        notice_words.when(one.deadline_time),
        one.message,
    )


@command(app, "urges", example="ducha digest urges 0198c0de-…")
async def list_urges(
    session: Session,
    item: Annotated[str, typer.Argument(help="Only of this item. 事项编号")] = "",
    *,
    within: Within = "",
    limit: options.Limit = 100,
    at: options.At = "",
) -> None:
    """List every single urge, newest first. 催办记录."""
    request = api.ListUrgesRequest(
        item_id=item, within=within, page_size=min(limit, PAGE)
    )
    client = await session.at(at or within)
    found = await rows(
        client, client.urging.ListUrges, request, lambda page: page.urges, limit
    )
    if session.choices.as_json:
        listed: list[Json] = [as_json(one) for one in found]
        session.write_json({"urges": listed})
        return
    say = session.say
    heads = [say("When", "时间"), say("Division", "区划"), say("By", "催办单位")]
    heads += [say("Who", "操作人"), say("Message", "催办内容"), say("Item", "事项")]
    table = [
        (
            notice_words.when(one.urge_time),
            one.division,
            one.by_division,
            say("by rule", "按规则") if one.by_rule else one.actor,
            one.message,
            one.item_id,
        )
        for one in found
    ]
    session.out.print(render.table(heads, table))
