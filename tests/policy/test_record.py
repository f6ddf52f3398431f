"""The record of decisions: complete, bounded, shown to who may look."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from deploy.embedded.postgres import Postgres
from ducha.access.v1 import access_pb2 as nouns
from ducha.access.v1 import access_service_pb2 as pb
from ducha.access.v1.access_service_pb2_grpc import AccessServiceStub
from ducha.assignment.v1 import assignment_service_pb2 as assignment
from tests.doors import letters
from tests.identity.sites import Site
from tests.policy.calls import rpcs
from tests.policy.walls import TOWN, fortress, told
from tests.policy.world import mount
from tests.servers import AnApp, served
from tier.app import App
from tier.identity.model import Role
from tier.policy import recorder, rpc, store
from tier.policy.model import Decided, Kept, Query
from tier.policy.recorder import BEYOND, Recorder
from tier.runtime.errors import DatabaseAway
from tier.runtime.pages import LARGEST

WAIT = 20.0
ITEM, TOWN_ = letters.request_id(), "530102001"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """One authority."""
    return Site(tmp_path)


def a_decision(principal: str = "zhang", **over: object) -> Decided:
    fields: dict[str, object] = {
        "second": int(time.time()),
        "principal": principal,
        "proof": "t1",
        "division": "530102001",
        "roles": "officer",
        "rpc": "ducha.assignment.v1.AssignmentService/GetItem",
        "concerned": "530102001",
        "relation": "self",
        "is_allowed": True,
        "reason": "",
    }
    return Decided(**fields | over)  # type: ignore[arg-type] # as the fields are


async def kept(app: App) -> list[Kept]:
    async with app.db.reading() as tx:
        return await store.page(tx, Query(), LARGEST, 100_000)


async def until_written(app: App, count: int) -> list[Kept]:
    """Return what is kept, once that many messages are counted in it."""
    async with asyncio.timeout(WAIT):
        while (
            sum(one.count for one in found) < count if (found := await kept(app)) else 1
        ):
            await asyncio.sleep(0.05)
    return found


async def test_every_decision_is_on_record_allowed_or_denied(
    an_app: AnApp, site: Site
) -> None:
    """Who, with which proof, in which role, what, about whom, and why not; also strangers."""
    every = {rpc.verb: rpc for rpc in rpcs()}
    async with an_app(TOWN) as app, fortress(site, app, mount(app)) as walls:
        line, token = walls.as_person("530102001", Role.READER)
        listing, receiving = assignment.ListItemsRequest(), letters.receive(ITEM, TOWN_)
        for verb, request, metadata in (
            ("ListItems", listing, token),
            ("ListItems", listing, token),
            ("ReceiveAssignments", receiving, token),
            ("ListItems", listing, ()),
        ):
            body = request.SerializeToString()
            await told(every[verb].call(line, body, metadata))
        found = await until_written(app, 4)
    counts: Counter[tuple[str, str, str, bool, str]] = Counter()
    for one in found:
        decided = one.decided
        counts[
            decided.principal,
            decided.rpc.partition("/")[2],
            decided.relation,
            decided.is_allowed,
            decided.reason,
        ] += one.count
    proofs = {one.decided.proof for one in found if one.decided.principal}

    assert counts == {
        ("p530102001", "ListItems", "self", True, ""): 2,
        ("p530102001", "ReceiveAssignments", "", False, "NOT_ALLOWED"): 1,
        ("", "ListItems", "", False, "UNIDENTIFIED"): 1,
    }
    assert len(proofs) == 1
    assert proofs != {""}


async def test_equal_decisions_are_one_row_with_their_number(an_app: AnApp) -> None:
    """A thousand equal calls of one second are one row."""
    async with an_app(TOWN) as app:
        recording = Recorder(app)
        for _ in range(1000):
            recording.note(a_decision(second=1_700_000_000))
        recording.note(a_decision(second=1_700_000_000, is_allowed=False))
        await recording.flush()
        found = await kept(app)

    assert sorted(one.count for one in found) == [1, 1000]


async def test_an_outage_of_the_database_loses_no_decision(
    an_app: AnApp, postgres: Postgres
) -> None:
    """Kept while it is away, and written, with what came meanwhile, when it is back."""
    async with an_app(TOWN) as app:
        recording = Recorder(app)
        async with app.db.reading() as tx:
            name = await tx.fetchval("SELECT current_database()")
        recording.note(a_decision("before", second=1_700_000_000))
        async with cut_off(postgres, name):
            await recording.flush()
            recording.note(a_decision("meanwhile", second=1_700_000_001))
            recording.note(a_decision("before", second=1_700_000_000))
            await recording.flush()
        async with asyncio.timeout(WAIT):
            while not (found := await written(recording, app)):
                await asyncio.sleep(0.1)

    assert {one.decided.principal: one.count for one in found} == {
        "before": 2,
        "meanwhile": 1,
    }


async def written(recording: Recorder, app: App) -> list[Kept]:
    """Flush and look; nothing while the database is not back yet."""
    await recording.flush()
    try:
        return await kept(app)
    except DatabaseAway:
        return []


@asynccontextmanager
async def cut_off(server: Postgres, name: str) -> AsyncIterator[None]:
    """Take a database away: its connections end, and new ones are refused."""
    admin = await asyncpg.connect(server.dsn("postgres"))
    try:
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
            name,
        )
        yield
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    finally:
        await admin.close()


async def test_memory_is_bounded_and_what_is_beyond_is_still_counted(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood of different callers is counted without saying of whom."""
    monkeypatch.setattr(recorder, "BOUND", 50)
    async with an_app(TOWN) as app:
        recording = Recorder(app)
        for number in range(1000):
            recording.note(a_decision(f"p{number}"))
        await recording.flush()
        found = await kept(app)
    beyond = [one.count for one in found if one.decided.principal == BEYOND]

    assert sum(one.count for one in found) == 1000
    assert len(found) <= 55
    assert sum(beyond) == 950


