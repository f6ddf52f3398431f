"""Periods approved and locked, from the township to the province and back."""

from __future__ import annotations

import pytest

from ducha.approval.v1 import approval_facts_pb2 as facts
from services.township.collection.errors import PeriodLocked
from tests.servers import AnApp, carry, quarantined, recorded
from tests.stores.approval import (
    ACTOR,
    AWAY,
    CITY,
    CODES,
    COUNTY,
    DOORS,
    NOW,
    PERIOD,
    PROVINCE,
    SIBLING,
    TOWNSHIP,
    a_running_line,
    answer,
    approvals,
    approve,
    stages,
    unlock,
    unlockings,
)
from tier import approval, ledger
from tier.app import App
from tier.approval import wire
from tier.approval.errors import NotApprovedBelow
from tier.approval.model import Act, Approval
from tier.jurisdiction import Code
from tier.ledger import Author
from tier.link import actions as link
from tier.registry import Key

VALUE = CODES[0]


async def lock_of(app: App, division: Code) -> str | None:
    """Return who approved a sheet highest, if it is locked."""
    key = Key(division, PERIOD)
    async with app.db.reading() as tx:
        return (await approval.locked(tx, [key], app.now())).get(key)


async def test_a_value_is_approved_tier_by_tier(an_app: AnApp) -> None:
    """Each tier after the one below; all tiers hold the same, and know who approved."""
    async with a_running_line(an_app) as line:
        for division in (TOWNSHIP, SIBLING):
            await answer(line.township, division)
            await approve(line.township, division)
        await line.settle()
        counts = []
        for app, division in zip(line.apps[1:], (COUNTY, CITY, PROVINCE), strict=True):
            counts.append((await approve(app, division)).approved_count)
            await line.settle()
        known = [await approvals(app) for app in line.apps]

        assert counts == [6, 6, 6]
        assert await line.stages() == [{TOWNSHIP: [4] * 3, SIBLING: [4] * 3}] * 4
        assert known == [known[0]] * 4
        assert [(one.division, one.approved_count) for one in known[0]] == [
            (PROVINCE, 6),
            (CITY, 6),
            (COUNTY, 6),
            (TOWNSHIP, 3),
            (SIBLING, 3),
        ]
        assert {one.actor for one in known[0]} == {ACTOR}


async def test_a_tier_waits_for_the_one_below(an_app: AnApp) -> None:
    """It is told who has not approved; nothing moves."""
    async with a_running_line(an_app, 2) as line:
        await answer(line.township, TOWNSHIP)
        await answer(line.township, SIBLING)
        await approve(line.township, TOWNSHIP)
        await line.settle()
        before = await stages(line.county)
        with pytest.raises(NotApprovedBelow) as refused:
            await approve(line.county, COUNTY)

        assert [one.description[:9] for one in refused.value.violations] == [SIBLING]
        assert await stages(line.county) == before


async def test_what_is_approved_is_locked_until_it_is_unlocked(an_app: AnApp) -> None:
    """For all below whoever approved; unlocked for a while, and where it was said."""
    async with a_running_line(an_app, 2) as line:
        for division in (TOWNSHIP, SIBLING):
            await answer(line.township, division)
            await approve(line.township, division)
        await line.settle()
        await approve(line.county, COUNTY)
        await line.settle()
        with pytest.raises(PeriodLocked) as refused:
            await answer(line.township, TOWNSHIP, {VALUE: 7}, "更正")
        await unlock(line.county, COUNTY, TOWNSHIP)
        await line.settle()
        taken = await answer(line.township, TOWNSHIP, {VALUE: 7}, "更正")
        elsewhere = await lock_of(line.township, SIBLING)
        line.clock.at = NOW.replace(day=2)
        ended = await lock_of(line.township, TOWNSHIP)

        assert refused.value.details["approver"] == COUNTY
        assert taken.recorded_count == 1
        assert elsewhere == ended == COUNTY


async def test_a_period_that_nobody_approved_is_open(an_app: AnApp) -> None:
    """So are other divisions and other periods."""
    async with a_running_line(an_app, 1) as line:
        await answer(line.township, TOWNSHIP)
        await approve(line.township, TOWNSHIP)
        keys = [Key(AWAY, PERIOD), Key(TOWNSHIP, "2026-10"), Key(TOWNSHIP, PERIOD)]
        async with line.township.db.transaction() as tx:
            found = await approval.locked(tx, keys, NOW)

        assert found == {keys[2]: TOWNSHIP}


