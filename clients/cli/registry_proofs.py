"""`ducha registry savings|audit`: what was spared, and the proof that counts are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias

import typer

from clients.cli import options, render
from clients.cli.command import REFUSED, command
from clients.cli.parse import LevelName
from clients.cli.registry import app
from clients.cli.registry_words import rows
from clients.cli.session import Json, Session, as_json
from ducha.registry.v1 import registry_service_pb2 as api
from ducha.relief.v1 import relief_pb2
from ducha.relief.v1 import relief_service_pb2 as relief

Audited: TypeAlias = api.AuditRegistryResponse | relief.AuditSavingsResponse

Which = Annotated[
    str, typer.Option(help="Only this tier or division's node. 只查该节点")
]
SumLevel = Annotated[LevelName, typer.Option(help="Areas to sum by. 汇总层级")]
Requester = Annotated[str, typer.Option(help="Only for this requester. 申请区划")]
ByRequester = Annotated[
    bool, typer.Option("--by-requester", help="A row a requester. 分申请单位")
]
ByMonth = Annotated[bool, typer.Option("--by-month", help="A row a month. 分月")]
Audit = Annotated[
    bool, typer.Option("--audit", help="Recompute all; exit 1 if one differs. 核对")
]


@command(app, "savings", example="ducha registry savings --level city --by-requester")
async def savings(
    session: Session,
    *,
    level: SumLevel = LevelName.TOWNSHIP,
    within: Annotated[str, typer.Option(help="Only within this. 范围")] = "",
    requester: Requester = "",
    by_requester: ByRequester = False,
    by_month: ByMonth = False,
    since: Annotated[str, typer.Option(help="From this month: 2026-11. 起始月")] = "",
    until: Annotated[str, typer.Option(help="To this month. 截止月")] = "",
    audit: Audit = False,
    limit: options.Limit = 200,
    at: options.At = "",
) -> None:
    """Show what townships were spared, and what they were asked. 减负账.

    Counts are facts: each cell (an element of a division for a period) that somebody
    needed was served from stock, joined with what others asked, confirmed or collected.
    The minutes are an estimate, made when you look: 2.0 minutes to give a field, 0.25 to
    confirm one as unchanged, 1.0 where the form came filled in. Saved are 2.0 for each
    cell served or joined, 1.75 for each confirmed, 1.0 for each other that was filled in.
    数量为台账事实；分钟数为估算：填报一项 2.0 分钟，确认一项 0.25 分钟，预填一项 1.0 分钟。
    """
    if audit:
        await _audit_savings(session, at)
        return
    client = await session.at(at)
    request = relief.ListSavingsRequest(
        within=within,
        requester_division=requester,
        from_month=since,
        to_month=until,
        level=level.wire,
        sum_requesters=not by_requester,
        sum_months=not by_month,
        page_size=min(limit, 2000),
    )
    total = relief_pb2.Saving()

    def read(page: relief.ListSavingsResponse) -> list[relief_pb2.Saving]:
        total.CopyFrom(page.total)
        return list(page.savings)

    found = await rows(client, client.relief.ListSavings, request, read, limit)
    if session.choices.as_json:
        listed: list[Json] = [as_json(one) for one in found]
        session.write_json({"savings": listed, "total": as_json(total)})
        return
    _print_savings(session, found, total)


def _print_savings(
    session: Session, found: list[relief_pb2.Saving], total: relief_pb2.Saving
) -> None:
    say = session.say
    heads = [say("Division", "区划"), say("For", "申请方"), say("Month", "月份")]
    heads += [say("Needed", "所需"), say("Served", "已有"), say("Joined", "并单")]
    heads += [say("To confirm", "待确认"), say("To collect", "待采集")]
    heads += [say("Confirmed", "已确认"), say("Prefilled", "预填")]
    heads += [say("Minutes saved (estimate)", "节省分钟（估算）")]
    total.division = say("Total", "合计")
    table = [
        (
            one.division,
            one.requester_division or say("all", "全部"),
            one.month or say("all", "全部"),
            one.needed_count,
            one.served_count,
            one.joined_count,
            one.confirm_count,
            one.collect_count,
            one.confirmed_count,
            one.prefilled_count,
            round(one.saved_minutes, 1),
        )
        for one in [*found, total]
    ]
    session.out.print(render.table(heads, table))


async def _audit_savings(session: Session, at: str) -> None:
    """Compare every saving of every node with a recomputation."""
    results: list[tuple[str, relief.AuditSavingsResponse]] = []
    for node in await session.nodes(at):
        client = await session.client_of(node)
        method = client.relief.AuditSavings
        response = await client.call(method, relief.AuditSavingsRequest())
        results.append((node.node, response))
    wrong = [
        (
            node,
            f"{one.kept.division} {one.kept.requester_division} {one.kept.month}",
            _counts(one.kept),
            _counts(one.computed),
        )
        for node, result in results
        for one in result.differences
    ]
    _tell(session, results, wrong)


def _counts(one: relief_pb2.Saving) -> str:
    counts = (
        one.needed_count,
        one.served_count,
        one.joined_count,
        one.confirm_count,
        one.collect_count,
        one.confirmed_count,
        one.prefilled_count,
    )
    return "/".join(map(str, counts))


@command(app, "audit", example="ducha registry audit --period 2026-11")
async def audit_registry(
    session: Session,
    *,
    period: Annotated[str, typer.Option(help="Only this period. 周期")] = "",
    at: Which = "",
) -> None:
    """Recompute every count, total and open ask of every tier; exit 1 if one differs. 核对."""
    results: list[tuple[str, api.AuditRegistryResponse]] = []
    for node in await session.nodes(at):
        client = await session.client_of(node)
        request = api.AuditRegistryRequest(period=period)
        response = await client.call(client.registry.AuditRegistry, request)
        results.append((node.node, response))
    wrong = [
        (node, one.subject, one.kept, one.computed)
        for node, result in results
        for one in result.differences
    ]
    _tell(session, results, wrong)


def _tell(
    session: Session,
    results: Sequence[tuple[str, Audited]],
    wrong: Sequence[tuple[str, str, str, str]],
) -> None:
    """Show an audit; end with exit code 1 if anything differs."""
    if session.choices.as_json:
        nodes: list[Json] = [
            {"node": node, **as_json(result)} for node, result in results
        ]
        session.write_json({"nodes": nodes})
    else:
        _print_audit(session, results, wrong)
    if wrong:
        raise typer.Exit(REFUSED)


def _print_audit(
    session: Session,
    results: Sequence[tuple[str, Audited]],
    wrong: Sequence[tuple[str, str, str, str]],
) -> None:
    say = session.say
    heads = [say("Node", "节点"), say("Compared", "已核对"), say("Different", "不一致")]
    counts = [
        (node, result.compared_count, len(result.differences))
        for node, result in results
    ]
    session.out.print(render.table(heads, counts))
    if not wrong:
        session.write("Every count agrees.", "全部一致。")
        return
    heads = [say("Node", "节点"), say("About", "对象")]
    heads += [say("Kept", "现值"), say("Recomputed", "重算")]
    session.out.print(render.table(heads, wrong))
