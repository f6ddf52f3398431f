"""Petitions over links that were away: late, moot, crossing and doubled ones."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.petition.v1 import petition_pb2 as pb
from tests.servers import AnApp, carry, owed, quarantined
from tests.stores.petitioning import (
    ABOVE,
    COLLEAGUE,
    COUNTY,
    DISPUTE,
    DOORS,
    EXTENSION,
    MIDDLE,
    OTHER,
    PENDING,
    REFUSED,
    REVIEW,
    SUSPENSION,
    TOWN,
    Line,
    a_call,
    a_draft,
    a_line,
    an_item,
    arrived,
    petition,
)
from tier.assignment.actions import end, issue, judge, withdraw
from tier.link import actions as link
from tier.petition import facts as door
from tier.petition.errors import PetitionWithdrawn
from tier.petition.settling import ABOUT, settle
from tier.upkeep import Upkeep

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
        line.county.tasks.create_task(Upkeep(line.county, ABOUT, settle).run())
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
            verdict = await door.KINDS[one.fact.kind](line.city, tx, [one, one])
        await line.decide(ABOVE, asked, outcome=REFUSED)
        await line.close()

        assert [entry.kind for entry in verdict.entries] == [one.fact.kind] * 2
        assert len(await line.told(ABOVE)) == 1


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
