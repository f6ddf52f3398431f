"""A running line of four tiers, as its callers and its databases see it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from clients.runtime.client import OPTIONS
from clients.runtime.credentials import Credentials, Issuing
from ducha.approval.v1.approval_service_pb2_grpc import ApprovalServiceStub
from ducha.assignment.v1.assignment_service_pb2_grpc import AssignmentServiceStub
from ducha.catalogue.v1.catalogue_service_pb2_grpc import (
    CatalogueKeepingServiceStub,
    CatalogueServiceStub,
)
from ducha.collection.v1.collection_service_pb2 import ResolveConflictRequest
from ducha.collection.v1.collection_service_pb2_grpc import CollectionServiceStub
from ducha.division.v1.division_service_pb2_grpc import (
    DivisionKeepingServiceStub,
    DivisionServiceStub,
)
from ducha.indicator.v1.indicator_service_pb2_grpc import IndicatorServiceStub
from ducha.link.v1.link_service_pb2_grpc import (
    LinkOperationServiceStub,
    LinkServiceStub,
)
from ducha.petition.v1.petition_service_pb2_grpc import PetitionServiceStub
from ducha.rectification.v1.rectification_service_pb2_grpc import (
    RectificationServiceStub,
)
from ducha.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from ducha.relief.v1.relief_service_pb2_grpc import ReliefServiceStub
from ducha.reporting.v1.reporting_service_pb2_grpc import ReportingServiceStub
from ducha.statistics.v1.statistics_service_pb2_grpc import StatisticsServiceStub
from ducha.timeline.v1.timeline_service_pb2_grpc import TimelineServiceStub
from ducha.timing.v1.timing_service_pb2_grpc import TimingServiceStub
from ducha.urging.v1.urging_service_pb2_grpc import UrgingServiceStub
from tests.servers import Refusal, refusal

TIERS = ("province", "city", "county", "township")
SECONDS = 20.0
CONFLICTING = "530102002"

# What moves by itself: the marks that neighbours exchange, the checkpoints of the
# ledger, when timers wake; and every decision is recorded, a refusal too.
MOVING = {
    "link_inbound", "link_receipt", "access_decision", "timing_clock",
    "ledger_life", "ledger_tile", "ledger_certificate", "ledger_beacon",
    "ledger_checkpoint", "ledger_witnessed", "ledger_witnessed_life",
}  # fmt: skip
DIGEST = "md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"
# Rows of these are added and never touched again.
DIGESTS = dict.fromkeys(("ledger_fact", "ledger_outbox", "request"), "''")
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
LANES = "SELECT neighbour, epoch, seq FROM ledger_lane"
MARKS = "SELECT neighbour, epoch, seq FROM link_inbound"

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True, slots=True)
class Officer:
    """Speaks for the division that a request acts for.

    A decision about a conflict names none: it is of the second township, like all
    conflicts here.
    """

    issuer: Issuing

    def token(self, request: object) -> str:
        """Return a token with all roles of people."""
        if isinstance(request, ResolveConflictRequest):
            return self.issuer.of(CONFLICTING)
        return self.issuer.token(request)


@dataclass(frozen=True, slots=True)
class Told:
    """A refusal with the machine's half of what it says."""

    refusal: Refusal
    domain: str
    details: Mapping[str, str]
    retry_seconds: float


async def footprint(
    fetch: Callable[[str], Awaitable[Sequence[asyncpg.Record]]],
) -> dict[str, tuple[int, str]]:
    """Return (rows, digest) of every table that only a caller changes."""
    names = [row["tablename"] for row in await fetch(TABLES)]
    looks = [
        f"SELECT '{name}' AS name, count(*) AS n, {DIGESTS.get(name, DIGEST)} AS sum"  # noqa: S608
        f" FROM {name} t"
        for name in names
        if name not in MOVING
    ]
    rows = await fetch(" UNION ALL ".join(looks))
    return {row["name"]: (row["n"], row["sum"]) for row in rows}


@dataclass(frozen=True, slots=True)
class Way:
    """How a node is reached: by whom, over which line."""

    channel: grpc.aio.Channel
    """By somebody of the division that acts, with every role people have."""
    bare: grpc.aio.Channel
    """By the same client program, and nobody who would speak through it."""
    child: grpc.aio.Channel
    """By the node below; at the lowest tier, by the node itself."""


