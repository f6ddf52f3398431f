"""`ducha statistics list|audit`: how assignments went, and the proof that it is so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from clients.cli import options, render
from clients.cli.command import REFUSED, command
from clients.cli.items import SourceName, UrgencyName
from clients.cli.parse import LevelName
from clients.cli.progress import print_silent
from clients.cli.registry_words import rows
from clients.cli.session import Json, Session, as_json
from ducha.assignment.v1 import assignment_pb2
from ducha.statistics.v1 import statistics_pb2 as pb
from ducha.statistics.v1 import statistics_service_pb2 as api

app = typer.Typer(
    no_args_is_help=True, help="How assignments went, by division and month. 统计"
)

HOUR = 3600
NOBODY: frozenset[object] = frozenset({0, "0/0"})
PAGING = frozenset({"statistics", "next_page_token"})

Which = Annotated[
    str, typer.Option(help="Only this tier or division's node. 只查该节点")
]
SumLevel = Annotated[
    LevelName | None,
    typer.Option(help="Areas to sum by; each division by itself otherwise. 汇总层级"),
]
Executing = Annotated[
    LevelName | None,
    typer.Option(
        "--executing", help="Only what divisions of this level execute. 承办层级"
    ),
]
Issuer = Annotated[str, typer.Option(help="Only items that it issued. 发起区划")]
Source = Annotated[
    SourceName | None, typer.Option(help="Only items from there. 事项来源")
]
OfUrgency = Annotated[
    UrgencyName | None, typer.Option(help="Only items of this urgency. 缓急")
]


class GroupName(StrEnum):
    """What counts are told apart by."""

    DIVISION = "division"
    ORGANISER = "organiser"
    SOURCE_TYPE = "source"
    URGENCY = "urgency"
    MONTH = "month"


By = Annotated[
    list[GroupName] | None,
    typer.Option(
        "--by", help="Tell apart by this; repeat. By division otherwise. 分组"
    ),
]


@command(
    app,
    "list",
    example="ducha statistics list --level city --by division --by month --since 2026-11",
)
async def list_statistics(
    session: Session,
    *,
    level: SumLevel = None,
    by: By = None,
    within: Annotated[str, typer.Option(help="Only within this. 范围")] = "",
    since: Annotated[str, typer.Option(help="From this month: 2026-11. 起始月")] = "",
    until: Annotated[str, typer.Option(help="To this month. 截止月")] = "",
    executing: Executing = None,
    issuer: Issuer = "",
    source: Source = None,
    urgency: OfUrgency = None,
    limit: options.Limit = 200,
    at: options.At = "",
) -> None:
    """Count what happened to assignments: in time, late, extended, returned, urged. 统计.

    Every event counts in the month, in China, in which it happened. Rows stand in the order
    of their codes, and there is no other: nobody is ranked. docs/statistics.md defines the
    figures. 每个事件计入其发生的月份；按区划代码排列，不排名。
    """
    client = await session.at(at)
    request = api.ListStatisticsRequest(
        within=within,
        issuer_division=issuer,
        from_month=since,
        to_month=until,
        group_by=[pb.Grouping.Value(f"GROUPING_{one.name}") for one in by or ()],
        page_size=min(limit, 2000),
    )
    if level:
        request.level = level.wire
    if executing:
        request.executing_level = executing.wire
    if source:
        request.source_type = assignment_pb2.SourceType.Value(
            f"SOURCE_TYPE_{source.name}"
        )
    if urgency:
        request.urgency = assignment_pb2.Urgency.Value(f"URGENCY_{urgency.name}")
    first = api.ListStatisticsResponse()

    def read(page: api.ListStatisticsResponse) -> list[pb.Statistic]:
        if not first.HasField("total"):
            first.CopyFrom(page)
        return list(page.statistics)

    method = client.statistics.ListStatistics
    found = await rows(client, method, request, read, limit)
    _show(session, found, first)


def _show(
    session: Session, found: Sequence[pb.Statistic], first: api.ListStatisticsResponse
) -> None:
    """Show groups, their sum, the moment they speak of, and who is out of contact."""
    if session.choices.as_json:
        listed: list[Json] = [as_json(one) for one in found]
        told: dict[str, Json] = {"statistics": listed}
        told |= {
            name: part for name, part in as_json(first).items() if name not in PAGING
        }
        session.write_json(told)
        return
    _print(session, found, first.total)
    as_of = render.when(first.as_of_time)
    session.out.print(session.say("As of ", "截至 ") + as_of, style="dim")
    print_silent(session, first.out_of_contact)


def _print(
    session: Session, found: Sequence[pb.Statistic], total: pb.Statistic
) -> None:
    """Print groups and their sum; what nobody had is left out."""
    columns = [
        column
        for column in _columns(session)
        if column.matters or {column.show(one) for one in [*found, total]} - NOBODY
    ]
    heads = [session.say("Group", "分组"), *(column.head for column in columns)]
    names = [*(_name(session, one) for one in found), session.say("Total", "合计")]
    cells = [
        [name, *(column.show(one) for column in columns)]
        for name, one in zip(names, [*found, total], strict=True)
    ]
    session.out.print(render.table(heads, cells))


def _name(session: Session, one: pb.Statistic) -> str:
    """Return what tells a group apart; what is summed over is left out."""
    source, urgency = one.source_type, one.urgency
    parts = (
        f"{one.division} {one.division_name}".strip(),
        f"{one.issuer_division} {one.lead_unit}".strip(),
        session.label(assignment_pb2.SourceType.Name(source)) if source else "",
        session.label(assignment_pb2.Urgency.Name(urgency)) if urgency else "",
        one.month,
    )
    return "\n".join(filter(None, parts))


@dataclass(frozen=True, slots=True)
class Column:
    """One thing to show of a group; `matters` keeps it though nobody has any."""

    head: str
    show: Callable[[pb.Statistic], object]
    matters: bool = False


def _columns(session: Session) -> list[Column]:
    say = session.say
    return [
        Column(say("Assigned", "交办"), _counts("assigned"), matters=True),
        Column(say("Taken back", "已撤回"), _counts("assigned_withdrawn")),
        Column(
            say("Received in time/late", "按期/逾期签收"),
            _counts("received_on_time", "received_late"),
            matters=True,
        ),
        Column(
            say("Finished in time/late", "按期/逾期反馈"),
            _counts("finished_on_time", "finished_late"),
            matters=True,
        ),
        Column(
            say("By first deadline", "按原时限"), _counts("finished_in_original_time")
        ),
        Column(
            say("Complete", "完整率"),
            lambda one: render.percent(one.completeness),
            matters=True,
        ),
        Column(
            say("Timely", "按期率"),
            lambda one: render.percent(one.timeliness),
            matters=True,
        ),
        Column(say("Extended", "延期"), _counts("extended")),
        Column(say("Suspended", "挂账"), _counts("suspended")),
        Column(
            say("Hours stopped", "挂账小时"),
            lambda one: round(one.counts.stopped_seconds / HOUR, 1),
        ),
        Column(say("Returned", "退回"), _counts("returned")),
        Column(
            say("Disputed/upheld", "异议/成立"), _counts("disputed", "disputes_upheld")
        ),
        Column(say("Urged", "催办"), _counts("urged")),
        Column(
            say("Escalated/overtaken", "升级/在途已报"),
            _counts("escalated", "escalations_overtaken"),
        ),
        Column(
            say("Reviewed/overturned", "复核/改变结论"),
            _counts("reviewed", "reviews_overturned"),
        ),
    ]


def _counts(*names: str) -> Callable[[pb.Statistic], object]:
    """Return what shows a count, or two that are read together."""

    def show(one: pb.Statistic) -> object:
        counts = [getattr(one.counts, name) for name in names]
        return counts[0] if len(counts) == 1 else "/".join(map(str, counts))

    return show


@command(app, "audit", example="ducha statistics audit")
async def audit_statistics(session: Session, *, at: Which = "") -> None:
    """Recompute every count of every tier from its ledger; exit 1 if one differs. 核对统计."""
    results: list[tuple[str, api.AuditStatisticsResponse]] = []
    for node in await session.nodes(at):
        client = await session.client_of(node)
        method = client.statistics.AuditStatistics
        response = await client.call(method, api.AuditStatisticsRequest())
        results.append((node.node, response))
    if session.choices.as_json:
        nodes: list[Json] = [
            {"node": node, **as_json(result)} for node, result in results
        ]
        session.write_json({"nodes": nodes})
    else:
        _print_audit(session, results)
    if any(result.differences for _, result in results):
        raise typer.Exit(REFUSED)


def _print_audit(
    session: Session, results: Sequence[tuple[str, api.AuditStatisticsResponse]]
) -> None:
    say = session.say
    heads = [say("Node", "节点"), say("Facts", "事实"), say("Compared", "已核对")]
    heads += [say("Different", "不一致")]
    counts = [
        (node, one.fact_count, one.compared_count, len(one.differences))
        for node, one in results
    ]
    session.out.print(render.table(heads, counts))
    heads = [say("Node", "节点"), say("Item", "事项"), say("Group", "分组")]
    heads += [say("Served", "现值"), say("Recomputed", "重算")]
    wrong = [
        (node, one.item_id, _name(session, _side(one)), *_sides(one))
        for node, result in results
        for one in result.differences
    ]
    if wrong:
        session.out.print(render.table(heads, wrong))
    else:
        session.write("Every count agrees.", "全部一致。")


def _side(one: api.StatisticDifference) -> pb.Statistic:
    return one.served if one.HasField("served") else one.computed


def _sides(one: api.StatisticDifference) -> list[str]:
    """Return both sides of a difference: only the counts that differ."""
    names = [field.name for field in pb.Counts.DESCRIPTOR.fields]
    served, computed = one.served.counts, one.computed.counts
    differing = [
        name for name in names if getattr(served, name) != getattr(computed, name)
    ]
    return [
        " ".join(f"{name}={getattr(side, name)}" for name in differing)
        for side in (served, computed)
    ]
