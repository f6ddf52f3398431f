"""`ducha link|quarantine|audit|info`: what an operator asks."""

from __future__ import annotations

from typing import Annotated

import typer

from clients.cli import options, render
from clients.cli.command import REFUSED, command
from clients.cli.session import Json, Session, as_json
from ducha.link.v1 import link_pb2 as pb
from ducha.link.v1 import link_service_pb2 as api
from ducha.reporting.v1.reporting_service_pb2 import (
    AuditProgressRequest,
    AuditProgressResponse,
)
from ducha.server.v1.server_service_pb2 import (
    GetServerInfoRequest,
    GetServerInfoResponse,
)

links = typer.Typer(no_args_is_help=True, help="Links between nodes. 链路")
quarantine = typer.Typer(
    no_args_is_help=True, help="Facts that could not be applied. 隔离区"
)
audit = typer.Typer(no_args_is_help=True, help="Proofs that counts are right. 核对")

Which = Annotated[
    str, typer.Option(help="Only this tier or division's node. 只查该节点")
]
Where = Annotated[
    str, typer.Option(help="Tier or division whose node holds it. 所在节点")
]
Entry = Annotated[int, typer.Argument(help="Id from `quarantine list`. 隔离编号")]


@command(links, "status", example="ducha link status")
async def link_status(session: Session, *, at: Which = "") -> None:
    """Show every link: backlog, its age, contact, gaps, quarantine. 链路状态."""
    found: list[tuple[str, pb.LinkStatus]] = []
    for node in await session.nodes(at):
        client = await session.client_of(node)
        response = await client.call(client.links.ListLinks, api.ListLinksRequest())
        found += [(node.node, link) for link in response.links]
    if session.choices.as_json:
        session.write_json(
            {"links": [{"node": node, **as_json(link)} for node, link in found]}
        )
        return
    say = session.say
    heads = [say("Node", "节点"), say("Direction", "方向"), say("Neighbour", "对端")]
    heads += [say("Head", "序号"), say("Receipt", "回执"), say("Backlog", "积压")]
    heads += [
        say("Oldest", "最久"),
        say("Contact", "联系"),
        say("Last heard", "最近联系"),
    ]
    heads += [say("Gaps", "缺口"), say("Quarantine", "隔离")]
    session.out.print(render.table(heads, [_link_row(session, *one) for one in found]))


def _link_row(session: Session, node: str, link: pb.LinkStatus) -> tuple[object, ...]:
    return (
        node,
        session.label(pb.LinkStatus.Direction.Name(link.direction)),
        link.neighbour,
        f"{link.head.epoch}/{link.head.seq}",
        f"{link.receipt.epoch}/{link.receipt.seq}",
        link.backlog,
        f"{link.oldest_age_seconds:.1f} s",
        session.say("yes", "正常") if link.in_contact else session.say("NO", "失联"),
        render.when(link.last_contact_time),
        link.gap_count,
        link.quarantine_count,
    )


@command(quarantine, "list", example="ducha quarantine list --at county")
async def quarantine_list(session: Session, *, at: Which = "") -> None:
    """List facts that could not be applied, and why. 隔离清单."""
    found: list[tuple[str, pb.QuarantinedFact]] = []
    for node in await session.nodes(at):
        client = await session.client_of(node)
        request = api.ListQuarantineRequest(page_size=500)
        while True:
            page = await client.call(client.links.ListQuarantine, request)
            found += [(node.node, fact) for fact in page.facts]
            request.page_token = page.next_page_token
            if not page.next_page_token:
                break
    if session.choices.as_json:
        session.write_json(
            {"facts": [{"node": node, **as_json(fact)} for node, fact in found]}
        )
        return
    say = session.say
    heads = [
        say("Node", "节点"),
        say("Id", "编号"),
        say("From", "来自"),
        say("Kind", "事实"),
    ]
    heads += [say("Reason", "原因"), say("Detail", "说明"), say("Since", "时间")]
    rows = [
        (
            node,
            str(fact.quarantine_id),
            fact.neighbour,
            fact.kind,
            fact.reason,
            fact.detail,
            render.when(fact.quarantine_time),
        )
        for node, fact in found
    ]
    session.out.print(render.table(heads, rows))
    if not found:
        session.write("Nothing is in quarantine.", "隔离区为空。")


