"""`ducha access decisions`: who was let in to what, and who was not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from clients.cli import options, parse, render
from clients.cli.command import command
from clients.cli.session import Session, as_json
from clients.cli.words import Language
from clients.runtime import Client
from ducha.access.v1 import access_pb2 as pb
from ducha.access.v1 import access_service_pb2 as api

app = typer.Typer(
    no_args_is_help=True, help="Who was let in to what. 准入记录与权限判定"
)

PAGE = 500
EITHER, DENIED = pb.Decision.OUTCOME_UNSPECIFIED, pb.Decision.OUTCOME_DENIED
RELATIONS = {
    "self": "本级",
    "ancestor": "上级",
    "descendant": "下级",
    "sibling": "同级",
    "cousin": "旁系",
    "other_province": "外省",
}

Who = Annotated[str, typer.Option("--of", help="Only of this person or node. 调用方")]
What = Annotated[
    str, typer.Option("--rpc", help="Only this call, SERVICE/METHOD. 调用名")
]
Where = Annotated[
    str, typer.Option(help="Only about divisions within this one. 涉及区划")
]
Denied = Annotated[bool, typer.Option("--denied", help="Only what was refused. 仅拒绝")]
Since = Annotated[
    str, typer.Option(help="From then on, as -2h or 2026-11-01T08:00. 起始时间")
]


@command(app, "decisions", example="ducha access decisions --denied --at county")
async def decisions(
    session: Session,
    *,
    at: options.At = "",
    of: Who = "",
    rpc: What = "",
    within: Where = "",
    denied: Denied = False,
    since: Since = "",
    limit: options.Limit = 100,
) -> None:
    """Show a node's decisions, newest first; equal ones of a moment are one line. 准入记录."""
    request = api.ListDecisionsRequest(
        principal=of,
        rpc=rpc,
        within=within,
        outcome=DENIED if denied else EITHER,
        page_size=min(limit, PAGE),
    )
    if since:
        request.from_time.CopyFrom(parse.moment(since, datetime.now(UTC)))
    found = await _found(await session.at(at), request, limit)
    if session.choices.as_json:
        session.write_json({"decisions": [as_json(one) for one in found]})
        return
    say = session.say
    heads = [say("When", "时间"), say("Who", "调用方"), say("Division", "区划")]
    heads += [say("Roles", "角色"), say("Call", "调用"), say("About", "涉及区划")]
    heads += [say("Stands", "层级关系"), say("Outcome", "结果"), say("Times", "次数")]
    session.out.print(render.table(heads, [_row(session, one) for one in found]))


async def _found(
    client: Client, request: api.ListDecisionsRequest, limit: int
) -> list[pb.Decision]:
    """Return decisions, page by page, up to a number."""
    found: list[pb.Decision] = []
    while len(found) < limit:
        page = await client.call(client.access.ListDecisions, request)
        found += page.decisions
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    return found[:limit]


def _row(session: Session, one: pb.Decision) -> tuple[object, ...]:
    relation = one.relation.replace("_", " ")
    if session.choices.lang is Language.ZH:
        relation = RELATIONS.get(one.relation, "")
    outcome = session.say("allowed", "允许")
    if one.outcome == DENIED:
        outcome = f"{session.say('DENIED', '拒绝')} {one.reason}"
    return (
        render.when(one.decide_time),
        one.principal or session.say("(not recognised)", "（未识别）"),
        one.division,
        ", ".join(one.roles),
        one.rpc.rpartition(".")[2],
        one.concerned_division,
        relation,
        outcome,
        int(one.count),
    )