async def test_decisions_are_forgotten_after_their_time(an_app: AnApp) -> None:
    """180 days, and not sooner."""
    now = datetime.now(UTC)
    ages = (1, 179, 181, 400)
    async with an_app(TOWN) as app:
        recording = Recorder(app)
        for days in ages:
            second = int((now - timedelta(days=days)).timestamp())
            recording.note(a_decision(f"{days}", second=second))
        await recording.flush()
        await recording._prune()  # noqa: SLF001 - once an hour, otherwise
        found = await kept(app)

    assert {one.decided.principal for one in found} == {"1", "179"}


async def test_decisions_are_listed_newest_first_page_by_page_and_filtered(
    an_app: AnApp,
) -> None:
    """All filters; each row once over all pages."""
    async with an_app(TOWN) as app:
        recording = Recorder(app)
        for number in range(7):
            second = 1_700_000_000 + number
            denied = number % 2 == 1
            recording.note(
                a_decision(
                    f"p{number % 3}",
                    second=second,
                    concerned=f"53010{number % 2 + 2}",
                    is_allowed=not denied,
                    reason="NOT_ALLOWED" if denied else "",
                )
            )
        await recording.flush()
        async with served(app, [rpc.add_service]) as channel:
            stub = AccessServiceStub(channel)
            seconds: list[int] = []
            request = pb.ListDecisionsRequest(page_size=2)
            while True:
                page = await stub.ListDecisions(request)
                seconds += [one.decide_time.seconds for one in page.decisions]
                request.page_token = page.next_page_token
                if not page.next_page_token:
                    break

            async def count(**filters: object) -> int:
                asked = pb.ListDecisionsRequest(**filters)  # type: ignore[arg-type]
                return len((await stub.ListDecisions(asked)).decisions)

            denied_ones = await count(outcome=nouns.Decision.OUTCOME_DENIED)
            of_one = await count(principal="p0")
            within = await count(within="530103")
            late = pb.ListDecisionsRequest()
            late.from_time.seconds = 1_700_000_005
            later = len((await stub.ListDecisions(late)).decisions)
            of_rpc = await count(rpc="nothing")

    assert seconds == sorted(seconds, reverse=True)
    assert len(set(seconds)) == 7
    assert (denied_ones, of_one, within, later, of_rpc) == (3, 3, 3, 2, 0)


async def test_what_a_node_does_all_the_time_is_a_row_a_minute(an_app: AnApp) -> None:
    """A child that syncs each second; whatever it was refused is written at once."""
    long_ago = int(time.time()) // 60 * 60 - 600
    async with an_app(TOWN) as app:
        kept_by = Recorder(app)
        for second in range(30):
            kept_by.note(a_decision(roles="node", second=long_ago + second))
        kept_by.note(a_decision(roles="node", second=long_ago, is_allowed=False))
        running = app.tasks.create_task(kept_by.run())
        found = await until_written(app, 31)
        running.cancel()

    assert sorted((one.count, one.decided.is_allowed) for one in found) == [
        (1, False),
        (30, True),
    ]
