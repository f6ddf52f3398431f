"""A line with walls: who acted is on record at every tier; who is revoked is out of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import grpc
import pytest

from clients.runtime import Client, Endpoints, Refused
from clients.runtime.credentials import Credentials, Issuing
from deploy.authority import actions, tokens, wishes
from deploy.authority.certificates import Reason
from deploy.authority.store import Store
from deploy.embedded.line import Line, Options
from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as pb
from ducha.division.v1 import division_pb2
from ducha.division.v1 import division_service_pb2 as divisions
from ducha.link.v1 import link_pb2
from ducha.link.v1 import link_service_pb2 as links
from ducha.link.v1.link_service_pb2_grpc import LinkServiceStub
from tests.journeys.office import eventually
from tests.journeys.papers import a_division, an_item, small_province
from tests.journeys.running import SMALL

CODES = small_province(cities=2, counties=1, townships=2)
TIERS = ("province", "city", "county", "township")
CUT_SECONDS = 5.0
PRINCIPALS = (
    "SELECT body FROM ledger_fact WHERE kind = 'ducha.assignment.v1.ItemIssued'"
)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """Four tiers behind walls."""
    options = Options(environment={}, postgres_settings=SMALL, auto_restart=False)
    with Line(tmp_path_factory.mktemp("walls"), options=options) as running:
        yield running


@pytest.fixture
async def nodes(line: Line) -> Endpoints:
    """Where they are, the divisions loaded once."""
    endpoints = Endpoints.load(line.data)
    async with endpoints.client() as province:
        request = divisions.ImportDivisionsRequest(
            request_id=str(uuid4()),
            actor="测试",
            divisions=[a_division(code) for code in CODES],
        )
        await province.call(province.keeping.ImportDivisions, request)
    async with endpoints.client("530101001") as township:

        async def arrived() -> bool:
            found = await township.call(
                township.divisions.ListDivisions,
                divisions.ListDivisionsRequest(page_size=100),
            )
            return len(found.divisions) == len(CODES)

        await eventually(arrived, "divisions at the township")
    return endpoints


def speaking(data: Path, division: str, *roles: str, subject: str) -> Credentials:
    """Return credentials of one person, whatever a request says."""
    loaded = Credentials.load(data)
    issuer = loaded.bearer
    assert isinstance(issuer, Issuing)
    token = issuer.issue(division, roles, subject=subject)

    class One:
        """Bears one token."""

        def token(self, request: object) -> str:
            """Return it."""
            return token

    return Credentials(loaded.authorities, loaded.certificate, loaded.key, One())


async def issue(client: Client, division: str) -> str:
    """Issue an item to all townships of a county."""
    request = pb.IssueItemRequest(
        request_id=str(uuid4()),
        division=division,
        actor="督查室 张",
        item=an_item(division),
        targets=nouns.TargetSelection(
            level=division_pb2.LEVEL_TOWNSHIP, within=["530101"]
        ),
    )
    return (await client.call(client.assignments.IssueItem, request)).item.item_id


async def test_who_was_proved_to_act_is_recorded_at_every_tier(
    line: Line, nodes: Endpoints
) -> None:
    person = speaking(line.data, "53", "officer", subject="id-of-zhang")
    async with Client(nodes.top().grpc, person) as province:
        item = await issue(province, "53")
    for tier in TIERS:
        (node,) = nodes.at_tier(tier)
        database = await asyncpg.connect(node.database_url)

        async def known(database: asyncpg.Connection = database) -> bool:
            facts = [
                link_pb2.Fact.FromString(row["body"])
                for row in await database.fetch(PRINCIPALS)
            ]
            return [one.principal for one in facts if one.subject == item] == [
                "id-of-zhang"
            ]

        await eventually(known, f"the principal at the {tier}")
        assert await known()
        await database.close()


async def test_nobody_acts_for_another_division(line: Line, nodes: Endpoints) -> None:
    sibling = speaking(line.data, "5302", "officer", subject="neighbour")
    above = speaking(line.data, "53", "officer", subject="province")
    (city,) = nodes.at_tier("city")
    for who in (sibling, above):
        async with Client(city.grpc, who) as client:
            with pytest.raises(Refused) as refused:
                await issue(client, "5301")
        assert refused.value.answer.reason == "NOT_ALLOWED"


async def test_the_repair_road_is_for_the_child_itself(
    line: Line, nodes: Endpoints
) -> None:
    """A sibling's certificate, or a person's, does not open a child's link."""
    (county,) = nodes.at_tier("county")
    own = line.data / "identity"
    actions.issue(Store(own), wishes.node("stranger", "township", ["530101", "530201"]))
    stranger = grpc.ssl_channel_credentials(
        (own / "ca.crt").read_bytes(),
        (own / "nodes" / "stranger" / "tls.key").read_bytes(),
        (own / "nodes" / "stranger" / "tls.crt").read_bytes(),
    )
    person = Credentials.load(line.data)
    asked = links.SyncRequest(child="township")
    for channel in (
        grpc.aio.secure_channel(county.grpc, stranger),
        person.channel(county.grpc),
    ):
        async with channel:
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await LinkServiceStub(channel).Sync(asked)
        assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_revoked_node_is_out_within_seconds_and_back_when_renewed(
    line: Line, nodes: Endpoints
) -> None:
    """Its links end on both roads; with new certificates it goes on where it was."""
    store = Store(line.data / "identity")
    async with nodes.client("530101") as county, nodes.client() as province:

        async def in_contact() -> bool:
            listed = await county.call(county.links.ListLinks, links.ListLinksRequest())
            heard = [
                one.last_contact_time.ToSeconds()
                for one in listed.links
                if one.neighbour == "township"
            ]
            return max(heard) >= time.time() - 2

        await eventually(in_contact, "the township in contact")
        actions.revoke(store, "township", Reason.KEY_COMPROMISE)
        revoked = time.monotonic()

        async def silent() -> bool:
            return not await in_contact()

        await eventually(silent, "the township cut off")
        assert time.monotonic() - revoked < CUT_SECONDS + 2  # two of them to notice
        item = await issue(province, "53")
        await asyncio.sleep(2)
        assert await of(nodes, item) == 0
        actions.rotate(store, "township")
        await eventually(in_contact, "the township back")

        async def has_come() -> bool:
            return await of(nodes, item) == len([c for c in CODES if len(c) == 9]) / 2

        await eventually(has_come, "what it missed")


async def of(nodes: Endpoints, item: str) -> int:
    """Return how many assignments of an item the township node has."""
    async with nodes.client("530101001") as township:
        found = await township.call(
            township.assignments.ListAssignments,
            pb.ListAssignmentsRequest(item_id=item, page_size=100),
        )
    return len(found.assignments)


async def test_a_person_revoked_is_out_within_seconds(
    line: Line, nodes: Endpoints
) -> None:
    person = speaking(line.data, "53", "officer", subject="gone")
    async with Client(nodes.top().grpc, person) as province:
        await issue(province, "53")
        tokens.revoke_subject(Store(line.data / "identity"), "gone")

        async def out() -> bool:
            try:
                await province.call(
                    province.assignments.ListItems, pb.ListItemsRequest()
                )
            except Refused as refused:
                return refused.answer.reason == "IDENTITY_REVOKED"
            return False

        await eventually(out, "the person out", CUT_SECONDS)
        assert await out()
