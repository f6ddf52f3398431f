"""Petitions at the link door: who may tell what of whom, and which branch hears what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from google.protobuf.message import Message

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.link.v1 import link_pb2
from ducha.petition.v1 import petition_facts_pb2 as facts
from ducha.petition.v1 import petition_pb2 as pb
from tests.divisions import KUNMING, PROVINCE, WUHUA, an_entry
from tests.doors import letters
from tests.servers import AnApp, carry, owed, quarantined, recorded
from tests.stores.petitioning import (
    ABOVE,
    DOORS,
    EXTENSION,
    GRANTED,
    MIDDLE,
    OTHER,
    PENDING,
    TOWN,
    Clock,
    Line,
    a_call,
    a_draft,
    a_line,
    arrived,
    petition,
)
from tier.app import App, Arrived
from tier.assignment.actions import issue
from tier.division import store as division_store
from tier.jurisdiction import Code
from tier.petition import facts as door
from tier.petition import wire
from tier.petition.actions import decide, file
from tier.petition.model import Outcome, Wanted

DECIDED = facts.PetitionsDecided.DESCRIPTOR.full_name


def forge(payload: Message, division: str) -> link_pb2.Fact:
    """Return a fact that somebody made up."""
    return link_pb2.Fact(
        fact_id=str(uuid4()),
        kind=payload.DESCRIPTOR.full_name,
        division=division,
        subject=str(uuid4()),
        payload=payload.SerializeToString(),
    )


async def a_filed(line: Line) -> facts.PetitionsFiled:
    """Return what a town filed, as its fact says it."""
    await line.ask(TOWN, EXTENSION)
    [fact] = [
        one
        for one in await recorded(line.streets)
        if one.kind.endswith("PetitionsFiled")
    ]
    return facts.PetitionsFiled.FromString(fact.payload)


async def reasons(line: Line, one: Arrived) -> list[str]:
    """Return why the county does not take a fact."""
    async with line.county.db.transaction() as tx:
        verdict = await door.KINDS[one.fact.kind](line.county, tx, [one])
    return [unfit.reason for unfit in verdict.unfit]


async def test_nobody_asks_in_the_name_of_another(an_app: AnApp) -> None:
    """Of a sibling's division, from above, or for somebody else to decide."""
    async with a_line(an_app) as line:
        payload = await a_filed(line)
        foreign = facts.PetitionsFiled.FromString(payload.SerializeToString())
        foreign.petitions[0].division = OTHER
        bribed = facts.PetitionsFiled.FromString(payload.SerializeToString())
        bribed.petitions[0].decider_division = ABOVE
        strange = facts.PetitionsFiled.FromString(payload.SerializeToString())
        strange.item_id = strange.petitions[0].item_id = str(uuid4())
        broken = facts.PetitionsFiled.FromString(payload.SerializeToString())
        broken.petitions[0].kind = 99  # type: ignore[assignment]
        told = {
            "sibling": arrived(forge(payload, TOWN), (Code("530103"),)),
            "above": arrived(forge(payload, TOWN), (MIDDLE,), downward=True),
            "author": arrived(forge(payload, OTHER), (MIDDLE,)),
            "within": arrived(forge(foreign, TOWN), (MIDDLE,)),
            "decider": arrived(forge(bribed, TOWN), (MIDDLE,)),
            "item": arrived(forge(strange, TOWN), (MIDDLE,)),
            "kind": arrived(forge(broken, TOWN), (MIDDLE,)),
        }
        found = {name: await reasons(line, one) for name, one in told.items()}

        wrong = ["WRONG_JURISDICTION"]
        assert found == {
            **dict.fromkeys(("sibling", "above", "author", "within", "decider"), wrong),
            "item": ["UNKNOWN_ASSIGNMENT"],
            "kind": ["UNREADABLE"],
        }


