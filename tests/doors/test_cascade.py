"""Cascade: each tier splits for the next, and verifies what comes back."""

from __future__ import annotations

from datetime import UTC, timedelta
from itertools import pairwise

import pytest

from ducha.assignment.v1 import assignment_pb2 as nouns
from tests.doors import letters
from tests.doors.letters import CITIES, COUNTIES, TOWNSHIPS, seen
from tests.doors.tiers import Line, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

CASCADE = nouns.MODE_CASCADE
BUFFER = timedelta(days=1)
BELOW = {
    "5301": ("530102", "530103"),
    "5303": ("530302",),
    "530102": TOWNSHIPS[:2],
    "530103": TOWNSHIPS[2:4],
    "530302": TOWNSHIPS[4:],
}


async def split_down(line: Line) -> str:
    """Issue to the cities; each tier splits for the next, down to the townships."""
    item = letters.an_item(mode=CASCADE, days=40)
    item_id = await letters.issued(line, letters.issue(*CITIES, item=item))
    for tier, assigners in ((line.city, CITIES), (line.county, COUNTIES)):
        for division in assigners:
            request = letters.split(item_id, division, *BELOW[division])
            await tier.items.SplitAssignment(request)
        await line.settled()
    return item_id


async def test_each_tier_splits_and_keeps_time_to_review(line: Line) -> None:
    """Province, cities, counties, townships: every child reports a buffer earlier."""
    quarantined = [
        await tier.count("link_quarantine") for tier in line.by_name.values()
    ]
    item_id = await split_down(line)
    held = [
        await seen(line.city, item_id, "5301"),
        await seen(line.county, item_id, "530102"),
        await seen(line.township, item_id, "530102001"),
    ]
    above = [await seen(line.province, item_id, one.division) for one in held]
    ends = [one.deadline_time.ToDatetime(tzinfo=UTC) for one in held]

    assert all(ours - theirs >= BUFFER for ours, theirs in pairwise(ends))
    assert all(
        one.receive_by_time.ToDatetime() <= one.deadline_time.ToDatetime()
        for one in held
    )
    assert [one.assigner_division for one in held] == ["53", "5301", "530102"]
    assert [one.instructions for one in held] == ["", "请逐级落实", "请逐级落实"]
    assert above == held
    everybody = {*CITIES, *COUNTIES, *TOWNSHIPS}
    assert set(await letters.states(line.province, item_id)) == everybody
    assert [
        await tier.count("link_quarantine") for tier in line.by_name.values()
    ] == quarantined


async def test_a_tier_reports_once_its_own_children_are_verified(line: Line) -> None:
    """CHILDREN_OPEN up the line, verify, report; then the province concludes and closes."""
    item_id = await split_down(line)
    climb = [
        (line.township, TOWNSHIPS, line.county, COUNTIES),
        (line.county, COUNTIES, line.city, CITIES),
        (line.city, CITIES, line.province, ("53",)),
    ]
    early = []
    for tier, executors, above, assigners in climb:
        if above is not line.province:
            request = letters.report(item_id, assigners[0])
            early.append(await refused(above.items.ReportAssignments(request)))
        await tier.items.ReportAssignments(letters.report(item_id, *executors))
        await line.settled()
        for division in assigners:
            judged = letters.verify(item_id, division=division)
            await above.items.VerifyAssignments(judged)
        await line.settled()
    await line.province.items.ConcludeItem(letters.conclude(item_id))
    await line.province.items.CloseItem(letters.close(item_id))
    await line.settled()
    held = [await letters.states(tier, item_id) for tier in line.by_name.values()]

    everybody = [*CITIES, *COUNTIES, *TOWNSHIPS]
    assert [told.refusal.reason for told in early] == ["CHILDREN_OPEN"] * 2
    assert [told.details["open_children"] for told in early] == ["2", "2"]
    assert held[0] == dict.fromkeys(everybody, nouns.ASSIGNMENT_STATE_CLOSED)
    assert held[3] == dict.fromkeys(TOWNSHIPS, nouns.ASSIGNMENT_STATE_CLOSED)


async def test_children_are_judged_by_who_split_only(line: Line) -> None:
    """The province may not verify a county's work over its city's head.

    They see it, and hear why not. A sibling county hears of no such work at all.
    """
    item_id = await split_down(line)
    await line.township.items.ReportAssignments(letters.report(item_id, TOWNSHIPS[0]))
    await line.settled()
    refusals = [
        await refused(
            tier.items.VerifyAssignments(
                letters.verify(item_id, TOWNSHIPS[0], division=division)
            )
        )
        for tier, division in ((line.province, "53"), (line.city, "5301"))
    ]
    sibling = letters.send_back(item_id, TOWNSHIPS[0], division="530103")
    refusals.append(await refused(line.county.items.ReturnAssignments(sibling)))
    await line.county.items.VerifyAssignments(
        letters.verify(item_id, division="530102")
    )
    await line.settled()

    assert [told.refusal.reason for told in refusals] == [
        *("NOT_ASSIGNER", "NOT_ASSIGNER"),
        "ASSIGNMENT_UNKNOWN",
    ]
    verified = await seen(line.province, item_id, TOWNSHIPS[0])
    assert verified == await seen(line.township, item_id, TOWNSHIPS[0])
    assert verified.state == nouns.ASSIGNMENT_STATE_VERIFIED


async def test_a_withdrawal_reaches_what_was_split(line: Line) -> None:
    """From the province to every township; nobody goes on working."""
    item_id = await split_down(line)
    await line.province.items.WithdrawItem(letters.withdraw(item_id))
    await line.settled()
    told = await refused(
        line.township.items.ReceiveAssignments(letters.receive(item_id, TOWNSHIPS[0]))
    )

    assert told.refusal.reason == "ITEM_ENDED"
    for tier in line.by_name.values():
        states = await letters.states(tier, item_id)
        assert set(states.values()) == {nouns.ASSIGNMENT_STATE_WITHDRAWN}
