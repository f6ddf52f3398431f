"""Work done while a link was away: judged by what stands when it comes, and its author told.

And what a child may not say at all: whatever only an assigner or an issuer may.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from google.protobuf.message import Message

from ducha.assignment.v1 import assignment_facts_pb2 as facts
from ducha.assignment.v1 import assignment_pb2 as nouns
from tests.doors import letters
from tests.doors.test_assignment_facts import OTHER as SIBLING
from tests.doors.test_assignment_facts import TOWN as FORGER
from tests.doors.test_assignment_facts import VILLAGE, paired
from tests.servers import AnApp, quarantined, recorded
from tests.stores import cascading
from tests.stores.cascading import an_item, issued, shown
from tests.stores.supervised import (
    ACTOR,
    DAY,
    HOUR,
    OTHER,
    PROVINCE,
    TOWN,
    Line,
    a_call,
    a_line,
    told,
)
from tier import division, ledger
from tier.app import App
from tier.assignment.actions import end
from tier.inbox import Kind
from tier.jurisdiction import Code
from tier.ledger import Author
from tier.runtime import moments

GREEN, YELLOW, RED = 1, 2, 3
JUDGED = "ducha.assignment.v1.MovesJudged"


async def straight(line: Line, *towns: Code, quorum: int = 0) -> UUID:
    """Issue an item straight to townships, due in ten days; all know."""
    item = an_item(line, nouns.MODE_DIRECT)
    if quorum:
        item.closing_rule.kind = nouns.ClosingRule.KIND_QUORUM
        item.closing_rule.quorum_percent = quorum
    item_id = await issued(line, item, *(towns or (TOWN, OTHER)))
    await line.descend()
    return item_id


async def healed(line: Line, away: timedelta = HOUR) -> None:
    """Let the link come back after a while, and everything arrive."""
    line.clock.at += away
    await line.settle()
    await line.descend()


async def verdicts(app: App) -> list[tuple[str, str, str, str, int]]:
    """Return (division, move, outcome, reason, light) of the verdicts told at a node."""
    return [
        (whom, said["move"], said["outcome"], said["reason"], light)
        for whom, said, light in await told(app, Kind.VERDICT)
    ]


async def facts_of(app: App, kind: str) -> int:
    return sum(fact.kind == kind for fact in await recorded(app))


async def test_work_that_comes_at_once_is_told_nothing(an_app: AnApp) -> None:
    """Received and reported over a link that stands: nobody judges it but its assigner."""
    async with a_line(an_app) as line:
        item_id = await straight(line)
        await cascading.receive(line.township, item_id, TOWN, OTHER)
        await line.settle()
        line.clock.at += timedelta(seconds=1)
        await cascading.do_report(line.township, item_id, TOWN, OTHER)
        await line.settle()
        await line.descend()

        assert await verdicts(line.township) == []
        assert [await facts_of(app, JUDGED) for app in line.apps] == [0] * 4


async def test_work_that_comes_late_but_was_done_in_time_is_accepted(
    an_app: AnApp,
) -> None:
    """Days after its deadline even: what counts is when it was done."""
    async with a_line(an_app) as line:
        item_id = await straight(line)
        await cascading.receive(line.township, item_id, TOWN)
        await cascading.do_report(line.township, item_id, TOWN)
        await cascading.do_report(line.township, item_id, OTHER)
        done_at = line.clock().isoformat()
        await healed(line, 20 * DAY)
        said = [details for _, details, _ in await told(line.township, Kind.VERDICT)]
        held = [await shown(line, item_id, one) for one in (TOWN, OTHER)]

        assert await verdicts(line.township) == [
            (TOWN, "AssignmentsReceived", "accepted", "", GREEN),
            (TOWN, "AssignmentReported", "accepted", "", GREEN),
            (OTHER, "AssignmentReported", "accepted", "", GREEN),
        ]
        assert {details["done_at"] for details in said} == {done_at}
        for town in held:
            assert town == [town[0]] * 4
            assert town[0].state == nouns.ASSIGNMENT_STATE_REPORTED
            assert not town[0].late


async def test_work_done_late_is_accepted_as_late(an_app: AnApp) -> None:
    """Nothing that was done is lost; the receipt, and the report, each by its own term."""
    async with a_line(an_app) as line:
        item_id = await straight(line)
        line.clock.at += 2 * DAY  # receipt was due after one
        await cascading.receive(line.township, item_id, TOWN)
        line.clock.at += 9 * DAY  # and the report after ten
        await cascading.do_report(line.township, item_id, TOWN)
        await healed(line)
        town = await shown(line, item_id, TOWN)

        assert await verdicts(line.township) == [
            (TOWN, "AssignmentsReceived", "accepted_late", "", YELLOW),
            (TOWN, "AssignmentReported", "accepted_late", "", YELLOW),
        ]
        assert [one.late for one in town] == [True] * 4


async def test_work_on_what_was_withdrawn_meanwhile_is_refused(an_app: AnApp) -> None:
    """The assignment alone, or the item: the author hears that it does not count, and why."""
    async with a_line(an_app) as line:
        alone, whole = await straight(line), await straight(line)
        await cascading.take_back(line.province, alone, PROVINCE, TOWN)
        call = a_call(PROVINCE)
        await end.withdraw(line.province, call, whole, "重复（模拟）")
        for item_id in (alone, whole):
            await cascading.receive(line.township, item_id, TOWN)
            await cascading.do_report(line.township, item_id, TOWN)
        await healed(line)
        held = [await shown(line, item_id, TOWN) for item_id in (alone, whole)]
        moves = ["AssignmentsReceived", "AssignmentReported"]

        assert await verdicts(line.township) == [
            (TOWN, move, "refused", "WITHDRAWN", RED) for move in moves * 2
        ]
        for town in held:
            assert town == [town[0]] * 4
            assert town[0].state == nouns.ASSIGNMENT_STATE_WITHDRAWN
        other = await shown(line, alone, OTHER)
        assert {one.state for one in other} == {nouns.ASSIGNMENT_STATE_ISSUED}


async def test_work_on_what_was_closed_meanwhile_is_refused(an_app: AnApp) -> None:
    """The half that the rule asked for had reported."""
    async with a_line(an_app) as line:
        item_id = await straight(line, quorum=50)
        await cascading.do_report(line.township, item_id, TOWN)
        await line.settle()
        await cascading.verify(line.province, item_id, PROVINCE, TOWN)
        conclusion = letters.conclude(str(item_id)).conclusion
        await end.conclude(line.province, a_call(PROVINCE), item_id, conclusion)
        await end.close(line.province, a_call(PROVINCE), item_id)
        await cascading.do_report(line.township, item_id, OTHER)
        await healed(line)
        held = await shown(line, item_id, OTHER)

        assert await verdicts(line.township) == [
            (OTHER, "AssignmentReported", "refused", "ITEM_ENDED", RED)
        ]
        assert held == [held[0]] * 4
        assert held[0].state == nouns.ASSIGNMENT_STATE_CLOSED


async def tell(app: App, item_id: UUID, by: Code, *payloads: Message) -> None:
    """Record facts as they stand, right or wrong, to be told above."""
    author = Author.at(app.now(), app.node.name, ACTOR, "")
    entries = [
        ledger.record(
            author, one, division=by, subject=str(item_id), onward=app.node.upward
        )
        for one in payloads
    ]
    async with app.db.transaction() as tx:
        await ledger.append(tx, app.feed, entries, app.now())


def a_report(line: Line, item_id: UUID, epoch: int) -> facts.AssignmentReported:
    """Return a report as a township tells it that was restored from a backup."""
    told = facts.AssignmentReported(
        item_id=str(item_id), division=TOWN, epoch=epoch, report=letters.a_report()
    )
    told.report_time.FromDatetime(line.clock())
    return told


@pytest.mark.parametrize("away", [timedelta(), HOUR], ids=["at once", "much later"])
async def test_work_under_a_passed_epoch_is_refused_however_it_came(
    an_app: AnApp, away: timedelta
) -> None:
    """A report that does not count is always told; the epoch that stands is named."""
    async with a_line(an_app) as line:
        item_id = await straight(line)
        await cascading.do_report(line.township, item_id, TOWN)
        await line.settle()
        await cascading.send_back(line.province, item_id, PROVINCE, TOWN)
        await tell(line.township, item_id, TOWN, a_report(line, item_id, 1))
        await healed(line, away)
        [(_, said, _)] = await told(line.township, Kind.VERDICT)
        town = await shown(line, item_id, TOWN)

        assert await verdicts(line.township) == [
            (TOWN, "AssignmentReported", "refused", "EPOCH_STALE", RED)
        ]
        assert said["epoch"] == "2"
        assert town == [town[0]] * 4
        assert town[0].state == nouns.ASSIGNMENT_STATE_RETURNED


async def test_one_bundle_of_much_work_has_one_verdict_a_move(an_app: AnApp) -> None:
    """What counts beside what does not, of several items: told once each, whatever repeats."""
    async with a_line(an_app) as line:
        items = [await straight(line) for _ in range(3)]
        await cascading.take_back(line.province, items[1], PROVINCE, TOWN)
        for item_id in items:
            await cascading.do_report(line.township, item_id, TOWN, OTHER)
        await healed(line)
        await healed(line)
        said = await told(line.township, Kind.VERDICT)

        assert sorted((whom, light) for whom, _, light in said) == sorted(
            [(TOWN, GREEN), (TOWN, RED), (TOWN, GREEN), *[(OTHER, GREEN)] * 3]
        )
        # One fact an item, as told at the province and by each tier to the next.
        assert [await facts_of(app, JUDGED) for app in line.apps][3] == 3


# --- What only those above may say -----------------------------------------------------


def forged_moves(
    item_id: UUID, division_codes: Sequence[Code], now: datetime
) -> list[Message]:
    """Return what only an assigner may tell of assignments."""
    whose, named = division.set_to(division_codes), str(item_id)
    stamp, later = moments.stamp_of(now), moments.stamp_of(now + 90 * DAY)
    numbers = [2] * len(division_codes)
    clock: Any = {"item_id": named, "divisions": whose, "terms": numbers}
    ends: Any = {"receive_by_time": later, "deadline_time": later}
    returned: Any = {"item_id": named, "divisions": whose, "epochs": numbers}
    return [
        facts.DeadlinesMoved(
            **clock, **ends, cause=nouns.CAUSE_EXTENSION, move_time=stamp
        ),
        facts.AssignmentsSuspended(**clock, suspend_time=stamp),
        facts.AssignmentsResumed(**clock, **ends, resume_time=stamp),
        facts.AssignmentsReturned(**returned, return_time=stamp),
        facts.AssignmentsVerified(item_id=named, divisions=whose, verify_time=stamp),
        facts.AssignmentsWithdrawn(item_id=named, divisions=whose, withdraw_time=stamp),
        facts.AssignmentSplit(
            item_id=named,
            assigner_division="530102",
            targets=division.set_to([VILLAGE]),
            **ends,
        ),
    ]


def forged_ends(
    item_id: UUID, division_codes: Sequence[Code], now: datetime
) -> list[Message]:
    """Return what only an issuer may tell of its item, and what never climbs."""
    stamp, named = moments.stamp_of(now), str(item_id)
    one = facts.MovesJudged.Judgement(
        division=FORGER,
        move="AssignmentReported",
        outcome=facts.MovesJudged.OUTCOME_ACCEPTED,
        fact_id=str(uuid4()),
    )
    item = letters.an_item()
    item.item_id, item.issuer_division = str(uuid4()), "530102"
    conclusion = letters.conclude(named).conclusion
    return [
        facts.ItemIssued(item=item, targets=division.set_to(division_codes)),
        facts.ItemConcluded(item_id=named, conclusion=conclusion),
        facts.ItemClosed(item_id=named, close_time=stamp),
        facts.ItemReopened(item_id=named, reopen_time=stamp),
        facts.ItemArchived(item_id=named, archive_time=stamp),
        facts.ItemWithdrawn(item_id=named, withdraw_time=stamp),
        facts.MovesJudged(item_id=named, judgements=[one], judge_time=stamp),
        facts.AssistContributed(
            item_id=named,
            assist_division=SIBLING,
            lead_division=FORGER,
            report=letters.a_report(),
        ),
    ]


async def test_a_child_says_nothing_that_is_not_its_own_to_say(an_app: AnApp) -> None:
    """Its own deadline, its own verification, the end of the item: set aside, all of it."""
    async with paired(an_app, nouns.MODE_CASCADE) as pair:
        await pair.report(FORGER)
        await pair.up()
        before = await pair.seen(pair.county, FORGER)
        about = (pair.item_id, [FORGER], pair.streets.now())
        forged = [*forged_moves(*about), *forged_ends(*about)]
        kept = len(await recorded(pair.county))
        for one in forged:
            await pair.tell_up(one)

        assert await quarantined(pair.county) == ["WRONG_JURISDICTION"] * len(forged)
        assert await pair.seen(pair.county, FORGER) == before
        assert len(await recorded(pair.county)) == kept
        assert {type(one).DESCRIPTOR.full_name for one in forged} == {
            kind for kind in _KINDS if kind not in _OWN
        }


_KINDS = [
    message.full_name for message in facts.DESCRIPTOR.message_types_by_name.values()
]
_OWN = {
    facts.AssignmentsReceived.DESCRIPTOR.full_name,
    facts.AssignmentReported.DESCRIPTOR.full_name,
}


async def test_a_child_speaks_for_no_sibling(an_app: AnApp) -> None:
    """Nor of assignments that nobody knows."""
    async with paired(an_app) as pair:
        stamp = moments.stamp_of(pair.streets.now())
        foreign = Code("530103001")
        for divisions in ([foreign], [VILLAGE]):
            await pair.tell_up(
                facts.AssignmentsWithdrawn(
                    item_id=str(pair.item_id),
                    divisions=division.set_to(divisions),
                    withdraw_time=stamp,
                )
            )

        assert await quarantined(pair.county) == [
            "WRONG_JURISDICTION",
            "UNKNOWN_ASSIGNMENT",
        ]
