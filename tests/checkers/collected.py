"""What was asked and answered, as clients remember it, against what every node holds.

Lost: an acknowledged answer that a tier does not have. Doubled: one that stands twice.
Asked twice: a cell that somebody had to give although it was given. Beside that, tiers must
hold the same sheets, every request must be complete, and every audit without differences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass, field

import asyncpg

from ducha.link.v1 import link_pb2
from ducha.registry.v1 import registry_facts_pb2 as facts
from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as registry
from ducha.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from ducha.relief.v1 import relief_service_pb2 as relief
from ducha.relief.v1.relief_service_pb2_grpc import ReliefServiceStub
from tests.checkers.places import Place
from tests.checkers.sets import Finding, Kind
from tier.jurisdiction import Level, level_of, parse

RECORDED = facts.ObservationsRecorded.DESCRIPTOR.full_name
SHOWN = 10
SHEETS = """
    SELECT period, division, asked, deadline_at, elements, numbers, given, flags, answers, texts
      FROM registry_sheet WHERE period = ANY ($1)
"""
GIVEN = "SELECT body FROM ledger_fact WHERE kind = $1"
ASKED = """
    SELECT coalesce(sum(collect + confirm), 0) FROM registry_need WHERE period = ANY ($1)
"""

Cell = tuple[str, str, str]
"""(period, division, element)."""
Sheet = tuple[str, str]
"""(period, division)."""


@dataclass(slots=True)
class Collected:
    """Acknowledged requests and answers."""

    requests: dict[str, str] = field(default_factory=dict)
    """Data requests, each with its requester."""
    cells: set[Cell] = field(default_factory=set)
    """All that was needed by anybody."""
    given: dict[str, Sheet] = field(default_factory=dict)
    """Answers, by the mark in their device."""
    unasked: set[Cell] = field(default_factory=set)
    """Given before anybody's question reached the township: nobody was asked."""
    times: Counter[Cell] = field(default_factory=Counter)
    """How often a cell was given."""

    @property
    def count(self) -> int:
        """How many operations were acknowledged."""
        return len(self.requests) + len(self.given)

    @property
    def periods(self) -> list[str]:
        """Return the periods that anything was needed or given for."""
        given = {period for period, _ in self.given.values()}
        return sorted(given | {period for period, _, _ in self.cells})


@dataclass(frozen=True, slots=True)
class Holding:
    """What one node holds of the periods that matter."""

    place: Place
    sheets: Mapping[Sheet, tuple[object, ...]]
    marks: Counter[str]
    asked: int
    told: list[str]
    """What its own audits say, and requests that are not complete."""


async def problems(
    places: Mapping[str, Place], collected: Collected, *, restored: bool = False
) -> list[str]:
    """Return everything that is wrong at nodes at rest, shortened.

    A node that was restored judges anew what it is told again, now that the answers are
    there: how many cells were asked is then no longer known exactly, at any tier.
    """
    found = [
        f"{one.node}: {one.what}" if one.node else one.what
        for one in await findings(places, collected, restored=restored)
    ]
    return [*found[:SHOWN], f"{len(found)} in all"] if found else []


async def findings(
    places: Mapping[str, Place], collected: Collected, *, restored: bool = False
) -> list[Finding]:
    """Return everything that is wrong at nodes at rest, by kind; see `problems`."""
    held = [await _take(place, collected) for place in places.values()]
    found = list(unanswered(collected))
    for one in held:
        found += answers(one.place, one.marks, collected)
        name = one.place.name
        wrong = [*_wrong(one), *(() if restored else _miscounted(one, collected))]
        found += [Finding("differs", name, what) for what in wrong]
    by_name = {one.place.name: one for one in held}
    for one in held:
        if one.place.parent is not None:
            above = by_name[one.place.parent]
            found += [Finding("differs", "", what) for what in _differing(one, above)]
    return found