async def test_whoever_approves_above_ends_what_was_unlocked_below(
    an_app: AnApp,
) -> None:
    """The county's leave does not hold against the city's word."""
    async with a_running_line(an_app, 3) as line:
        await answer(line.township, TOWNSHIP)
        await approve(line.township, TOWNSHIP)
        await line.settle()
        await approve(line.county, COUNTY)
        await unlock(line.county, COUNTY, COUNTY)
        await line.settle()
        during = await lock_of(line.township, TOWNSHIP)
        await approve(line.apps[2], CITY)
        await line.settle()
        after = await lock_of(line.township, TOWNSHIP)
        known = [await unlockings(app) for app in line.apps]

        assert (during, after) == (None, CITY)
        assert known == [known[0]] * 3
        assert [one.within for one in known[0]] == [COUNTY]


async def test_only_what_was_corrected_is_approved_again(an_app: AnApp) -> None:
    """Twice nothing is recorded; the total counts all times."""
    async with a_running_line(an_app, 1) as line:
        app = line.township
        await answer(app, TOWNSHIP)
        first = await approve(app, TOWNSHIP)
        await unlock(app, TOWNSHIP, TOWNSHIP)
        await answer(app, TOWNSHIP, {VALUE: 7}, "更正")
        corrected = await stages(app)
        line.clock.at = NOW.replace(hour=3)
        second = await approve(app, TOWNSHIP)
        ledger_before = await recorded(app)
        third = await approve(app, TOWNSHIP)

        assert corrected == {TOWNSHIP: [0, 1, 1]}
        counts = [(r.approved_count, r.unchanged_count) for r in (first, second, third)]
        assert counts == [(3, 0), (1, 2), (0, 3)]
        assert third.approval == second.approval
        assert second.approval.approved_count == 4
        assert await recorded(app) == ledger_before


async def test_a_correction_that_crosses_an_approval_ends_alike(an_app: AnApp) -> None:
    """Corrected and approved by the township while the county's word was on its way."""
    async with a_running_line(an_app) as line:
        await answer(line.township, TOWNSHIP)
        await approve(line.township, TOWNSHIP)
        await line.climb()
        await approve(line.county, COUNTY)  # and it is on its way down
        await unlock(line.township, TOWNSHIP, TOWNSHIP)
        await answer(line.township, TOWNSHIP, {VALUE: 7}, "更正")
        await approve(line.township, TOWNSHIP)
        await line.settle()
        crossed = await line.stages()
        again = await approve(line.county, COUNTY)
        await line.settle()

        assert crossed == [{TOWNSHIP: [1, 2, 2]}] * 4
        assert (again.approved_count, again.unchanged_count) == (1, 2)
        assert await line.stages() == [{TOWNSHIP: [2, 2, 2]}] * 4


async def test_an_approval_waits_for_the_answers_its_unit_knew(an_app: AnApp) -> None:
    """It is set aside, to be retried: no tier approves what it does not hold."""
    async with a_running_line(an_app, 2) as line:
        await answer(line.township, TOWNSHIP)
        only = {kind: DOORS[kind] for kind in DOORS if "registry" not in kind}
        await approve(line.township, TOWNSHIP)
        await carry(line.township, line.county, only)

        early = await quarantined(line.county), await approvals(line.county)
        await link.retry_early(line.county, DOORS)

        assert early == (["UNKNOWN_KIND", "UNKNOWN_ANSWERS"], [])
        assert await line.stages() == [{TOWNSHIP: [1] * 3}] * 2


def an_approval(
    fact_of: str, division: str, sheets: dict[Code, int]
) -> tuple[str, facts.PeriodApproved]:
    """Return an approval, and the division that its fact says it is of."""
    act = Act(Code(division), PERIOD)
    return fact_of, wire.approved_to(Approval(act, NOW, ACTOR, 1), sheets)


async def test_an_act_that_is_not_the_senders_is_set_aside(an_app: AnApp) -> None:
    """Another's division, another's sheets, the wrong direction, broken words."""
    unlocking = facts.PeriodUnlocked()
    unlocking.unlocking.unlocking_id = "no id"
    sent = [
        an_approval(TOWNSHIP, SIBLING, {}),
        an_approval(TOWNSHIP, TOWNSHIP, {SIBLING: 1}),
        an_approval(COUNTY, COUNTY, {}),
        (TOWNSHIP, unlocking),
        an_approval(TOWNSHIP, TOWNSHIP, {}),
    ]
    async with a_running_line(an_app, 2) as line:
        author = Author.at(NOW, "township", ACTOR, "")
        entries = [
            ledger.record(
                author, payload, division=division, subject="", onward=("county",)
            )
            for division, payload in sent
        ]
        async with line.township.db.transaction() as tx:
            await ledger.append(tx, line.township.feed, entries, NOW)
        await line.climb()

        wrong = ["WRONG_JURISDICTION"] * 3
        assert await quarantined(line.county) == [*wrong, "UNREADABLE"]
        assert [one.division for one in await approvals(line.county)] == [TOWNSHIP]