class Tier:
    """One node: what a caller can ask of it, and its own database."""

    def __init__(self, name: str, way: Way, db: Connection, url: str) -> None:
        self.name = name
        self.url = url
        self.way = way
        self.channel = channel = way.channel
        self.db = db
        self.items = AssignmentServiceStub(channel)
        self.divisions = DivisionServiceStub(channel)
        self.keeping = DivisionKeepingServiceStub(channel)
        self.progress = ReportingServiceStub(channel)
        self.links = LinkServiceStub(way.child)
        self.operation = LinkOperationServiceStub(channel)
        self.catalogue = CatalogueServiceStub(channel)
        self.publishing = CatalogueKeepingServiceStub(channel)
        self.registry = RegistryServiceStub(channel)
        self.collection = CollectionServiceStub(channel)
        self.approval = ApprovalServiceStub(channel)
        self.petition = PetitionServiceStub(channel)
        self.indicators = IndicatorServiceStub(channel)
        self.relief = ReliefServiceStub(channel)
        self.statistics = StatisticsServiceStub(channel)
        self.timeline = TimelineServiceStub(channel)
        self.timing = TimingServiceStub(channel)
        self.rectification = RectificationServiceStub(channel)
        self.urging = UrgingServiceStub(channel)

    async def footprint(self) -> dict[str, tuple[int, str]]:
        """Return (rows, digest) of every table that only a caller changes."""
        return await footprint(self.db.fetch)

    async def count(self, table: str) -> int:
        """Return how many rows a table has."""
        found: int = await self.db.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608
        return found

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold up every commit of the node, as a slow disk would."""
        async with self.db.transaction():
            await self.db.execute("SELECT position FROM ledger_head FOR UPDATE")
            yield


class Line:
    """The four tiers together."""

    def __init__(self, tiers: Mapping[str, Tier], data: Path) -> None:
        self.by_name = tiers
        self.data = data
        self.province = tiers["province"]
        self.city = tiers["city"]
        self.county = tiers["county"]
        self.township = tiers["township"]

    async def settled(self) -> None:
        """Wait until every tier has applied what its neighbours told it."""
        async with asyncio.timeout(SECONDS):
            while not await self._is_settled():
                await asyncio.sleep(0.005)

    async def _is_settled(self) -> bool:
        """Follow what goes down, then what goes up: nobody writes meanwhile."""
        pairs = list(pairwise(TIERS))
        for sender, receiver in [*pairs, *((b, a) for a, b in reversed(pairs))]:
            sent = await self.by_name[sender].db.fetch(LANES)
            applied = await self.by_name[receiver].db.fetch(MARKS)
            head = {row["neighbour"]: (row["epoch"], row["seq"]) for row in sent}
            mark = {row["neighbour"]: (row["epoch"], row["seq"]) for row in applied}
            if head[receiver][1] and head[receiver] != mark[sender]:
                return False
        return True

    async def footprint(self) -> dict[str, dict[str, tuple[int, str]]]:
        """Return what every tier holds."""
        return {name: await tier.footprint() for name, tier in self.by_name.items()}


@asynccontextmanager
async def opened(data: Path) -> AsyncIterator[Line]:
    """Open channels and connections to the line that lives in `data`."""
    told: dict[str, Any] = json.loads((data / "endpoints.json").read_text())
    async with AsyncExitStack() as stack:
        tiers: dict[str, Tier] = {}
        for name in TIERS:
            (node,) = told["tiers"][name]
            way = await _way(stack, data, name, node["grpc"])
            db = await asyncpg.connect(node["database_url"])
            stack.push_async_callback(db.close)
            tiers[name] = Tier(name, way, db, node["database_url"])
        yield Line(tiers, data)


async def _way(stack: AsyncExitStack, data: Path, name: str, address: str) -> Way:
    """Open the ways to a node."""
    kept = Credentials.load(data)
    issuer = kept.bearer
    assert isinstance(issuer, Issuing)
    below = dict(pairwise(TIERS)).get(name, name)
    own = data / "identity" / "nodes" / below
    node = Credentials(
        kept.authorities,
        (own / "tls.crt").read_bytes(),
        (own / "tls.key").read_bytes(),
    )
    shown = (replace(kept, bearer=Officer(issuer)), replace(kept, bearer=None), node)
    opened = [
        await stack.enter_async_context(one.channel(address, OPTIONS)) for one in shown
    ]
    return Way(*opened)


def read(error: grpc.aio.AioRpcError) -> Told:
    """Read all that a refusal says."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type] # it has what is read
    assert status is not None, error
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(retry)
    delay = retry.retry_delay
    seconds = delay.seconds + delay.nanos / 1e9
    return Told(refusal(error), info.domain, dict(info.metadata), seconds)


async def refused(call: Awaitable[object]) -> Told:
    """Return what a call is refused with; it must be."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return read(error.value)


async def eventually(promise: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a promise holds."""
    async with asyncio.timeout(SECONDS):
        while not await promise():
            await asyncio.sleep(0.005)
