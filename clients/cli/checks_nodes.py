"""Checks of what runs: nodes, links, databases, messages, clocks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import asyncpg
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from clients.cli.findings import Finding, failure, ok, warning
from clients.runtime import Client, ClientError, Credentials, NodeEndpoint
from deploy.embedded import inspection
from ducha.link.v1 import link_pb2, link_service_pb2

SECONDS = 3.0
BACKLOG_FACTS = 10_000
BACKLOG_SECONDS = 60.0
SKEW_SECONDS = 2.0
BAD_SKEW_SECONDS = 30.0
POSTGRES_VERSION = 18


async def node(one: NodeEndpoint, shown: Credentials) -> list[Finding]:
    """Check one node from all sides; a node that does not serve is asked no more."""
    found = [await health(one, shown)]
    if one.http:
        found.append(await clock(one))
    if one.database_url:
        found.append(await database(one))
    if found[0].severity == 0:
        found += [finding async for finding in links(one, shown)]
    return found


async def health(one: NodeEndpoint, shown: Credentials) -> Finding:
    """Check that gRPC health says SERVING."""
    check = f"node {one.node}"
    async with shown.channel(one.grpc) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=SECONDS)
            said = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
        except grpc.aio.AioRpcError as error:
            said = error.code().name
    if said == "SERVING":
        return ok(check, f"serves at {one.grpc}", f"{one.grpc} 正常服务")
    return failure(
        check,
        (f"{one.grpc} says {said}", f"{one.grpc} 状态为 {said}"),
        (f"Read logs/{one.node}.log.", f"请查看 logs/{one.node}.log。"),
    )


async def clock(one: NodeEndpoint) -> Finding:
    """Compare the node's clock with ours, by the date of its health page."""
    check = f"clock {one.node}"
    try:
        limit = aiohttp.ClientTimeout(total=SECONDS)
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.get(f"http://{one.http}/livez") as page,
        ):
            told = parsedate_to_datetime(page.headers["Date"])
    except (aiohttp.ClientError, TimeoutError, KeyError, ValueError) as missing:
        return warning(
            check,
            (f"no health page: {missing!r}", f"健康页无应答：{missing!r}"),
            (f"Read logs/{one.node}.log.", f"请查看 logs/{one.node}.log。"),
        )
    return _skew(check, told)


async def database(one: NodeEndpoint) -> Finding:
    """Check that the node's database keeps what it acknowledges."""
    check = f"database {one.node}"
    try:
        facts = await inspection.postgres_facts(one.database_url)
    except (OSError, TimeoutError, asyncpg.PostgresError) as missing:
        return failure(
            check,
            (f"no answer: {missing}", f"数据库无应答：{missing}"),
            (
                "Start it, or read logs/postgres.log.",
                "请启动数据库或查看 logs/postgres.log。",
            ),
        )
    if (
        not facts.fsync
        or not facts.full_page_writes
        or facts.synchronous_commit != "on"
    ):
        return failure(
            check,
            ("a power cut would lose acknowledged work", "断电会丢失已确认的数据"),
            (
                "Set fsync, full_page_writes and synchronous_commit to on.",
                "请将 fsync、full_page_writes、synchronous_commit 设为 on。",
            ),
        )
    if facts.version < POSTGRES_VERSION:
        return failure(
            check,
            (
                f"PostgreSQL {facts.version} is too old",
                f"PostgreSQL {facts.version} 过旧",
            ),
            ("Use PostgreSQL 18 or later.", "请使用 PostgreSQL 18 或更高版本。"),
        )
    skewed = _skew(check, facts.now)
    if skewed.severity:
        return skewed
    return ok(
        check,
        f"PostgreSQL {facts.version}, commits are durable",
        f"PostgreSQL {facts.version}，提交落盘",
    )


async def links(one: NodeEndpoint, shown: Credentials) -> AsyncIterator[Finding]:
    """Check every link of the node: contact, backlog, quarantine."""
    async with Client(one.grpc, shown) as client:
        try:
            request = link_service_pb2.ListLinksRequest()
            answer = await client.call(client.links.ListLinks, request)
        except ClientError as problem:
            yield failure(
                f"links {one.node}",
                (problem.english, problem.chinese),
                (f"Read logs/{one.node}.log.", f"请查看 logs/{one.node}.log。"),
            )
            return
    for link in answer.links:
        yield _link(one, link)


