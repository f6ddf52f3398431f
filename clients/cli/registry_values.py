"""`ducha registry values|versions|conflicts`: what is held, and where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from clients.cli import options, parse, render
from clients.cli.command import command
from clients.cli.registry import Period, app
from clients.cli.registry_words import codes, labels, rows, shown, word
from clients.cli.session import Json, Session, as_json
from ducha.registry.v1 import registry_pb2 as pb
from ducha.registry.v1 import registry_service_pb2 as api

Within = Annotated[str, typer.Option(help="Only within this. 范围")]
AsOf = Annotated[
    str, typer.Option(help="As recorded by then: 2026-11-20T18:00. 截至时刻")
]


class ConflictStateName(StrEnum):
    """Where a conflict stands."""

    OPEN = "open"
    STANDING_KEPT = "standing-kept"
    RIVAL_TAKEN = "rival-taken"


@command(
    app,
    "values",
    example="ducha registry values --period 2026-11 --within 5301 --elements fire.patrols",
)
async def list_values(
    session: Session,
    period: Period,
    *,
    within: Within = "",
    elements: Annotated[
        str, typer.Option(help="Only these, a,b; all by default. 数据元")
    ] = "",
    as_of: AsOf = "",
    limit: options.Limit = 200,
    at: options.At = "",
) -> None:
    """List values of a period, each with who gave it and when. 数据值及来源."""
    client = await session.at(at)
    request = api.ListObservationsRequest(
        elements=codes(elements) if elements else (),
        within=within,
        period=period,
        page_size=min(limit, 1000),
    )
    if as_of:
        now = datetime.now().astimezone()
        request.as_of_time.CopyFrom(parse.moment(as_of, now))
    method = client.registry.ListObservations
    found = await rows(client, method, request, lambda page: page.observations, limit)
    if session.choices.as_json:
        listed: list[Json] = [as_json(one) for one in found]
        session.write_json({"observations": listed})
        return
    _print(session, found)


@command(
    app,
    "versions",
    example="ducha registry versions population.total 530102001 2026-11",
)
async def list_versions(
    session: Session,
    element: Annotated[str, typer.Argument(help="Code of the element. 数据元")],
    division: Annotated[str, typer.Argument(help="Whose value. 区划代码")],
    period: Annotated[str, typer.Argument(help="Period. 周期")],
    *,
    at: options.At = "",
) -> None:
    """Show every version of one value, newest first, and why it changed. 数据值的历次版本."""
    client = await session.at(at)
    request = api.ListVersionsRequest(element=element, division=division, period=period)
    response = await client.call(client.registry.ListVersions, request)
    if session.choices.as_json:
        session.write_json(response)
        return
    _print(session, response.versions)
    if not response.versions:
        session.write("It was never given.", "该数据从未填报。")


def _print(session: Session, found: Sequence[pb.Observation]) -> None:
    say = session.say
    heads = [say("Division", "区划"), say("Element", "数据元"), say("Value", "数据值")]
    heads += [say("Revision", "版次"), say("Observed", "观测"), say("Recorded", "登记")]
    heads += [say("By", "填报人"), say("Of", "单位"), say("Labels", "标记")]
    heads += [say("Reason", "更正理由")]
    table = [
        (
            one.division,
            one.value.element,
            shown(session, one.value),
            one.revision,
            render.when(one.observe_time),
            render.when(one.record_time),
            one.author,
            one.author_division,
            labels(session, one),
            one.reason,
        )
        for one in found
    ]
    session.out.print(render.table(heads, table))


@command(app, "conflicts", example="ducha registry conflicts --state open")
async def list_conflicts(
    session: Session,
    *,
    within: Within = "",
    state: Annotated[
        ConflictStateName | None, typer.Option(help="Only in this state. 状态")
    ] = None,
    limit: options.Limit = 50,
    at: options.At = "",
) -> None:
    """List values that two people changed without knowing of each other. 数据冲突."""
    client = await session.at(at)
    request = api.ListConflictsRequest(within=within, page_size=min(limit, 500))
    if state:
        request.state = pb.ConflictState.Value(f"CONFLICT_STATE_{state.name}")
    method = client.registry.ListConflicts
    found = await rows(client, method, request, lambda page: page.conflicts, limit)
    if session.choices.as_json:
        listed: list[Json] = [as_json(one) for one in found]
        session.write_json({"conflicts": listed})
        return
    say = session.say
    heads = [say("Conflict", "冲突"), say("Division", "区划"), say("Period", "周期")]
    heads += [say("Element", "数据元"), say("Stands", "现值"), say("Rival", "另值")]
    heads += [say("Decided by default", "默认裁定"), say("State", "状态")]
    table = [
        (
            one.conflict_id,
            one.division,
            one.period,
            one.standing.value.element,
            f"{shown(session, one.standing.value)} ({one.standing.author})",
            f"{shown(session, one.rival.value)} ({one.rival.author})",
            render.when(one.due_time),
            word(session, pb.ConflictState.Name(one.state)),
        )
        for one in found
    ]
    session.out.print(render.table(heads, table))
    if not found:
        session.write("There is no conflict.", "没有数据冲突。")
