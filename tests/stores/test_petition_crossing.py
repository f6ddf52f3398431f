"""Petitions over links that were away: late, moot, crossing, doubled and forged ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
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
    COLLEAGUE,
    COUNTY,
    DISPUTE,
    DOORS,
    EXTENSION,
    GRANTED,
    MIDDLE,
    OTHER,
    PENDING,
    REFUSED,
    REVIEW,
    SUSPENSION,
    TOWN,
    Clock,
    Line,
    a_call,
    a_draft,
    a_line,
    an_item,
    petition,
)
from tier.app import App, Arrived
from tier.assignment.actions import end, issue, judge, withdraw
from tier.division import store as division_store
from tier.jurisdiction import Code
from tier.link import actions as link
from tier.petition import facts as door
from tier.petition import wire
from tier.petition.actions import decide, file
from tier.petition.errors import PetitionWithdrawn
from tier.petition.model import Outcome, Wanted
from tier.petition.settling import Settling, settle

DECIDED = facts.PetitionsDecided.DESCRIPTOR.full_name
BY_RULE = pb.PETITION_STATE_REFUSED


async def everywhere(line: Line, petition_id: str) -> list[pb.Petition]:
    """Return a petition as each tier holds it, but for when it heard of it."""
    found = [await petition(app, petition_id) for app in line.apps]
    for one in found:
        one.ClearField("record_time")
    return found


async def test_an_extension_that_comes_late_was_asked_in_time(an_app: AnApp) -> None:
    """The link was away over the deadline: it is labelled, waits, and is granted."""
    async with a_line(an_app) as line:
        asked = await line.ask(TOWN, EXTENSION)
        line.clock.wait(days=15)
        await line.up()
        waiting = await petition(line.county, asked)
        await line.decide(MIDDLE, asked)
        await line.settled()
        found = await everywhere(line, asked)

        assert (waiting.state, waiting.late_arrival) == (PENDING, True)
        assert found == [found[0]] * 3
        assert found[0].late_arrival
        new = found[0].decision.deadline_time.ToDatetime(UTC)
        assert new == datetime(2026, 3, 19, 10, tzinfo=UTC)
        standing = await line.seen(line.streets, TOWN)
        assert standing.deadline_time.ToDatetime(UTC) == new


async def test_one_that_comes_in_time_has_no_label(an_app: AnApp) -> None:
    """Nor a suspension, whenever it comes."""
    async with a_line(an_app) as line:
        early = await line.ask(TOWN, EXTENSION)
        await line.up()
        late = await line.ask(TOWN, SUSPENSION)
        line.clock.wait(days=30)
        await line.up()
        found = [await petition(line.county, one) for one in (early, late)]

        assert [one.late_arrival for one in found] == [False, False]


async def ended(line: Line) -> None:
    """The issuer takes the item back; the townships have not heard."""
    await end.withdraw(line.city, a_call(ABOVE), line.item_id, "与他事项合并")
    await carry(line.city, line.county, DOORS)


async def taken_away(line: Line) -> None:
    """The assigner takes the assignment back."""
    call = a_call(MIDDLE)
    await withdraw.withdraw(line.county, call, line.item_id, [TOWN], "改由他方办理")


MEANWHILE: dict[str, Callable[[Line], Awaitable[None]]] = {
    "ITEM_ENDED": ended,
    "PETITION_NOT_OPEN": taken_away,
}


@pytest.mark.parametrize("kind", [EXTENSION, SUSPENSION, DISPUTE])
@pytest.mark.parametrize("rule", MEANWHILE)
async def test_what_is_moot_when_it_comes_is_refused_at_once(
    an_app: AnApp, rule: str, kind: pb.PetitionKind.ValueType
) -> None:
    """By a rule that says its name; who asked offline hears so, and nobody has to decide."""
    async with a_line(an_app) as line:
        asked = await line.ask(TOWN, kind)
        await MEANWHILE[rule](line)
        await line.settled()
        found = await everywhere(line, asked)

        assert found == [found[0]] * 3
        assert found[0].state == BY_RULE
        assert (found[0].decision.rule, found[0].decision.actor) == (rule, "wuhua")
        [answer] = await line.told(TOWN)
        assert (answer["outcome"], answer["rule"]) == ("refused", rule)
        assert await line.told(MIDDLE) == []


async def test_what_becomes_moot_while_it_waits_is_refused_soon(an_app: AnApp) -> None:
    """The executor reported after all; the node that decides looks after each commit."""
    async with a_line(an_app) as line:
        asked = await line.ask(TOWN, EXTENSION)
        other = await line.ask(OTHER, EXTENSION)
        await line.up()
        line.county.tasks.create_task(Settling(line.county).run())
        await line.report(TOWN)
        await line.up()
        async with asyncio.timeout(10):
            while (await petition(line.county, asked)).state == PENDING:
                await asyncio.sleep(0.02)
        await line.settled()
        found = await everywhere(line, asked)

        assert found == [found[0]] * 3
        assert found[0].decision.rule == "PETITION_NOT_OPEN"
        assert (await petition(line.county, other)).state == PENDING


async def test_looking_twice_decides_once(an_app: AnApp) -> None:
    """And who decides elsewhere is left alone."""
    async with a_line(an_app) as line:
        asked = await line.ask(TOWN, EXTENSION)
        await line.settled()
        await line.report(TOWN)
        await line.up()
        elsewhere = [await settle(app) for app in (line.streets, line.city)]
        once, twice = await settle(line.county), await settle(line.county)

        assert (elsewhere, once, twice) == ([0, 0], 1, 0)
        assert (await petition(line.county, asked)).state == BY_RULE


async def test_a_return_makes_what_was_asked_before_moot(an_app: AnApp) -> None:
    """It was asked under an epoch that passed."""
    async with a_line(an_app) as line:
        asked = await line.ask(TOWN, SUSPENSION)
        await line.report(TOWN)
        await line.up()
        await judge.send_back(
            line.county, a_call(MIDDLE), line.item_id, [TOWN], "数据不实"
        )
        await settle(line.county)

        assert (await petition(line.county, asked)).decision.rule == "EPOCH_STALE"


async def test_a_review_granted_makes_the_other_reviews_moot(an_app: AnApp) -> None:
    """The conclusion is gone; nothing holds the item any more."""
    async with a_line(an_app) as line:
        await line.concluded()
        first, second = [await line.ask(town, REVIEW) for town in (TOWN, OTHER)]
        await line.up()
        await line.decide(ABOVE, first)
        await settle(line.city)
        await line.conclude(actor=COLLEAGUE)
        await line.close()

        assert (await petition(line.city, second)).decision.rule == "REVIEW_NOT_OPEN"


async def test_days_without_a_link_take_nobody_its_right_to_object(
    an_app: AnApp,
) -> None:
    """The conclusion came a week late: its term runs from there, and the label says so."""
    async with a_line(an_app) as line:
        for town in (TOWN, OTHER):
            await line.report(town)
        await line.up()
        await line.verify(MIDDLE, TOWN, OTHER)
        await line.report(MIDDLE)
        await line.up()
        await line.verify(ABOVE, MIDDLE)
        await line.conclude()
        line.clock.wait(days=9)
        await line.down()
        asked = await line.ask(TOWN, REVIEW)
        await line.up()
        found = await petition(line.city, asked)

        assert (found.state, found.late_arrival) == (PENDING, False)
        assert found.begin_time.ToDatetime(UTC) == line.clock.at


async def test_a_withdrawal_that_crosses_a_decision_changes_nothing(
    an_app: AnApp,
) -> None:
    """The grant took effect: it stands at every tier, and the withdrawal is on record."""
    async with a_line(an_app) as line:
        asked = await line.ask(TOWN, EXTENSION)
        await line.up()
        await line.withdraw(TOWN, asked)
        below = await petition(line.streets, asked)
        await line.decide(MIDDLE, asked)
        await line.settled()
        found = await everywhere(line, asked)

        assert below.state == pb.PETITION_STATE_WITHDRAWN
        assert found == [found[0]] * 3
        assert found[0].state == pb.PETITION_STATE_GRANTED
        assert found[0].HasField("withdraw_time")
        assert (await line.seen(line.streets, TOWN)).extension_count == 1


async def test_a_withdrawal_that_comes_first_leaves_nothing_to_decide(
    an_app: AnApp,
) -> None:
    """Another may be filed, and be decided."""
    async with a_line(an_app) as line:
        asked = await line.ask(TOWN, EXTENSION)
        await line.withdraw(TOWN, asked)
        again = await line.ask(TOWN, EXTENSION)
        await line.up()
        with pytest.raises(PetitionWithdrawn):
            await line.decide(MIDDLE, asked)
        await line.decide(MIDDLE, again)
        await line.settled()
        found = await everywhere(line, asked)

        assert found == [found[0]] * 3
        assert found[0].state == pb.PETITION_STATE_WITHDRAWN


async def test_facts_applied_twice_are_applied_once(an_app: AnApp) -> None:
    """One row, one notice, one hold: whatever the road repeats."""
    async with a_line(an_app) as line:
        await line.concluded()
        asked = await line.ask(TOWN, REVIEW)
        await carry(line.streets, line.county, DOORS)
        [filed] = [
            fact
            for fact in await owed(line.county, "kunming")
            if fact.kind.endswith("PetitionsFiled")
        ]
        await line.up()
        one = arrived(filed, (MIDDLE,))
        async with line.city.db.transaction() as tx:
            verdict = await door.apply(line.city, tx, [one, one])
        await line.decide(ABOVE, asked, outcome=REFUSED)
        await line.close()

        assert [entry.kind for entry in verdict.entries] == [one.fact.kind] * 2
        assert len(await line.told(ABOVE)) == 1


def arrived(
    fact: link_pb2.Fact, area: tuple[Code, ...], *, downward: bool = False
) -> Arrived:
    """Return a fact as the link hands it in."""
    return Arrived(fact, UUID(fact.fact_id), fact.SerializeToString(), downward, area)


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
        verdict = await door.apply(line.county, tx, [one])
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


async def test_what_comes_before_its_assignment_waits_for_it(an_app: AnApp) -> None:
    """A county that begins anew hears its townships first: nothing is lost, nobody acts."""
    async with a_line(an_app) as line, an_app(COUNTY, line.clock) as anew:
        item = an_item(line.clock, days=20)
        item.mode = nouns.MODE_DIRECT
        targets = nouns.TargetSelection(divisions=[TOWN])
        done = await issue.issue(line.city, a_call(ABOVE), item, targets)
        await line.down()
        draft = a_draft(done.item.item_id, EXTENSION)
        [kept] = await line.file(TOWN, draft)
        await line.withdraw(TOWN, kept.petition_id)
        await carry(line.streets, anew, DOORS)
        early = await quarantined(anew)
        await carry(line.city, anew, DOORS)
        fitted = await link.retry_early(anew, DOORS)
        standing = await petition(anew, kept.petition_id)

        assert early == ["UNKNOWN_ASSIGNMENT", "UNKNOWN_PETITION"]
        assert fitted == len(early)
        assert standing.state == pb.PETITION_STATE_WITHDRAWN


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
        wanted = [
            Wanted(UUID(one), Outcome.GRANTED, "同意")
            for one in asked.values()
        ]
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
