"""The life of an item over four tiers: returns, epochs, closing rules, withdrawals."""

from __future__ import annotations

import pytest

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.division.v1 import division_pb2
from tests.doors import letters
from tests.doors.letters import TOWNSHIPS, seen
from tests.doors.tiers import Line, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIRST, SECOND = TOWNSHIPS[:2]
Rule = nouns.ClosingRule


async def test_a_returned_report_is_done_again_under_the_next_epoch(line: Line) -> None:
    """Twice; the old epoch is refused, the new one taken, and all tiers hold the same."""
    item_id = await letters.reported(line)
    epochs = []
    for _ in range(2):
        await line.province.items.ReturnAssignments(letters.send_back(item_id, FIRST))
        await line.settled()
        standing = await seen(line.township, item_id, FIRST)
        epochs.append(standing.epoch)
        old = letters.report(item_id, FIRST, epoch=standing.epoch - 1)
        told = await refused(line.township.items.ReportAssignments(old))
        assert told.refusal.reason == "EPOCH_STALE"
        assert told.details["epoch"] == str(standing.epoch)
        assert standing.state == nouns.ASSIGNMENT_STATE_RETURNED
        assert standing.return_reason == "数据不实，请核对"
        content = letters.a_report(f"第{standing.epoch}次办理", problems=standing.epoch)
        await line.township.items.ReportAssignments(
            letters.report(item_id, FIRST, epoch=standing.epoch, content=content)
        )
        await line.settled()
    held = [await seen(tier, item_id, FIRST) for tier in line.by_name.values()]

    assert epochs == [2, 3]
    assert held[0].report.summary == "第3次办理"
    assert held == [held[0]] * 4
    assert (await seen(line.township, item_id, SECOND)).epoch == 1


async def test_receipt_is_confirmed_once_and_seen_at_every_tier(line: Line) -> None:
    """Again is no error; a report confirms it too."""
    item_id = await letters.issued(line)
    both = letters.receive(item_id, FIRST, SECOND, FIRST)
    done = await line.township.items.ReceiveAssignments(both)
    again = await line.township.items.ReceiveAssignments(
        letters.receive(item_id, FIRST)
    )
    await line.township.items.ReportAssignments(letters.report(item_id, TOWNSHIPS[2]))
    await line.settled()
    held = [await letters.states(tier, item_id) for tier in line.by_name.values()]

    assert (done.received_count, done.unchanged_count) == (2, 1)
    assert (again.received_count, again.unchanged_count) == (0, 1)
    assert held == [held[0]] * 4
    assert [held[0][code] for code in TOWNSHIPS[:4]] == [2, 2, 3, 1]
    assert (await seen(line.province, item_id, TOWNSHIPS[2])).HasField("receive_time")


CLOSING = {
    "all": (Rule(kind=Rule.KIND_ALL), "53", TOWNSHIPS[:-1], "1"),
    "half": (Rule(kind=Rule.KIND_QUORUM, quorum_percent=50), "53", TOWNSHIPS[:2], "1"),
    "a tenth": (Rule(kind=Rule.KIND_QUORUM, quorum_percent=10), "53", (), "1"),
    "lead": (Rule(kind=Rule.KIND_LEAD), TOWNSHIPS[-1], TOWNSHIPS[:-1], "1"),
}


@pytest.mark.parametrize("rule", CLOSING)
async def test_an_item_is_concluded_when_its_rule_is_met_and_then_closed(
    line: Line, rule: str
) -> None:
    """One verified report short: refused, saying how many; with it: concluded, closed, told."""
    closing, lead, early, lacking = CLOSING[rule]
    item = letters.an_item(closing=closing, lead=lead)
    item_id = await letters.issued(line, letters.issue(*TOWNSHIPS, item=item))
    await line.township.items.ReportAssignments(letters.report(item_id, *TOWNSHIPS))
    await line.settled()
    if early:
        await line.province.items.VerifyAssignments(letters.verify(item_id, *early))
    short = await refused(line.province.items.ConcludeItem(letters.conclude(item_id)))
    too_early = await refused(line.province.items.CloseItem(letters.close(item_id)))
    await line.province.items.VerifyAssignments(letters.verify(item_id, TOWNSHIPS[-1]))
    await line.province.items.ConcludeItem(letters.conclude(item_id))
    closed = await line.province.items.CloseItem(letters.close(item_id))
    await line.settled()
    held = [await letters.states(tier, item_id) for tier in line.by_name.values()]

    assert (short.refusal.reason, short.details["lacking"]) == (
        "CLOSING_RULE_UNMET",
        lacking,
    )
    assert too_early.refusal.reason == "NOT_CONCLUDED"
    assert closed.item.state == nouns.ITEM_STATE_CLOSED
    assert closed.item.conclusion.summary == "总体落实"
    assert held == [dict.fromkeys(TOWNSHIPS, nouns.ASSIGNMENT_STATE_CLOSED)] * 4


async def test_a_withdrawal_reaches_the_township(line: Line) -> None:
    """Reported, received or untouched: nothing is left to do, at any tier."""
    item_id = await letters.reported(line, FIRST)
    await line.township.items.ReceiveAssignments(letters.receive(item_id, SECOND))
    await line.province.items.WithdrawItem(letters.withdraw(item_id))
    await line.settled()
    report = letters.report(item_id, SECOND)
    told = await refused(line.township.items.ReportAssignments(report))
    held = [await letters.states(tier, item_id) for tier in line.by_name.values()]

    assert told.refusal.reason == "ITEM_ENDED"
    assert held == [dict.fromkeys(TOWNSHIPS, nouns.ASSIGNMENT_STATE_WITHDRAWN)] * 4


async def test_a_county_issues_to_its_own_and_the_tiers_above_are_informed(
    line: Line,
) -> None:
    """All villages of a level within it, less one township's; the city and province see it."""
    request = letters.issue(
        division="530102",
        level=division_pb2.LEVEL_VILLAGE,
        item=letters.an_item(lead="530102"),
    )
    done = await line.county.items.IssueItem(request)
    await line.settled()
    item_id = done.item.item_id
    villages = [code for code in letters.VILLAGES if code.startswith("530102")]
    await line.township.items.ReportAssignments(letters.report(item_id, *villages))
    await line.settled()
    verified = await line.county.items.VerifyAssignments(
        letters.verify(item_id, division="530102")
    )
    await line.settled()
    held = [await letters.states(tier, item_id) for tier in line.by_name.values()]

    assert done.target_count == len(villages)
    assert verified.verified_count == len(villages)
    assert held == [dict.fromkeys(villages, nouns.ASSIGNMENT_STATE_VERIFIED)] * 4
    told = await refused(line.province.items.CloseItem(letters.close(item_id)))
    assert told.refusal.reason == "NOT_ISSUER"
