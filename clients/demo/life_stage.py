"""Where the life of an item is played: four nodes, and what each must come to tell of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from clients.cli.registry_words import rows
from clients.demo.life_cast import OFFICER, REVIEWER, SUPERVISOR, Cast
from clients.demo.life_office import Office
from clients.demo.once import Check
from clients.runtime import Client, Endpoints, Refused
from clients.runtime.credentials import Issuing
from clients.runtime.endpoints import TIERS
from ducha.timeline.v1 import timeline_pb2
from ducha.timeline.v1 import timeline_service_pb2 as timeline

POLL_SECONDS = 0.05
STEP_SECONDS = 30.0
PAGE = 500
ALL = 100_000

NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Told:
    """What the timelines of some tiers must tell: who did what, about whom."""

    kind: str
    by: str
    about: str = ""
    at: Sequence[str] = TIERS
    details: Mapping[str, str] = field(default_factory=lambda: NOTHING)

    def is_in(self, events: Sequence[timeline_pb2.Event]) -> bool:
        """Whether one of the events is it."""
        return any(
            event.kind == self.kind
            and event.division == self.by
            and (not self.about or self.about in event.divisions)
            and self.details.items() <= dict(event.details).items()
            for event in events
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the act: what was done, which tiers told of it, and how soon."""

    english: str
    chinese: str
    tiers: Sequence[str]
    """Those that told of all of it."""
    missing: Sequence[str]
    seconds: float


@dataclass(slots=True)
class Stage:
    """The nodes and units of one act, and what came of it so far."""

    endpoints: Endpoints
    cast: Cast
    nodes: Mapping[str, Client]
    reviewer: Client
    """The top node, as another person."""
    tell: Callable[[str, str], None]
    item: str = ""
    steps: list[Step] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    @property
    def province(self) -> Office:
        """The unit that issues."""
        code = self.cast.province.code
        return Office(self.nodes["province"], code, SUPERVISOR, self.item)

    @property
    def second_person(self) -> Office:
        """Another person of the unit that issues."""
        return replace(self.province, client=self.reviewer, actor=REVIEWER)

    @property
    def city(self) -> Office:
        """The city's unit."""
        return self._office("city", self.cast.city.code)

    @property
    def county(self) -> Office:
        """The county's unit."""
        return self._office("county", self.cast.county.code)

    def township(self, code: str) -> Office:
        """Return a township's unit."""
        return self._office("township", code)

    def _office(self, tier: str, code: str) -> Office:
        return Office(self.nodes[tier], code, OFFICER, self.item)

    async def step(self, english: str, chinese: str, *told: Told) -> None:
        """Wait until all is told where it must be; say how soon, or what is missing."""
        self.tell(f"  {english}", f"  {chinese}")
        begin = time.monotonic()
        places = [tier for tier in TIERS if any(tier in one.at for one in told)]
        found = await asyncio.gather(*(self._until_told(tier, told) for tier in places))
        seconds = time.monotonic() - begin
        seen = [tier for tier, is_there in zip(places, found, strict=True) if is_there]
        missing = [tier for tier in places if tier not in seen]
        self.steps.append(Step(english, chinese, seen, missing, seconds))

    async def _until_told(self, tier: str, told: Sequence[Told]) -> bool:
        """Wait until a tier tells of all that it must; False if it does not."""
        wanted = [one for one in told if tier in one.at]
        end = time.monotonic() + STEP_SECONDS
        while time.monotonic() < end:
            events = await self.course(tier)
            if all(one.is_in(events) for one in wanted):
                return True
            await asyncio.sleep(POLL_SECONDS)
        return False

    async def course(self, tier: str) -> list[timeline_pb2.Event]:
        """Return all that a tier tells of the item; nothing before it is there."""
        request = timeline.ListEventsRequest(item_id=self.item, page_size=PAGE)
        client = self.nodes[tier]
        try:
            return await rows(
                client,
                client.timeline.ListEvents,
                request,
                lambda page: page.events,
                ALL,
            )
        except Refused as refused:
            if refused.reason != "ITEM_UNKNOWN":
                raise
            return []

    async def refusal(
        self, english: str, chinese: str, move: Awaitable[object], reason: str
    ) -> None:
        """Check that a move is refused, and why."""
        found = "done 已办理"
        try:
            await move
        except Refused as refused:
            found = refused.reason
        self.checks.append(Check(english, chinese, found, found == reason))


@asynccontextmanager
async def opened(
    endpoints: Endpoints, players: Cast, tell: Callable[[str, str], None]
) -> AsyncIterator[Stage]:
    """Open the nodes of the players."""
    codes = (
        players.province.code,
        players.city.code,
        players.county.code,
        players.steady.code,
    )
    async with AsyncExitStack() as stack:
        nodes = {
            tier: await stack.enter_async_context(endpoints.client(code))
            for tier, code in zip(TIERS, codes, strict=True)
        }
        other = await stack.enter_async_context(_as_other_person(endpoints))
        yield Stage(endpoints, players, nodes, other, tell)


def _as_other_person(endpoints: Endpoints) -> Client:
    """Return a client of the top node for a person with a name of their own."""
    shown = endpoints.credentials
    if isinstance(shown.bearer, Issuing):
        bearer = replace(shown.bearer, subject="reviewer", _tokens={})
        shown = replace(shown, bearer=bearer)
    return Client(endpoints.top().grpc, shown)
