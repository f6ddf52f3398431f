"""A watch goes on where it stopped, over a restart of the node."""

from __future__ import annotations

import asyncio
from collections import Counter

import asyncpg
import grpc

from clients.runtime.watching import watch
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.reporting.v1 import reporting_pb2
from ducha.reporting.v1 import reporting_service_pb2 as api
from tests.journeys.office import Office, eventually
from tests.journeys.running import Running

Seen = Counter[tuple[str, str]]
"""(kind, division) of every change that was told."""


async def test_a_watch_tells_every_change_once_over_a_restart(
    four_tiers: Running, office: Office
) -> None:
    """The province stops and starts while reports come in: no change twice, none missed."""
    line = four_tiers.line
    item = await office.issue("53")
    towns = sorted(office.history.targets[item])
    await office.until("township", item, towns, pb.ASSIGNMENT_STATE_ISSUED)
    seen: Seen = Counter()
    tokens: list[str] = []
    watching = asyncio.create_task(follow(office, item, seen, tokens))
    await eventually(lambda: aware(tokens), "the watch stands")
    await office.report(item, towns[:6])
    await eventually(lambda: told(seen, towns[:6]), "the first reports are told")
    pid = line.services["province"].pid
    await asyncio.to_thread(line.stop_node, "province")
    await office.report(item, towns[6:])
    await asyncio.to_thread(line.start_node, "province")
    await eventually(lambda: told(seen, towns), "the other reports are told")
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    there = await facts_about(office, item)

    assert line.services["province"].pid != pid
    assert set(seen.values()) == {1}
    # Reports that waited long for the province are judged by it: facts of its own.
    reports = Counter({one: n for one, n in seen.items() if "Reported" in one[0]})
    assert reports == Counter({one: 1 for one in there if "Reported" in one[0]})


async def follow(office: Office, item: str, seen: Seen, tokens: list[str]) -> None:
    """Watch an item at the province and count what is told."""
    method = office.desks["province"].reporting.WatchItem
    async for change in watch(method, api.WatchItemRequest(item_id=item)):
        tokens.append(change.resume_token)
        seen.update((one.kind, one.division) for one in change.changes)


async def aware(tokens: list[str]) -> bool:
    return bool(tokens)


async def told(seen: Seen, towns: list[str]) -> bool:
    return set(towns) <= {division for _, division in seen}


async def facts_about(office: Office, item: str) -> list[tuple[str, str]]:
    """Return (kind, division) of every fact about an item in the province's ledger."""
    connection = await asyncpg.connect(office.places["province"].database_url)
    try:
        rows = await connection.fetch(
            "SELECT kind, division FROM ledger_fact WHERE subject = $1", item
        )
    finally:
        await connection.close()
    return [(row["kind"], row["division"]) for row in rows]


async def test_a_watch_of_a_division_resumes_from_its_token(
    four_tiers: Running, office: Office
) -> None:
    """A county's watcher goes away, and later learns what happened meanwhile."""
    reporting = office.desks["county"].reporting
    first = await one_answer(
        reporting.WatchDivision(api.WatchDivisionRequest(division="530102"))
    )
    mine = await office.issue("53", within=["530102"])
    other = await office.issue("53", within=["530201"])
    towns = sorted(office.history.targets[mine])
    await office.until("township", mine, towns, pb.ASSIGNMENT_STATE_ISSUED)
    await office.report(mine, towns)
    await office.until("county", mine, towns, pb.ASSIGNMENT_STATE_REPORTED)
    asked = api.WatchDivisionRequest(division="530102", resume_token=first.resume_token)
    changes: list[reporting_pb2.ItemChange] = []
    call = reporting.WatchDivision(asked)
    async for answer in call:
        changes += answer.changes
        if len([one for one in changes if one.item_id == mine]) > len(towns):
            break
    call.cancel()

    assert [one.division for one in changes if one.kind.endswith("Reported")] == towns
    assert all(not one.division.startswith("5302") for one in changes)
    assert other != mine


async def one_answer(
    call: grpc.aio.UnaryStreamCall[api.WatchDivisionRequest, api.WatchDivisionResponse],
) -> api.WatchDivisionResponse:
    """Return the first answer of a watch and leave."""
    try:
        async for answer in call:
            return answer
    finally:
        call.cancel()
    raise AssertionError("the watch ended by itself")
