"""Run one node: put its capabilities together, serve, and stop cleanly.

Starting is recovering: the database is brought up to date, every link asks its parent
what it missed. Stopping drains: new calls are refused, those under way end, watchers are
told to come back.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import gc
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NoReturn

import structlog
import uvloop
from pydantic import ValidationError

from tier.app import Capability
from tier.identity.own import OwnIdentity
from tier.jurisdiction import Level
from tier.link.lines import SCHEMA as LINK_SCHEMA
from tier.link.road import Road, Tls, tls_context
from tier.node import Node
from tier.runtime import logs, settings, telemetry
from tier.runtime.db import Database, open_database
from tier.runtime.errors import TierError
from tier.runtime.migrate import migrate
from tier.runtime.settings import Settings
from tier.runtime.viewer import ViewerMissing
from tier.serving import Deployment, run_node

LOG = structlog.get_logger(__name__)

OURS = Path(__file__).parent
BASE_SCHEMAS = [
    ("runtime", OURS / "runtime" / "schema"),
    ("ledger", OURS / "ledger" / "schema"),
    ("link", LINK_SCHEMA),
]
DATABASE_TRIES = 60


class _Stopped(Exception):
    """Ends the task group once the server has drained."""


def run(level: Level, capabilities: Sequence[Capability]) -> None:
    """Run a node of `level` with `capabilities`, as the command line says."""
    parser = argparse.ArgumentParser(
        prog=f"python -m services.{level.name.lower()}",
        description=f"Run one {level.name.lower()} node of Ducha. 运行一个督查平台节点。",
    )
    parser.add_argument(
        "--config", type=Path, required=True, help="TOML file / 配置文件"
    )
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
    _spare_the_collector()
    logs.configure(told.log_level, node.name, level.name.lower())
    try:
        identity = _identity(told, node)
        uvloop.run(_serve(Deployment(told, node, capabilities, identity)))
    except (OSError, ValueError, ViewerMissing) as wrong:
        LOG.error("not started", error=str(wrong))  # noqa: TRY400 - it says what to do
        sys.exit(f"{arguments.config}: {wrong}")


def _identity(told: Settings, node: Node) -> OwnIdentity | None:
    """Return what the node proves itself by; None without walls.

    Raises:
        OSError, ValueError: a file is missing or wrong.
    """
    if told.identity is None:
        return None
    return OwnIdentity(told.identity, told.people, node)


def _spare_the_collector() -> None:
    """Collect cycles seldom: a bundle of facts is thousands of objects without any.

    At Python's defaults a third of a busy node's CPU went into looking for cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _serve(deployment: Deployment) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    told, node = deployment.told, deployment.node
    telemetry.start(
        service=f"ducha-{deployment.tier}",
        tier=deployment.tier,
        node=node.name,
        otlp_endpoint=told.otlp_endpoint,
    )
    async with _database(deployment) as db:
        road = Road(told.nats_url.get_secret_value(), node.name, tls=_tls(told))
        try:
            await _until(stop, deployment, db, road)
        finally:
            await road.close()
    LOG.info("stopped")
    telemetry.stop()


def _tls(told: Settings) -> Tls | None:
    """Return what reads the node's own certificate for the road; None without walls.

    A NATS of one's own on loopback may be without (`nats://`): bundles are sealed.
    """
    own = told.identity
    if own is None or not told.nats_url.get_secret_value().startswith("tls://"):
        return None
    return functools.partial(tls_context, own.certificate, own.key, own.authorities)


async def _until(
    stop: asyncio.Event, deployment: Deployment, db: Database, road: Road
) -> None:
    """Run the node until `stop`, then end whatever it keeps alive."""
    try:
        async with asyncio.TaskGroup() as tasks:
            await run_node(deployment, db, road, tasks, stop)
            _end()
    except* _Stopped:
        pass


def _end() -> NoReturn:
    """Cancel what the task group still runs."""
    raise _Stopped


@contextlib.asynccontextmanager
async def _database(deployment: Deployment) -> AsyncIterator[Database]:
    """Open the database, waiting for it a while, and bring it up to date."""
    db = await _opened(deployment.told, deployment.node)
    try:
        own = ((one.name, one.schema) for one in deployment.capabilities)
        schemas = [*BASE_SCHEMAS, *own]
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