async def test_nobody_decides_for_who_decides(an_app: AnApp) -> None:
    """Not the executor, not a tier between, not of what is not here."""
    async with a_line(an_app) as line:
        asked = await line.ask(TOWN, EXTENSION)
        await line.up()
        payload = facts.PetitionsDecided(
            item_id=str(line.item_id),
            decider_division=MIDDLE,
            decisions=[pb.Decision(petition_id=asked, division=TOWN, outcome=GRANTED)],
        )
        own = facts.PetitionsDecided.FromString(payload.SerializeToString())
        own.decider_division = TOWN
        strange = facts.PetitionsDecided.FromString(payload.SerializeToString())
        strange.decisions[0].petition_id = str(uuid4())
        taken = facts.PetitionsWithdrawn(
            item_id=str(line.item_id), division=OTHER, petition_ids=[asked]
        )
        told = {
            "executor": arrived(forge(own, TOWN), (MIDDLE,)),
            "another": arrived(forge(payload, TOWN), (MIDDLE,)),
            "child": arrived(forge(payload, MIDDLE), (TOWN,)),
            "unknown": arrived(forge(strange, MIDDLE), (MIDDLE,), downward=True),
            "sibling": arrived(forge(taken, OTHER), (MIDDLE,)),
        }
        found = {name: await reasons(line, one) for name, one in told.items()}

        wrong = ["WRONG_JURISDICTION"]
        assert found == {
            **dict.fromkeys(("executor", "another", "child", "sibling"), wrong),
            "unknown": ["UNKNOWN_PETITION"],
        }
        assert (await petition(line.county, asked)).state == PENDING


@asynccontextmanager
async def a_tree(an_app: AnApp) -> AsyncIterator[list[App]]:
    """Give a province, a city and two of its counties that act for all below them."""
    clock = Clock()
    panlong = replace(WUHUA, name="panlong", hosts=(Code("530103"),))
    async with AsyncExitStack() as stack:
        apps = [
            await stack.enter_async_context(an_app(node, clock))
            for node in (PROVINCE, KUNMING, WUHUA, panlong)
        ]
        codes = ("53", "5301", "530102", "530103", TOWN, "530103001")
        for app in apps:
            async with app.db.transaction() as tx:
                await division_store.upsert(tx, [an_entry(code) for code in codes])
        yield apps


async def test_each_branch_hears_of_its_own_decisions_only(an_app: AnApp) -> None:
    """Two townships under two counties ask the province; the city passes each its own."""
    towns = {TOWN: "wuhua", Code("530103001"): "panlong"}
    async with a_tree(an_app) as (province, city, *counties):
        item = letters.an_item()
        now = province.now()
        item.receive_by_time.FromDatetime(now + timedelta(days=2))
        item.deadline_time.FromDatetime(now + timedelta(days=20))
        targets = nouns.TargetSelection(divisions=list(towns))
        done = await issue.issue(province, a_call(Code("53")), item, targets)
        await carry(province, city, DOORS)
        asked = {}
        for county, town in zip(counties, towns, strict=True):
            await carry(city, county, DOORS)
            draft = wire.draft_from(a_draft(done.item.item_id, EXTENSION), town, "")
            filed = await file.file(county, a_call(town), [draft])
            asked[town] = filed.petitions[0].petition_id
            await carry(county, city, DOORS)
        await carry(city, province, DOORS)
        wanted = [Wanted(UUID(one), Outcome.GRANTED, "同意") for one in asked.values()]
        await decide.decide(province, a_call(Code("53")), wanted)
        await carry(province, city, DOORS)
        for county in counties:
            await carry(city, county, DOORS)

        for town, name in towns.items():
            told = [fact for fact in await owed(city, name) if fact.kind == DECIDED]
            said = [facts.PetitionsDecided.FromString(one.payload) for one in told]
            assert [[one.division for one in each.decisions] for each in said] == [
                [town]
            ]
        for county, town in zip(counties, towns, strict=True):
            standing = await petition(county, asked[town])
            assert standing.state == pb.PETITION_STATE_GRANTED
            assert await quarantined(county) == []
