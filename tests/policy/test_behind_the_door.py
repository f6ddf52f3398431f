"""What only the inside of a node can keep apart: watches, workbooks, the role itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest

from deploy.embedded.postgres import Postgres
from ducha.assignment.v1.assignment_service_pb2_grpc import AssignmentServiceStub
from ducha.collection.v1 import collection_service_pb2 as collection
from ducha.collection.v1.collection_service_pb2_grpc import CollectionServiceStub
from ducha.division.v1 import division_pb2
from ducha.registry.v1 import registry_service_pb2 as registry
from ducha.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from ducha.reporting.v1 import reporting_service_pb2 as reporting
from ducha.reporting.v1.reporting_service_pb2_grpc import ReportingServiceStub
from tests.doors import data_letters as data
from tests.doors import letters
from tests.doors.data_letters import COUNT, TOTAL
from tests.identity.sites import Site
from tests.policy.walls import Fortress, fortress, told
from tests.policy.world import LATER, MONTH, mount, world
from tests.servers import SCHEMAS, AnApp
from tier.identity.model import Role
from tier.runtime.area import seen_from
from tier.runtime.db import open_database
from tier.runtime.migrate import migrate
from tier.runtime.viewer import ViewerMissing

WAIT = 20.0


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """One authority."""
    return Site(tmp_path)


def person(walls: Fortress, code: str, *roles: Role) -> tuple[grpc.aio.Channel, Any]:
    return walls.as_person(code, *(roles or (Role.OFFICER,)))


async def read(call: Any) -> Any:
    async with asyncio.timeout(WAIT):
        return await call.read()


async def test_two_who_watch_one_item_from_one_place_each_see_their_own(
    an_app: AnApp, site: Site
) -> None:
    """One look serves all who see the same, and nobody else: both begin at once."""
    async with (
        world(an_app) as made,
        fortress(site, made.app, mount(made.app)) as walls,
    ):
        request = reporting.WatchItemRequest(
            item_id=made.items["53"], division_level=division_pb2.LEVEL_TOWNSHIP
        )
        calls = {}
        for code in ("53", "530102", "530103", "530102001"):
            line, token = person(walls, code, Role.READER)
            stub: Any = ReportingServiceStub(line)
            calls[code] = stub.WatchItem(request, metadata=token)
        firsts = await asyncio.gather(*map(read, calls.values()))
        seen = {
            code: sorted(row.division for row in first.progress)
            for code, first in zip(calls, firsts, strict=True)
        }
        for call in calls.values():
            call.cancel()

    assert seen == {
        "53": sorted(letters.TOWNSHIPS),
        "530102": ["530102001", "530102002"],
        "530103": ["530103001", "530103002"],
        "530102001": ["530102001"],
    }


async def test_who_watches_a_division_hears_of_the_own_and_of_what_was_addressed(
    an_app: AnApp, site: Site
) -> None:
    """A sibling's move is not heard; the own move after it is, and so is one from above."""
    async with (
        world(an_app) as made,
        fortress(site, made.app, mount(made.app)) as walls,
    ):
        line, token = person(walls, "530102001", Role.READER)
        stub: Any = ReportingServiceStub(line)
        watch = stub.WatchDivision(
            reporting.WatchDivisionRequest(division="53"), metadata=token
        )
        await read(watch)  # it has begun
        above = made.items["53"]
        sibling, sibling_token = person(walls, "530103001")
        await AssignmentServiceStub(sibling).ReportAssignments(
            letters.report(above, "530103001"), metadata=sibling_token
        )
        province, province_token = person(walls, "53")
        await AssignmentServiceStub(province).IssueItem(
            letters.issue("530103001"), metadata=province_token
        )
        issued = await AssignmentServiceStub(province).IssueItem(
            letters.issue("530102001"), metadata=province_token
        )
        heard: list[tuple[str, str]] = []
        while (issued.item.item_id, "53") not in heard:
            heard += [
                (one.item_id, one.division) for one in (await read(watch)).changes
            ]
        watch.cancel()

    assert heard == [(issued.item.item_id, "53")]