def _link(one: NodeEndpoint, link: link_pb2.LinkStatus) -> Finding:
    sending = link.direction == link_pb2.LinkStatus.DIRECTION_SENDING
    check = f"link {one.node} {'→' if sending else '←'} {link.neighbour}"
    if not link.in_contact:
        return warning(
            check,
            (f"{link.neighbour} is out of contact", f"与 {link.neighbour} 失去联系"),
            (
                f"Start {link.neighbour}; nothing is lost, it catches up.",
                f"请启动 {link.neighbour}；数据不会丢失，恢复后自动补齐。",
            ),
        )
    if link.quarantine_count:
        return warning(
            check,
            (
                f"{link.quarantine_count} facts in quarantine",
                f"{link.quarantine_count} 条事实被隔离",
            ),
            (
                f"See `ducha quarantine list --at {one.hosts[0]}`; retry or drop them.",
                "请用 `ducha quarantine list` 查看后重试或放弃。",
            ),
        )
    waiting = f"{link.backlog} waiting, oldest {link.oldest_age_seconds:.0f} s"
    waiting_zh = f"待确认 {link.backlog} 条，最久 {link.oldest_age_seconds:.0f} 秒"
    if link.backlog > BACKLOG_FACTS or link.oldest_age_seconds > BACKLOG_SECONDS:
        return warning(
            check,
            (waiting, waiting_zh),
            (
                f"Watch `ducha link status`; read logs/{link.neighbour}.log if it grows.",
                f"请观察 `ducha link status`；若持续增长请查看 logs/{link.neighbour}.log。",
            ),
        )
    return ok(check, waiting, waiting_zh)


async def messages(content: Mapping[str, Any]) -> Finding:
    """Check that JetStream is there and syncs every message."""
    told = content.get("nats") or {}
    url, monitor = str(told.get("url", "")), str(told.get("monitor", ""))
    try:
        facts = await inspection.nats_facts(url, monitor)
    except (OSError, TimeoutError, ValueError) as missing:
        return failure(
            "nats",
            (f"{url} gives no answer: {missing!r}", f"{url} 无应答：{missing!r}"),
            ("Start it, or read logs/nats.log.", "请启动 NATS 或查看 logs/nats.log。"),
        )
    if not facts.jetstream:
        what = ("JetStream is off", "未启用 JetStream")
        fix = ("Use deploy/nats/nats.conf.", "请使用 deploy/nats/nats.conf。")
        return failure("nats", what, fix)
    if facts.sync_always is not True:
        return warning(
            "nats",
            (
                "it was not seen to sync every message",
                "未能确认每条消息落盘（sync_interval）",
            ),
            (
                "Set `sync_interval: always` as in deploy/nats/nats.conf.",
                "请按 deploy/nats/nats.conf 设置 `sync_interval: always`。",
            ),
        )
    text = f"NATS {facts.version}, JetStream syncs every message"
    return ok("nats", text, f"NATS {facts.version}，JetStream 每条消息落盘")


async def everything(
    nodes: tuple[NodeEndpoint, ...], content: Mapping[str, Any], shown: Credentials
) -> list[Finding]:
    """Check the messages, and all nodes at once."""
    found = [await messages(content)]
    for each in await asyncio.gather(*(node(one, shown) for one in nodes)):
        found += each
    return found


def _skew(check: str, told: datetime) -> Finding:
    """Judge a clock against ours; HTTP tells whole seconds only."""
    skew = abs((datetime.now(UTC) - told).total_seconds())
    text = (f"clocks differ by {skew:.0f} s", f"时钟相差 {skew:.0f} 秒")
    fix = ("Let NTP (chrony) set the clocks.", "请用 NTP（chrony）校时。")
    if skew > BAD_SKEW_SECONDS:
        return failure(check, text, fix)
    return warning(check, text, fix) if skew > SKEW_SECONDS else ok(check, *text)
