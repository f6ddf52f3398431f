"""`ducha notice list|count|read|watch`: what a unit was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated
from uuid import UUID, uuid5

import typer
from rich.markup import escape
from rich.text import Text

from clients.cli import notice_words, options, render
from clients.cli.command import command
from clients.cli.registry_words import rows
from clients.cli.session import Json, Session, as_json
from clients.cli.words import UsageProblem
from clients.runtime import Client
from clients.runtime.watching import watch
from ducha.inbox.v1 import inbox_pb2 as pb
from ducha.inbox.v1 import inbox_service_pb2 as api

app = typer.Typer(no_args_is_help=True, help="What a unit is told. 收件箱提示")

PAGE = 2000

Division = Annotated[str, typer.Argument(help="Whose inbox. 区划代码")]
Below = Annotated[
    bool,
    typer.Option("--below", help="Villages and grids below, too. 含所辖村和网格"),
]
Notices = Annotated[
    list[str] | None, typer.Argument(metavar="[NOTICE]...", help="Ids. 提示编号")
]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", help="Only this, such as verdict; repeat. 类型"),
]


@command(app, "list", example="ducha notice list 530102001 --unread")
async def list_notices(
    session: Session,
    division: Division,
    *,
    unread: Annotated[bool, typer.Option("--unread", help="只看未读")] = False,
    kind: Kinds = None,
    item: Annotated[str, typer.Option(help="Only about this item. 督查事项")] = "",
    below: Below = False,
    limit: options.Limit = 50,
) -> None:
    """List what a unit was told, newest first. 提示列表."""
    request = api.ListNoticesRequest(
        division=division,
        include_below=below,
        unread_only=unread,
        kinds=[_kind(one) for one in kind or ()],
        item_id=item,
        page_size=min(limit, PAGE),
    )
    client = await session.at(division)
    found = await rows(
        client, client.inbox.ListNotices, request, lambda page: page.notices, limit
    )
    if session.choices.as_json:
        listed: list[Json] = [as_json(one) for one in found]
        session.write_json({"notices": listed})
        return
    say = session.say
    heads = ["", say("Told", "时间"), say("Light", "灯"), say("What", "内容")]
    heads += [say("Division", "区划"), say("Item", "督查事项"), say("Notice", "提示")]
    session.out.print(render.table(heads, [_row(session, one) for one in found]))
    if any(not one.HasField("read_time") for one in found):
        session.write(
            f"Next: ducha notice read {division} --all",
            f"下一步：ducha notice read {division} --all",
        )


def _kind(text: str) -> pb.NoticeKind.ValueType:
    """Read the name of a kind.

    Raises:
        UsageProblem: there is none.
    """
    name = text.upper().replace("-", "_")
    if name not in notice_words.KINDS:
        known = [one.lower().replace("_", "-") for one in notice_words.KINDS]
        raise UsageProblem(
            f"{text!r} is no kind of notice. Write one of: {', '.join(known)}.",
            f"{text!r} 不是提示类型。可用：{'、'.join(known)}。",
        )
    return pb.NoticeKind.Value(notice_words.PREFIX + name)


def _row(session: Session, one: pb.Notice) -> tuple[str, ...]:
    lang = session.choices.lang
    return (
        "" if one.HasField("read_time") else "●",
        notice_words.when(one.happen_time),
        notice_words.light(one.light, lang),
        notice_words.sentence(one, lang),
        one.division_name or one.division,
        one.details.get("title") or one.item_id,
        one.notice_id,
    )


@command(app, "count", example="ducha notice count 530102001")
async def count(session: Session, division: Division, *, below: Below = False) -> None:
    """Count what is unread, by kind and light. 未读数."""
    client = await session.at(division)
    request = api.CountNoticesRequest(division=division, include_below=below)
    response = await client.call(client.inbox.CountNotices, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    say, lang = session.say, session.choices.lang
    table = [
        (
            notice_words.sentence(pb.Notice(kind=one.kind), lang),
            notice_words.light(one.light, lang),
            one.unread_count,
        )
        for one in response.counts
    ]
    heads = [say("What", "内容"), say("Light", "灯"), say("Unread", "未读")]
    session.out.print(render.table(heads, table))
    session.write(
        f"{response.unread_count} unread.", f"未读 {response.unread_count} 条。"
    )


@command(app, "read", example="ducha notice read 530102001 --all")
async def read(
    session: Session,
    division: Division,
    notices: Notices = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="All that is unread, those below too. 全部")
    ] = False,
    actor: options.Actor = options.ACTOR,
    request_id: options.RequestId = "",
) -> None:
    """Note that notices were read. 标为已读."""
    if bool(notices) == everything:
        raise UsageProblem(
            "Name the notices that were read, or say --all.",
            "请写明已读提示的编号，或使用 --all。",
        )
    client = await session.at(division)
    named = notices or await _unread(client, division)
    first = options.new_request_id(request_id)
    done = api.AcknowledgeNoticesResponse()
    for place in range(0, len(named), PAGE):
        request = api.AcknowledgeNoticesRequest(
            request_id=_request_id(first, place),
            division=division,
            actor=actor,
            notice_ids=named[place : place + PAGE],
        )
        response = await options.write(
            client, client.inbox.AcknowledgeNotices, request, again=first
        )
        done.read_count += response.read_count
        done.unchanged_count += response.unchanged_count
    if session.choices.as_json:
        session.write_json(done)
        return
    new, before = done.read_count, done.unchanged_count
    session.write(
        f"Read {new}; {before} were read before.",
        f"已读 {new} 条；{before} 条此前已读。",
    )


async def _unread(client: Client, division: str) -> list[str]:
    """Return the ids of all that is unread."""
    request = api.ListNoticesRequest(
        division=division, include_below=True, unread_only=True, page_size=PAGE
    )
    found: Sequence[pb.Notice] = await rows(
        client, client.inbox.ListNotices, request, lambda page: page.notices, 100_000
    )
    return [one.notice_id for one in found]


def _request_id(first: str, place: int) -> str:
    """Return the id of a batch: of the whole for the first, made from it for the others."""
    return first if place == 0 else str(uuid5(UUID(first), str(place)))


@command(app, "watch", example="ducha notice watch 530102001")
async def watch_notices(
    session: Session,
    division: Division,
    *,
    below: Below = False,
    resume: Annotated[str, typer.Option(help="Token to go on from. 续看令牌")] = "",
) -> None:
    """Watch an inbox: each notice as it comes, until Ctrl-C. 实时查看提示.

    With --json, one object a line. Ctrl-C prints the token to go on from.
    """
    client = await session.at(division)
    request = api.WatchNoticesRequest(
        division=division, include_below=below, resume_token=resume
    )
    try:
        responses = watch(client.inbox.WatchNotices, request, address=client.address)
        await _tell(session, responses)
    except asyncio.CancelledError:
        # Ctrl-C is the ordinary way to stop looking, so it is no failure.
        again = f"ducha notice watch {division} --resume {request.resume_token}"
        session.write(f"Stopped. Go on with: {again}", f"已停止。继续查看：{again}")


async def _tell(
    session: Session, responses: AsyncGenerator[api.WatchNoticesResponse]
) -> None:
    """Print what comes."""
    async with aclosing(responses):
        async for response in responses:
            if session.choices.as_json:
                session.write_json(response)
                continue
            for one in response.notices:
                session.out.print(_line(session, one), soft_wrap=True)


def _line(session: Session, one: pb.Notice) -> Text:
    lang = session.choices.lang
    text = Text(f"{notice_words.when(one.happen_time)}  ")
    if shown := notice_words.light(one.light, lang):
        text.append(f"{shown} ", style=notice_words.colour(one.light))
    text.append(notice_words.sentence(one, lang))
    text.append(f"  {escape(one.division)} {one.item_id}", style="dim")
    return text
