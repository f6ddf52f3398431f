"""Real servers for tests, and nodes on them without a network.

`Databases` hands out fresh, migrated databases on one PostgreSQL; `node_app` makes the
`App` of a node on one; `carry` applies what one node owes another as the link does, so
that a capability is tested by its actions and doors alone. `served` puts its services
behind the gRPC door that every tier has; `refusal` reads what a caller was told.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import asyncpg
import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from deploy.embedded.postgres import Postgres
from ducha.link.v1 import link_pb2
from tier import ledger
from tier.app import AddService, App, FactDoor
from tier.link import actions as link
from tier.link import owing
from tier.link import store as link_store
from tier.node import Node
from tier.runtime import clock
from tier.runtime.db import Database, open_database
from tier.runtime.migrate import migrate
from tier.runtime.server import OPTIONS, Door

TIER = Path(__file__).parent.parent / "tier"
LAYERS = (
    "runtime", "ledger", "link", "division", "calendar", "inbox", "catalogue",
    "registry", "assignment", "timing", "petition", "rectification", "urging",
    "timeline", "reporting",
    "relief", "approval", "sealing",
)  # fmt: skip
TOWNSHIP = TIER.parent / "services" / "township"
SCHEMAS = [(name, TIER / name / "schema") for name in LAYERS]
SCHEMAS.append(("access", TIER / "policy" / "schema"))
SCHEMAS.append(("collection", TOWNSHIP / "collection" / "schema"))
READERS = 2
ALL_FACTS = 1_000_000


class Databases:
    """Fresh databases on one server: copies of a template that is migrated once."""

    def __init__(self, server: Postgres) -> None:
        """Use a server that runs."""
        self._server = server
        self._numbers = itertools.count(1)
        self._migrated = ""

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Database]:
        """Give a migrated database of its own, dropped afterwards."""
        async with self.url(await self._template()) as url:
            database = await open_database(url, name="test", readers=READERS)
            try:
                yield database
            finally:
                await database.close()

    @asynccontextmanager
    async def url(self, template: str = "template1") -> AsyncIterator[str]:
        """Give the URL of a database of its own, empty unless copied from another."""
        name = await self._create(template)
        try:
            yield self._server.dsn(name)
        finally:
            await self._administer(f'DROP DATABASE "{name}" WITH (FORCE)')

    async def _template(self) -> str:
        """Return the name of the migrated template; nobody is connected to it."""
        if not self._migrated:
            name = await self._create("template1")
            database = await open_database(self._server.dsn(name), name="test")
            await migrate(database, SCHEMAS)
            await database.close()
            self._migrated = name
        return self._migrated

    async def _create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        await self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    async def _administer(self, sql: str) -> None:
        connection = await asyncpg.connect(self._server.dsn("postgres"))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


class AnApp(Protocol):
    """Makes the `App` of a node on a fresh database: `async with an_app(node) as app`."""

    def __call__(
        self, node: Node, now: Callable[[], datetime] = clock.now
    ) -> AbstractAsyncContextManager[App]:
        """Make it for `node`, with a clock of the test's own if need be."""
        ...


class _Done(Exception):
    """The test is over: whatever still runs for the app is cancelled."""


@asynccontextmanager
async def node_app(
    databases: Databases, node: Node, now: Callable[[], datetime] = clock.now
) -> AsyncIterator[App]:
    """Make the `App` of a node on a fresh database, its links opened, without a network.

    Its task group ends with the block. Use it inside the test: a task group entered in
    a fixture would be left in another task.
    """
    async with databases.fresh() as database:
        await _open_links(database, node)
        try:
            async with asyncio.TaskGroup() as tasks:
                yield App(
                    node=node,
                    db=database,
                    feed=ledger.Feed(),
                    now=now,
                    tasks=tasks,
                    draining=asyncio.Event(),
                    review_buffer=timedelta(days=1),
                    contact=timedelta(seconds=30),
                    silent=tuple,
                    real=now,
                )
                raise _Done
        except* _Done:
            pass


async def _open_links(database: Database, node: Node) -> None:
    """Make room for what the neighbours are told and tell, as a new link does."""
    names = [child.name for child in node.children]
    async with database.transaction() as tx:
        for name in [*names, *filter(None, [node.parent])]:
            await link_store.open_link(tx, name)
            await ledger.store.open_lane(tx, name, epoch=1)


async def carry(sender: App, receiver: App, doors: Mapping[str, FactDoor]) -> int:
    """Apply all that `receiver` is owed by `sender`; return how many facts were new."""
    name = sender.node.name
    tip = await owing.applied(receiver, name)
    run = await owing.owed(sender, receiver.node.name, tip.mark.seq, ALL_FACTS)
    if run is None:
        return 0
    return (await link.apply(receiver, doors, name, [run])).count


async def owed(sender: App, neighbour: str) -> list[link_pb2.Fact]:
    """Return every fact that a neighbour was ever to be told, in order."""
    run = await owing.owed(sender, neighbour, 0, ALL_FACTS)
    bodies: Sequence[bytes] = () if run is None else run.bodies
    return [link_pb2.Fact.FromString(body) for body in bodies]


async def recorded(app: App) -> list[link_pb2.Fact]:
    """Return every fact in a node's ledger, in order."""
    async with app.db.reading() as tx:
        kept = await tx.fetch("SELECT body FROM ledger_fact ORDER BY position")
    return [link_pb2.Fact.FromString(row["body"]) for row in kept]


async def quarantined(app: App) -> list[str]:
    """Return the reasons of what a node set aside, oldest first."""
    async with app.db.reading() as tx:
        return [fact.reason for fact in await link_store.quarantine(tx, 0, ALL_FACTS)]


@asynccontextmanager
async def served(
    app: App, services: Sequence[AddService]
) -> AsyncIterator[grpc.aio.Channel]:
    """Serve `services` on loopback and give a channel to them."""
    server = grpc.aio.server(interceptors=[Door()], options=OPTIONS)
    for add in services:
        add(app, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop(None)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refused caller was told."""

    code: grpc.StatusCode
    reason: str
    texts: Mapping[str, str]
    fields: Sequence[str]


def refusal(error: grpc.aio.AioRpcError) -> Refusal:
    """Read a refusal as a client does: ErrorInfo, both languages, the wrong fields."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type] # it has what is read
    assert status is not None, error
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    texts = {}
    for detail in status.details:
        text = error_details_pb2.LocalizedMessage()
        if detail.Unpack(text):
            texts[text.locale] = text.message
        detail.Unpack(info)
        detail.Unpack(bad)
    fields = [wrong.field for wrong in bad.field_violations]
    return Refusal(error.code(), info.reason, texts, fields)