async def test_who_watches_a_request_from_above_sees_the_own_part_of_it(
    an_app: AnApp, site: Site
) -> None:
    """Its counts move with the own answers, and not with a sibling's."""
    async with (
        world(an_app) as made,
        fortress(site, made.app, mount(made.app)) as walls,
    ):
        province, token = person(walls, "53")
        asked = await RegistryServiceStub(province).RequestData(
            data.ask("2021-05", *letters.TOWNSHIPS), metadata=token
        )
        request = registry.WatchDataRequestRequest(
            data_request_id=asked.data_request.data_request_id
        )
        line, reader = person(walls, "530102001", Role.READER)
        stub: Any = RegistryServiceStub(line)
        watch = stub.WatchDataRequest(request, metadata=reader)
        waiting = [(await read(watch)).data_request.waiting_count]
        for code in ("530103001", "530102001"):
            town, officer = person(walls, code)
            given = data.answer(code, "2021-05", {COUNT: 1, TOTAL: 2})
            await CollectionServiceStub(town).SubmitAnswers(
                data.submit(given), metadata=officer
            )
        waiting.append((await read(watch)).data_request.waiting_count)
        watch.cancel()

    assert waiting == [2, 0]


async def test_a_workbook_with_a_row_of_somebody_else_is_refused_whole(
    an_app: AnApp, site: Site
) -> None:
    """Rows name divisions that the door cannot read: the action looks at each."""
    async with (
        world(an_app) as made,
        fortress(site, made.app, mount(made.app)) as walls,
    ):
        county, token = person(walls, "530102", Role.OFFICER, Role.INTEGRATOR)
        town, officer = person(walls, "530102001")
        province, covering = person(walls, "53", Role.OFFICER)
        books = {}
        for name, line, metadata in (
            ("county's", county, token),
            ("own", town, officer),
            ("all", province, covering),
        ):
            exported = await CollectionServiceStub(line).ExportTasks(
                collection.ExportTasksRequest(period=LATER), metadata=metadata
            )
            books[name] = data.filled(exported.workbook, 5)
        stub = CollectionServiceStub(town)
        refused = {
            name: await told(stub.ImportAnswers(data.take_in(book), metadata=officer))
            for name, book in books.items()
        }
        brought = await CollectionServiceStub(county).ImportAnswers(
            data.take_in(books["county's"]), metadata=token
        )
    reasons = {name: one and one.reason for name, one in refused.items()}

    assert reasons == {"county's": "NOT_ALLOWED", "all": "NOT_ALLOWED", "own": None}
    assert brought.result.recorded_count > 0


async def test_an_export_of_tasks_holds_no_row_of_others(
    an_app: AnApp, site: Site
) -> None:
    """As many tasks as the own divisions have."""
    async with (
        world(an_app) as made,
        fortress(site, made.app, mount(made.app)) as walls,
    ):
        counts = {}
        for code in ("53", "530102", "530102001", "5303"):
            line, token = person(walls, code, Role.READER)
            exported = await CollectionServiceStub(line).ExportTasks(
                collection.ExportTasksRequest(period=LATER), metadata=token
            )
            counts[code] = exported.task_count

    assert counts == {"53": 6, "530102": 2, "530102001": 1, "5303": 2}
    assert MONTH != LATER


async def test_a_node_that_may_not_make_the_role_says_what_to_run(
    postgres: Postgres,
) -> None:
    """Refused at the start, with the statements; once they are run, it starts."""
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    try:
        postgres.ensure_database("roleless")
        await admin.execute("REVOKE ducha_viewer FROM roleless")
        database = await open_database(postgres.dsn("roleless"), name="test")
        with pytest.raises(ViewerMissing, match="GRANT ducha_viewer TO") as refusal:
            await migrate(database, SCHEMAS)
        statement = str(refusal.value)
        await admin.execute('GRANT ducha_viewer TO "roleless"')
        applied = await migrate(database, SCHEMAS)
        await database.close()
    finally:
        await admin.close()
        postgres.drop_database("roleless")

    assert '"roleless"' in statement
    assert "assignment/0003_viewer.sql" in applied


async def test_a_node_with_a_role_of_its_own_is_held_to_the_area(
    postgres: Postgres,
) -> None:
    """As embedded sites and real servers have it: the owner is no superuser."""
    postgres.ensure_database("owned")
    database = await open_database(postgres.dsn("owned"), name="test")
    try:
        await migrate(database, SCHEMAS)
        async with database.transaction() as tx:
            for code in ("530102001", "530103001"):
                await tx.execute(
                    """INSERT INTO approval VALUES ('2021-01', $1, now(), 'x', 1)""",
                    code,
                )

        with seen_from("530102"):
            async with database.reading() as tx:
                seen = await tx.fetch("SELECT division FROM approval")
        async with database.reading() as tx:
            count = await tx.fetchval("SELECT count(*) FROM approval")
    finally:
        await database.close()
        postgres.drop_database("owned")

    assert ([row["division"] for row in seen], count) == (["530102001"], 2)
