"""Run one node: put its capabilities together, serve, and stop cleanly.

Starting is recovering: the database is brought up to date, every link asks its parent
what it missed. Stopping drains: new calls are refused, those under way end, watchers are
told to come back.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import grpc
import structlog
import uvloop
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection
from pydantic import ValidationError


from tier.app import App, Capability
from tier.info import add_info_service
from tier.jurisdiction import Level
from tier.ledger import Feed
from tier.link import Lines
from tier.link.contact import Contacts
from tier.link.lines import SCHEMA as LINK_SCHEMA
from tier.link.road import Road
from tier.node import Node
from tier.runtime import clock, http, logs, requests, server, settings, telemetry
from tier.runtime.db import Database, open_database
from tier.runtime.errors import TierError
from tier.runtime.migrate import migrate
from tier.runtime.rpc_telemetry import telemetry_interceptor
from tier.runtime.settings import Settings

LOG = structlog.get_logger(__name__)

OURS = Path(__file__).parent
BASE_SCHEMAS = [
    ("runtime", OURS / "runtime" / "schema"),
    ("ledger", OURS / "ledger" / "schema"),
    ("link", LINK_SCHEMA),
]
DATABASE_TRIES = 60
DRAIN_SECONDS = 5.0
PRUNE_SECONDS = 3600.0


class _Stopped(Exception):
    """Ends the task group once the server has drained."""


def run(level: Level, capabilities: Sequence[Capability]) -> None:
    """Run a node of `level` with `capabilities`, as the command line says."""
    parser = argparse.ArgumentParser(
        prog=f"python -m services.{level.name.lower()}",
        description=f"Run one {level.name.lower()} node of Ducha. 运行一个督查平台节点。",
    )
    parser.add_argument("--config", type=Path, required=True, help="TOML file / 配置文件")
    parser.add_argument(
        "--print-config", action="store_true", help="print what is in force, and stop"
    )
    arguments = parser.parse_args()
    try:
        told = settings.load(arguments.config)
        node = told.describe(level)
    except (OSError, ValidationError, ValueError) as wrong:
        sys.exit(f"{arguments.config}: {wrong}")
    if arguments.print_config:
        origins = settings.origins(arguments.config)
        shown = {key: [str(value), origins[key]] for key, value in told}
        sys.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False) + "\n")
        return
    logs.configure(told.log_level, node.name, level.name.lower())
    uvloop.run(_serve(told, node, capabilities))


async def _serve(told: Settings, node: Node, capabilities: Sequence[Capability]) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tier = node.level.name.lower()
    telemetry.start(
        service=f"ducha-{tier}", tier=tier, node=node.name, otlp_endpoint=told.otlp_endpoint
    )
    async with _database(told, node, capabilities) as db:
        road = Road(told.nats_url.get_secret_value(), node.name)
        try:
            async with asyncio.TaskGroup() as tasks:
                await _run_node(told, node, capabilities, db, road, tasks, stop)
                raise _Stopped
        except* _Stopped:
            LOG.info("stopped")
        finally:
            await road.close()
    telemetry.stop()


@contextlib.asynccontextmanager
async def _database(
    told: Settings, node: Node, capabilities: Sequence[Capability]
) -> AsyncIterator[Database]:
    """Open the database, waiting for it a while, and bring it up to date."""
    db = await _opened(told, node)
    try:
        schemas = [*BASE_SCHEMAS, *((one.name, one.schema) for one in capabilities)]
        applied = await migrate(db, schemas)
        LOG.info("database ready", applied=applied)
        yield db
    finally:
        await db.close()


async def _opened(told: Settings, node: Node) -> Database:
    """Open the database once it is there."""
    attempt = 0
    while True:
        try:
            return await open_database(
                told.database_url.get_secret_value(), name=f"ducha-{node.name}"
            )
        except (OSError, TierError) as away:
            attempt += 1
            if attempt == DATABASE_TRIES:
                raise
            LOG.warning("waiting for the database", error=type(away).__name__)
            await asyncio.sleep(min(0.1 * 2**attempt, 2.0))


async def _run_node(
    told: Settings,
    node: Node,
    capabilities: Sequence[Capability],
    db: Database,
    road: Road,
    tasks: asyncio.TaskGroup,
    stop: asyncio.Event,
) -> None:
    """Start everything in the order a caller may rely on, wait for `stop`, drain."""
    names = [child.name for child in node.children]
    neighbours = [*names, *filter(None, [node.parent])]
    contacts = Contacts(neighbours, names, timedelta(seconds=told.contact_seconds))
    app = App(
        node=node,
        db=db,
        feed=Feed(),
        now=clock.now,
        tasks=tasks,
        draining=asyncio.Event(),
        review_buffer=timedelta(hours=told.review_buffer_hours),
        contact=timedelta(seconds=told.contact_seconds),
        silent=contacts.silent,
    )
    lines = Lines(app, capabilities, road, contacts)
    await lines.open()
    async with contextlib.AsyncExitStack() as stack:
        health_servicer = health.HealthServicer()
        grpc_server = await _start_server(told, app, capabilities, lines, health_servicer)
        channel = None
        if told.parent is not None:
            channel = grpc.aio.insecure_channel(told.parent.grpc, options=server.CHANNEL_OPTIONS)
            await stack.enter_async_context(channel)
        lines.run(channel)
        tasks.create_task(_prune(app))
        web = await http.serve(told.http_listen, ready=lambda: _ready(db, road))
        stack.push_async_callback(web.cleanup)
        LOG.info("serving", grpc=told.grpc_listen, http=told.http_listen)
        await stop.wait()
        LOG.info("draining")
        app.draining.set()
        await health_servicer.enter_graceful_shutdown()
        await grpc_server.stop(DRAIN_SECONDS)


async def _start_server(
    told: Settings,
    app: App,
    capabilities: Sequence[Capability],
    lines: Lines,
    health_servicer: health.HealthServicer,
) -> grpc.aio.Server:
    """Mount every service and begin to listen."""
    grpc_server = grpc.aio.server(
        interceptors=[telemetry_interceptor(), server.Door()], options=server.OPTIONS
    )
    mounted = [add(app, grpc_server) for one in capabilities for add in one.services]
    mounted += lines.add_services(grpc_server)
    mounted.append(add_info_service(app.node, [one.name for one in capabilities], grpc_server))
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, grpc_server)
    reflection.enable_server_reflection(
        [*mounted, HEALTH, reflection.SERVICE_NAME], grpc_server
    )
    grpc_server.add_insecure_port(told.grpc_listen)
    await grpc_server.start()
    for name in ["", *mounted]:
        await health_servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    return grpc_server


async def _ready(db: Database, road: Road) -> dict[str, str]:
    """Say what the node needs and whether it has it; without NATS it works, only slower."""
    await db.ping()
    return {"database": "ok", "nats": "ok" if road.is_connected else "away, repair road in use"}


async def _prune(app: App) -> None:
    """Forget answered requests that nobody will retry."""
    while True:
        with contextlib.suppress(TierError):
            async with app.db.transaction() as tx:
                await requests.prune(tx)
        await asyncio.sleep(PRUNE_SECONDS)