def unanswered(collected: Collected) -> Iterator[Finding]:
    """Yield cells that were given more than once, or never."""
    for cell, times in collected.times.items():
        if times > 1:
            yield Finding("doubled", "", f"{cell} was given {times} times")
    for cell in collected.cells - collected.times.keys():
        yield Finding("lost", "", f"{cell} was never given")


def answers(
    place: Place, marks: Mapping[str, int], collected: Collected
) -> Iterator[Finding]:
    """Yield acknowledged answers that a node lacks, has twice, or has of nobody."""
    for mark, (_, division) in collected.given.items():
        times = marks.get(mark, 0)
        wanted = 1 if place.holds(division) else 0
        if times != wanted:
            kind: Kind = "lost" if times < wanted else "doubled"
            yield Finding(
                kind, place.name, f"answer {mark} of {division} is there {times} times"
            )
    for mark in marks.keys() - collected.given.keys():
        yield Finding("phantom", place.name, f"answer {mark}")


async def _take(place: Place, collected: Collected) -> Holding:
    periods = frozenset(collected.periods)
    connection = await asyncpg.connect(place.database_url)
    try:
        sheets = await connection.fetch(SHEETS, collected.periods)
        bodies = await connection.fetch(GIVEN, RECORDED)
        asked = await connection.fetchval(ASKED, collected.periods)
    finally:
        await connection.close()
    return Holding(
        place,
        {(row["period"], row["division"]): tuple(row.values()) for row in sheets},
        Counter(mark for row in bodies for mark in _marks(row["body"], periods)),
        asked,
        [one async for one in _told(place, collected)],
    )


def _marks(body: bytes, periods: Collection[str]) -> list[str]:
    """Return the marks of the answers in a fact, for some periods."""
    payload = link_pb2.Fact.FromString(body).payload
    given = facts.ObservationsRecorded.FromString(payload).answers
    return [one.device for one in given if one.period in periods]


async def _told(place: Place, collected: Collected) -> AsyncIterator[str]:
    """Yield what a node itself says is wrong."""
    async with place.channel() as channel:
        stub = RegistryServiceStub(channel)
        audit = await stub.AuditRegistry(registry.AuditRegistryRequest())
        for one in audit.differences:
            yield f"{one.subject}: kept {one.kept}, computed {one.computed}"
        savings = ReliefServiceStub(channel)
        spared = await savings.AuditSavings(relief.AuditSavingsRequest())
        for each in spared.differences:
            yield f"savings: kept {each.kept}, computed {each.computed}"
        for request_id, requester in collected.requests.items():
            if place.level in {Level.PROVINCE, level_of(parse(requester))} and (
                place.holds(requester)
            ):
                asked = registry.GetDataRequestRequest(data_request_id=request_id)
                found = (await stub.GetDataRequest(asked)).data_request
                if found.state != registry_pb2.DATA_REQUEST_STATE_COMPLETE:
                    yield f"request {request_id} waits for {found.waiting_count}"


def _wrong(held: Holding) -> Iterator[str]:
    """Yield what is wrong with one node by itself."""
    yield from held.told
    yield from (f"{key} is still asked" for key, row in held.sheets.items() if row[2])


def _miscounted(held: Holding, collected: Collected) -> Iterator[str]:
    """Yield whether a node counts more or less cells as asked than had to be."""
    needed = collected.cells - collected.unasked
    cells = sum(1 for _, division, _ in needed if held.place.holds(division))
    if held.asked != cells:
        yield f"{held.asked} cells asked, for {cells} that were needed and not held"


def _differing(child: Holding, parent: Holding) -> Iterator[str]:
    """Yield where a parent's sheets are not its child's."""
    above = {
        key: row for key, row in parent.sheets.items() if child.place.holds(key[1])
    }
    for key in child.sheets.keys() | above.keys():
        if child.sheets.get(key) != above.get(key):
            yield (
                f"{child.place.name} and {parent.place.name} differ: "
                f"{child.sheets.get(key)} and {above.get(key)}"
            )
