"""A county and a township with seals, on real PostgreSQL: what a ledger's proofs need.

The clock is the test's own, so that every checkpoint has its second. `Pair.round` records
facts at the township, seals them, and has the county cosign over gRPC.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc

from ducha.ledger.v1 import ledger_pb2 as pb
from ducha.ledger.v1 import ledger_service_pb2 as api
from ducha.ledger.v1.ledger_service_pb2_grpc import LedgerServiceStub
from ducha.link.v1 import link_pb2
from tests.sealing.seals import AUTHORITY, TestSigner, write_pair
from tests.servers import Databases, node_app, served
from tier import ledger
from tier.app import App
from tier.identity.model import SpiffeId, area_of
from tier.identity.own import OwnIdentity
from tier.info import add_info_service
from tier.jurisdiction import Code, Level
from tier.ledger import Author, Entry
from tier.node import Neighbour, Node
from tier.runtime.server import OPTIONS, Door
from tier.runtime.settings import IdentitySettings
from tier.sealing import store
from tier.sealing.capability import CAPABILITY
from tier.sealing.cosigner import Cosigner
from tier.sealing.findings import Report
from tier.sealing.sealer import Sealer
from tier.sealing.trust import Trust
from tier.sealing.verify import Verifier

DOMAIN = "ducha.internal"
TOWN = Code("530102001")
BEGIN = datetime(2026, 11, 23, 1, tzinfo=UTC)
COUNTY = Node(
    "wuhua", Level.COUNTY, (Code("530102"),), children=(Neighbour("daguan", (TOWN,)),)
)
TOWNSHIP = Node("daguan", Level.TOWNSHIP, (TOWN,), parent="wuhua")
_numbers = itertools.count(1)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def spiffe_of(node: Node, domain: str = DOMAIN) -> SpiffeId:
    return SpiffeId(domain, node.level, area_of(node.hosts), node.name)


def identity_of(
    node: Node, folder: Path, signer: TestSigner | None = None
) -> OwnIdentity:
    """Give a node an identity, from files as it has them."""
    folder.mkdir()
    seal = signer or AUTHORITY.seal(spiffe_of(node))
    key, certificate = write_pair(seal, folder)
    told = IdentitySettings(
        certificate=certificate,
        key=key,
        seal_certificate=certificate,
        seal_key=key,
        authorities=AUTHORITY.write(folder / "ca.crt"),
    )
    return OwnIdentity(told, None, node)


def a_fact(app: App, subject: str = "item") -> Entry:
    """Make a fact as a capability does."""
    payload = link_pb2.Mark(seq=next(_numbers), fact_id=f"{subject} 之事")
    author = Author.at(app.now(), app.node.name, "王", traceparent="")
    return ledger.record(
        author, payload, division=str(app.node.hosts[0]), subject=subject, onward=()
    )


async def record(app: App, entries: Sequence[Entry]) -> None:
    async with app.db.transaction() as tx:
        await ledger.append(tx, app.feed, entries, app.now())


async def seal_all(sealer: Sealer) -> int:
    """Seal until there is nothing more."""
    total = 0
    while sealed := await sealer.seal():
        total += sealed
    return total


@dataclass(slots=True)
class Held:
    """A line to the parent that a test may exchange."""

    channel: grpc.aio.Channel


@dataclass(slots=True)
class Pair:
    """A county and its township at work."""

    county: App
    township: App
    clock: Clock
    line: Held
    own_channel: grpc.aio.Channel
    address: str
    own_address: str
    sealer: Sealer
    above: Sealer
    cosigner: Cosigner
    sizes: list[int] = field(default_factory=list)

    async def round(
        self, count: int, subject: str = "item", *, cosign: bool = True
    ) -> None:
        """Record, seal, cosign; the county records something as well."""
        await record(
            self.township, [a_fact(self.township, subject) for _ in range(count)]
        )
        await record(self.county, [a_fact(self.county)])
        self.clock.move(2)
        await seal_all(self.above)
        await seal_all(self.sealer)
        if cosign:
            assert await self.cosigner.cosign()
        self.sizes.append(await self.head())

    async def head(self) -> int:
        async with self.township.db.reading() as tx:
            return await ledger.store.head(tx)

    async def export(self) -> list[pb.LedgerRecord]:
        """Export the township's ledger through its door."""
        stub = LedgerServiceStub(self.own_channel)
        call = stub.ExportLedger(api.ExportLedgerRequest())
        return [record async for response in call for record in response.records]

    async def witnessed(self) -> pb.WitnessedHistory:
        """Ask the county for all that it cosigned."""
        stub = LedgerServiceStub(self.line.channel)
        history = pb.WitnessedHistory(child=TOWNSHIP.name)
        request = api.ListWitnessedRequest(child=TOWNSHIP.name, page_size=7)
        while True:
            page = await stub.ListWitnessed(request)
            history.checkpoints.extend(page.checkpoints)
            history.certificates.extend(page.certificates)
            history.ClearField("lives")
            history.lives.extend(page.lives)
            request.page_token = page.next_page_token
            if not page.next_page_token:
                return history

    def bare(self) -> AbstractAsyncContextManager[grpc.aio.Channel]:
        """Serve the county as it is without an identity."""
        return served(replace(self.county, identity=None), CAPABILITY.services)

    def trust(self) -> Trust:
        assert self.county.identity is not None
        return Trust(self.county.identity.authorities.prove)


@asynccontextmanager
async def a_pair(
    databases: Databases,
    folder: Path,
    digest: str = "sha256",
    seal: TestSigner | None = None,
) -> AsyncIterator[Pair]:
    """Start both; neither has sealed anything."""
    clock = Clock()
    async with (
        node_app(databases, COUNTY, clock) as plain_county,
        node_app(databases, TOWNSHIP, clock) as plain_township,
    ):
        county = replace(plain_county, identity=identity_of(COUNTY, folder / "county"))
        township = replace(
            plain_township, identity=identity_of(TOWNSHIP, folder / "township", seal)
        )
        async with listening(county) as address, listening(township) as own_address:
            channel = grpc.aio.insecure_channel(address)
            own_channel = grpc.aio.insecure_channel(own_address)
            line = Held(channel)
            yield Pair(
                county,
                township,
                clock,
                line,
                own_channel,
                address,
                own_address,
                Sealer(township, digest),
                Sealer(county),
                Cosigner(township, line, COUNTY.name),
            )
            await channel.close()
            await own_channel.close()


@asynccontextmanager
async def listening(app: App) -> AsyncIterator[str]:
    """Serve a node's sealing on loopback, and say where."""
    server = grpc.aio.server(interceptors=[Door()], options=OPTIONS)
    for add in CAPABILITY.services:
        add(app, server)
    add_info_service(app.node, ["sealing"], server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def verified(
    records: Sequence[pb.LedgerRecord],
    trust: Trust,
    witnessed: pb.WitnessedHistory | None = None,
) -> Report:
    """Check an export."""
    verifier = Verifier(trust, witnessed)
    for one in records:
        verifier.add(one)
    return verifier.report()


async def sql(app: App, statement: str, *arguments: object) -> None:
    async with app.db.transaction() as tx:
        await tx.execute(statement, *arguments)


async def alarms(app: App) -> list[str]:
    async with app.db.reading() as tx:
        return [one.alarm.reason for one in await store.alarms(tx, 100)]
