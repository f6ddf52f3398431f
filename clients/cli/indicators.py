"""`ducha indicators`: an indicator, or one element aggregated, area by area."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from clients.cli import options, parse, render
from clients.cli.parse import LevelName
from clients.cli.registry import Period
from clients.cli.registry_values import AsOf
from clients.cli.registry_words import rows
from clients.cli.session import Json, Session, as_json
from ducha.catalogue.v1 import catalogue_pb2
from ducha.indicator.v1 import indicator_pb2 as pb
from ducha.indicator.v1 import indicator_service_pb2 as api

PAGE = 2000
HOUR_SECONDS = 3600


class AggregateName(StrEnum):
    """How the values of an area become one."""

    SUM = "sum"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    COUNT = "count"


AreaLevel = Annotated[LevelName, typer.Option(help="Level of the areas. 层级")]
Aggregate = Annotated[
    AggregateName | None,
    typer.Option(help="CODE is an element; aggregate it so. 数据元汇总方式"),
]
Recast = Annotated[
    bool, typer.Option("--recast", help="Under today's divisions. 按现行区划重述")
]


async def indicators(
    session: Session,
    code: Annotated[str, typer.Argument(help="Code of the indicator. 指标代码")],
    *,
    period: Period,
    level: AreaLevel = LevelName.COUNTY,
    within: Annotated[str, typer.Option(help="Only within this. 范围")] = "",
    aggregate: Aggregate = None,
    as_of: AsOf = "",
    recast: Recast = False,
    limit: options.Limit = 200,
    at: options.At = "",
) -> None:
    """Show an indicator of areas, with how complete and how old its values are. 指标值."""
    client = await session.at(at)
    request = api.ListIndicatorValuesRequest(
        within=within,
        level=level.wire,
        period=period,
        recast=recast,
        page_size=min(limit, PAGE),
    )
    if aggregate:
        request.aggregate.element = code
        request.aggregate.aggregation = catalogue_pb2.Aggregation.Value(
            f"AGGREGATION_{aggregate.name}"
        )
    else:
        request.indicator = code
    if as_of:
        now = datetime.now().astimezone()
        request.as_of_time.CopyFrom(parse.moment(as_of, now))
    last = api.ListIndicatorValuesResponse()

    def read(page: api.ListIndicatorValuesResponse) -> Sequence[pb.IndicatorValue]:
        last.CopyFrom(page)
        return page.values

    method = client.indicators.ListIndicatorValues
    found = await rows(client, method, request, read, limit)
    if session.choices.as_json:
        listed: list[Json] = [as_json(one) for one in found]
        session.write_json({"values": listed})
        return
    _print(session, found)
    _print_trust(session, last)


def _print_trust(session: Session, page: api.ListIndicatorValuesResponse) -> None:
    """Print the moment the values speak of, and who is out of contact."""
    session.out.print(
        session.say("As of ", "截至 ") + (render.when(page.as_of_time) or "?"),
        style="dim",
    )
    for silent in page.out_of_contact:
        session.write(
            f"[yellow]Out of contact: {silent.node}. Values below it may be old.[/]",
            f"[yellow]失联：{silent.node}。其下级数据可能不是最新。[/]",
        )


def _print(session: Session, found: Sequence[pb.IndicatorValue]) -> None:
    say = session.say
    heads = [say("Division", "区划"), say("Value", "指标值")]
    heads += [say("Complete", "完整率"), say("On time", "按期率")]
    heads += [say("Held", "已有"), say("Asked", "应有"), say("Standing", "在册")]
    heads += [say("Mean age, h", "平均时长（小时）"), say("Missing", "缺报")]
    heads += [say("Note", "备注")]
    table = [
        (
            f"{one.division} {one.name}".strip(),
            f"{round(one.value, 4):.15g}" if one.HasField("value") else "",
            render.percent(one.completeness),
            render.percent(one.timeliness),
            one.received_count,
            one.expected_count,
            one.standing_count,
            round(one.mean_age.ToTimedelta().total_seconds() / HOUR_SECONDS, 1),
            _missing(session, one),
            _note(session, one),
        )
        for one in found
    ]
    session.out.print(render.table(heads, table))


def _missing(session: Session, one: pb.IndicatorValue) -> str:
    """Return who gave nothing, as far as there is room."""
    shown = 3
    text = " ".join(one.missing_divisions[:shown])
    more = one.missing_count - min(shown, len(one.missing_divisions))
    if more <= 0:
        return text
    return f"{text} " + session.say(f"and {more} more", f"等 {one.missing_count} 个")


def _note(session: Session, one: pb.IndicatorValue) -> str:
    """Return why there is no result, or what was done to it."""
    say = session.say
    notes = [one.problem] if one.problem else []
    if one.completeness_weighted:
        notes.append(say("raised by completeness", "按完整率加权"))
    if one.recast_from:
        notes.append(say("recast from ", "重述自 ") + " ".join(one.recast_from))
    return say("; ", "；").join(notes)
