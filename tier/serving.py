"""One node at work: its capabilities mounted, its links running, until it drains."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection

from tier.app import App, Capability
from tier.identity.own import OwnIdentity
from tier.info import add_info_service
from tier.ledger import Feed
from tier.link import Lines
from tier.link.contact import Contacts
from tier.link.parent_line import ParentLine
from tier.link.road import Road
from tier.node import Node
from tier.policy.entrance import WalledEntrance
from tier.policy.guard import Guard
from tier.runtime import http, requests, server
from tier.runtime.clock import Clock, Pace
from tier.runtime.db import Database
from tier.runtime.errors import TierError
from tier.runtime.rpc_telemetry import telemetry_interceptor
from tier.runtime.settings import Settings
from tier.sealing.cosigner import Cosigner
from tier.sealing.sealer import Sealer

LOG = structlog.get_logger(__name__)

DRAIN_SECONDS = 5.0
PRUNE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Deployment:
    """What runs here: the settings, the node they describe, what it can do."""

    told: Settings
    node: Node
    capabilities: Sequence[Capability]
    identity: OwnIdentity | None = None

    @property
    def tier(self) -> str:
        """Return the tier's name."""
        return self.node.level.name.lower()


async def run_node(
    deployment: Deployment,
    db: Database,
    road: Road,
    tasks: asyncio.TaskGroup,
    stop: asyncio.Event,
) -> None:
    """Start everything in the order a caller may rely on, wait for `stop`, drain."""
    told, node = deployment.told, deployment.node
    steady = _clock(told.pace, tasks)
    names = [child.name for child in node.children]
    neighbours = [*names, *filter(None, [node.parent])]
    contacts = Contacts(neighbours, names, timedelta(seconds=told.contact_seconds))
    app = App(
        node=node,
        db=db,
        feed=Feed(),
        now=steady.now,
        tasks=tasks,
        draining=asyncio.Event(),
        review_buffer=timedelta(hours=told.review_buffer_hours),
        contact=timedelta(seconds=told.contact_seconds),
        silent=contacts.silent,
        identity=deployment.identity,
        real=steady.real,
        pace=steady.pace,
    )
    if deployment.identity is not None:
        tasks.create_task(deployment.identity.watch())
    lines = Lines(app, deployment.capabilities, road, contacts)
    await lines.open()
    tasks.create_task(_prune(app))
    await _serve_until(stop, deployment, app, lines)


def _clock(pace: Pace, tasks: asyncio.TaskGroup) -> Clock:
    """Return the node's clock, which compares itself with the wall."""
    if pace.is_simulated:
        LOG.warning("SIMULATED CLOCK", rate=pace.rate, epoch=str(pace.epoch))
    steady = Clock(pace)
    tasks.create_task(steady.run())
    return steady


async def _serve_until(
    stop: asyncio.Event, deployment: Deployment, app: App, lines: Lines
) -> None:
    """Serve, then let calls under way end and send watchers away."""
    told = deployment.told
    async with contextlib.AsyncExitStack() as stack:
        condition = health.HealthServicer()
        grpc_server = await _start_server(deployment, app, lines, condition)
        above = ParentLine(app, told.parent) if told.parent is not None else None
        if above is not None:
            stack.push_async_callback(above.close)
        lines.run(above)
        _seal(deployment, app, above)
        web = await http.serve(told.http_listen, ready=lambda: _ready(app.db))
        stack.push_async_callback(web.cleanup)
        LOG.info("serving", grpc=told.grpc_listen, http=told.http_listen)
        await stop.wait()
        LOG.info("draining")
        app.draining.set()
        await condition.enter_graceful_shutdown()
        await grpc_server.stop(DRAIN_SECONDS)


def _seal(deployment: Deployment, app: App, above: ParentLine | None) -> None:
    """Seal the ledger beside the work, and have the parent witness it."""
    app.tasks.create_task(Sealer(app, deployment.told.ledger_digest).run())
    if above is not None and app.node.parent is not None:
        app.tasks.create_task(Cosigner(app, above, app.node.parent).run())


async def _start_server(
    deployment: Deployment, app: App, lines: Lines, condition: health.HealthServicer
) -> grpc.aio.Server:
    """Mount every service and begin to listen."""
    door = server.Door(_entrance(app))
    grpc_server = grpc.aio.server(
        interceptors=[telemetry_interceptor(), door], options=server.OPTIONS
    )
    capabilities = deployment.capabilities
    mounted = [add(app, grpc_server) for one in capabilities for add in one.services]
    mounted += lines.add_services(grpc_server)
    mounted.append(
        add_info_service(
            app.node,
            [one.name for one in capabilities],
            grpc_server,
            now=app.now,
            pace=app.pace,
        )
    )
    health_pb2_grpc.add_HealthServicer_to_server(condition, grpc_server)
    reflection.enable_server_reflection(
        [*mounted, HEALTH, reflection.SERVICE_NAME], grpc_server
    )
    listen = deployment.told.grpc_listen
    if app.identity is None:
        grpc_server.add_insecure_port(listen)
    else:
        grpc_server.add_secure_port(listen, app.identity.tls.server())
    await grpc_server.start()
    for name in ["", *mounted]:
        await condition.set(name, health_pb2.HealthCheckResponse.SERVING)
    return grpc_server


def _entrance(app: App) -> server.Entrance | None:
    """Return the entrance with walls; None for a node that has no identity."""
    if app.identity is None:
        return None
    entrance = WalledEntrance(app.identity.recognition, Guard(app), app.node.hosts)
    app.identity.on_change(entrance.cut)
    app.tasks.create_task(entrance.sweep())
    return entrance


async def _ready(db: Database) -> dict[str, str]:
    """Say what the node cannot do without. NATS it can: the repair road is enough."""
    await db.ping()
    return {"database": "ok"}


async def _prune(app: App) -> None:
    """Forget answered requests that nobody will retry."""
    while True:
        with contextlib.suppress(TierError):
            async with app.db.transaction() as tx:
                await requests.prune(tx)
        await asyncio.sleep(PRUNE_SECONDS)
