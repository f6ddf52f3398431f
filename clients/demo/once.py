"""Whether what was asked was asked once: the proof, from the four databases alone."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from clients.demo.proof import Databases
from clients.demo.registry_store import Held, facts, held
from clients.runtime.endpoints import TIERS
from ducha.division.v1 import division_pb2
from ducha.link.v1 import link_pb2
from ducha.registry.v1 import registry_facts_pb2, registry_pb2

POLL_SECONDS = 0.05
REQUESTED = registry_facts_pb2.DataRequested.DESCRIPTOR.full_name
JUDGED = registry_facts_pb2.AsksJudged.DESCRIPTOR.full_name
ASKING = frozenset({registry_pb2.OUTCOME_CONFIRM, registry_pb2.OUTCOME_COLLECT})

Cell = tuple[int, str, str]
"""An element's number, a division, a period."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so, and what was found."""

    english: str
    chinese: str
    found: str
    passed: bool


async def by_tier(databases: Databases, requests: Sequence[str]) -> dict[str, Held]:
    """Return what every tier holds."""
    found = {}
    for tier in TIERS:
        total = Held()
        for connection in databases.by_tier[tier]:
            total += await held(connection, requests)
        found[tier] = total
    return found


async def settled(
    databases: Databases, requests: Sequence[str], seconds: float
) -> dict[str, Held]:
    """Return what every tier holds once all hold the same, or after so long."""
    end = time.monotonic() + seconds
    while True:
        found = await by_tier(databases, requests)
        if is_settled(found) or time.monotonic() > end:
            return found
        await asyncio.sleep(POLL_SECONDS)


def is_settled(found: Mapping[str, Held]) -> bool:
    """Say whether all tiers hold the same values, and every request is complete."""
    same = {(one.sheets, one.values, one.digest) for one in found.values()}
    return len(same) == 1 and all(
        one.known == one.complete and not one.open_tasks for one in found.values()
    )


async def asked_cells(databases: Databases) -> Counter[Cell]:
    """Count how often each cell was asked, by the facts in the townships' ledgers."""
    counted: Counter[Cell] = Counter()
    for connection in databases.by_tier["township"]:
        counted += count_asks(await facts(connection, (REQUESTED, JUDGED)))
    return counted


def count_asks(kept: Iterable[tuple[str, bytes]]) -> Counter[Cell]:
    """Count asks by the facts of one ledger that requests only come down to.

    What came down to be asked, but was held or asked there already, was not asked.
    """
    counted: Counter[Cell] = Counter()
    periods: dict[str, str] = {}
    for kind, body in kept:
        payload = link_pb2.Fact.FromString(body).payload
        if kind == REQUESTED:
            requested = registry_facts_pb2.DataRequested.FromString(payload)
            period = requested.request.period
            periods[requested.request.data_request_id] = period
            for group in requested.groups:
                counted.update(_cells(group, period) if group.outcome in ASKING else ())
            continue
        judged = registry_facts_pb2.AsksJudged.FromString(payload)
        period = periods[judged.data_request_id]
        for group in judged.groups:
            step = (group.outcome in ASKING) - (group.before in ASKING)
            for cell in _cells(group, period):
                counted[cell] += step
    return +counted


def _cells(group: registry_facts_pb2.CellGroup, period: str) -> Iterator[Cell]:
    for division in divisions_of(group.divisions):
        for element in group.elements:
            yield element, division, period


def divisions_of(packed: division_pb2.DivisionSet) -> Iterator[str]:
    """Yield the codes of a set of divisions: each number is the step from the last one."""
    for run in packed.runs:
        number = 0
        for step in run.deltas:
            number += step
            yield f"{number:0{run.digits}}"


def checks(
    found: Mapping[str, Held], asked: Counter[Cell], requests: int
) -> list[Check]:
    """Judge what the databases hold after all was answered."""
    most = max(asked.values(), default=0)
    cells = sum(asked.values())
    tiers = list(found.values())
    values = {(one.sheets, one.values, one.digest) for one in tiers}
    complete = all(
        one.known == one.complete == requests and not one.open_tasks for one in tiers
    )
    counts = {(one.asked, one.joined) for one in tiers}
    agreed = len(counts) == 1 and tiers[0].asked == cells
    return [
        Check(
            "No township was asked for a value twice (facts in its database)",
            "没有乡镇被重复要数（直接读取乡级数据库中的事实）",
            f"{cells} x {most}",
            most == 1,
        ),
        Check(
            "All four databases count the same asks",
            "四级数据库的采集数一致",
            " ".join(str(one.asked) for one in tiers),
            agreed,
        ),
        Check(
            "Both requests are complete in all four databases",
            "两项申请在四级数据库中均已收齐",
            " ".join(f"{one.complete}/{one.known}" for one in tiers),
            complete,
        ),
        Check(
            "All four databases hold the same values",
            "四级数据库的数据值逐一相同",
            " ".join(str(one.values) for one in tiers),
            len(values) == 1 and tiers[0].values > 0,
        ),
    ]