@command(quarantine, "retry", example="ducha quarantine retry 7 --at county")
async def quarantine_retry(session: Session, entry: Entry, *, at: Where) -> None:
    """Apply a quarantined fact again. 重试."""
    client = await session.at(at)
    response = await client.call(
        client.links.RetryQuarantine,
        api.RetryQuarantineRequest(quarantine_id=entry),
        repeat=False,
    )
    if session.choices.as_json:
        session.write_json(response)
    session.write("Applied.", "已成功应用。")


@command(
    quarantine, "drop", example="ducha quarantine drop 7 --at county --reason 测试数据"
)
async def quarantine_drop(
    session: Session,
    entry: Entry,
    *,
    at: Where,
    reason: Annotated[str, typer.Option(help="Why; recorded. 理由")],
    actor: options.Actor = options.ACTOR,
) -> None:
    """Set a quarantined fact aside for good; it stays on record. 弃用."""
    client = await session.at(at)
    response = await client.call(
        client.links.DropQuarantine,
        api.DropQuarantineRequest(quarantine_id=entry, actor=actor, reason=reason),
        repeat=False,
    )
    if session.choices.as_json:
        session.write_json(response)
    session.write("Set aside; it stays on record.", "已弃用，记录保留。")


@command(audit, "rollups", example="ducha audit rollups")
async def audit_rollups(
    session: Session,
    *,
    item: Annotated[str, typer.Option(help="Only this item. 事项")] = "",
    at: Which = "",
) -> None:
    """Compare every count of every tier with a recomputation; exit 1 if one differs. 核对汇总."""
    results: list[tuple[str, AuditProgressResponse]] = []
    for node in await session.nodes(at):
        client = await session.client_of(node)
        request = AuditProgressRequest(item_id=item)
        response = await client.call(client.reporting.AuditProgress, request)
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
    session: Session, results: list[tuple[str, AuditProgressResponse]]
) -> None:
    say = session.say
    heads = [say("Node", "节点"), say("Compared", "已核对"), say("Different", "不一致")]
    rows = [
        (node, result.compared_count, len(result.differences))
        for node, result in results
    ]
    session.out.print(render.table(heads, rows))
    heads = [say("Node", "节点"), say("Item", "事项"), say("Division", "区划")]
    heads += [say("Held", "现值"), say("Recomputed", "重算")]
    wrong = [
        (node, one.item_id, one.division, one.held, one.recomputed)
        for node, result in results
        for one in result.differences
    ]
    if wrong:
        session.out.print(render.table(heads, wrong))
    else:
        session.write("Every count agrees.", "全部一致。")


async def info(session: Session, *, at: Which = "") -> None:
    """Show what each node is and serves. 节点信息."""
    found: list[GetServerInfoResponse] = []
    for node in await session.nodes(at):
        client = await session.client_of(node)
        found.append(
            await client.call(client.server.GetServerInfo, GetServerInfoRequest())
        )
    if session.choices.as_json:
        session.write_json({"nodes": [as_json(one) for one in found]})
        return
    say = session.say
    heads = [say("Node", "节点"), say("Tier", "层级"), say("Hosts", "承载区划")]
    heads += [say("Parent", "上级节点"), say("Children", "下级节点")]
    heads += [say("Capabilities", "能力"), say("Version", "版本")]
    rows = [
        (
            one.node,
            session.label(one.tier),
            " ".join(one.hosted_divisions),
            one.parent,
            " ".join(one.children),
            " ".join(one.capabilities),
            one.version,
        )
        for one in found
    ]
    session.out.print(render.table(heads, rows))
    for one in found:
        if one.HasField("simulated_clock"):
            rate, at_node = one.simulated_clock.rate, render.when(one.server_time)
            session.write(
                f"{one.node}: SIMULATED CLOCK, {rate:g} times real time; it is {at_node}.",
                f"{one.node}：模拟时钟，{rate:g} 倍速；当前为 {at_node}。",
            )
