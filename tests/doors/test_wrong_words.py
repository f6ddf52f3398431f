"""Well-formed requests that ask what the laws forbid: refused, and nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as pb
from ducha.division.v1 import division_pb2
from tests.doors import letters
from tests.doors.letters import TOWNSHIPS
from tests.doors.tiers import Line, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

ClosingRule = nouns.ClosingRule
PAST = datetime(2020, 1, 1, tzinfo=UTC)


def targets(*divisions: str) -> Callable[[pb.IssueItemRequest], object]:
    def change(request: pb.IssueItemRequest) -> None:
        request.targets.CopyFrom(nouns.TargetSelection(divisions=divisions))

    return change


def deadlines(
    receive_by: datetime, deadline: datetime
) -> Callable[[pb.IssueItemRequest], object]:
    def change(request: pb.IssueItemRequest) -> None:
        request.item.receive_by_time.FromDatetime(receive_by)
        request.item.deadline_time.FromDatetime(deadline)

    return change


def cascade(request: pb.IssueItemRequest) -> None:
    request.item.mode = nouns.MODE_CASCADE


def lead_outside(request: pb.IssueItemRequest) -> None:
    request.item.closing_rule.kind = ClosingRule.KIND_LEAD
    request.item.lead_unit.division = "5304"


def all_excluded(request: pb.IssueItemRequest) -> None:
    request.targets.excluded.append("53")


def nowhere(request: pb.IssueItemRequest) -> None:
    selection = nouns.TargetSelection(
        level=division_pb2.LEVEL_TOWNSHIP, within=["5399"]
    )
    request.targets.CopyFrom(selection)


WRONG: dict[str, tuple[Callable[[pb.IssueItemRequest], object], str]] = {
    "receipt in the past": (deadlines(PAST, letters.soon(9)), "DEADLINE_INVALID"),
    "all in the past": (deadlines(PAST, PAST), "DEADLINE_INVALID"),
    "receipt after the deadline": (
        deadlines(letters.soon(9), letters.soon(8)),
        "DEADLINE_INVALID",
    ),
    "nobody": (lambda request: request.ClearField("targets"), "INVALID_INPUT"),
    "neither names nor a level": (targets(), "TARGETS_INVALID"),
    "an unknown division": (targets(TOWNSHIPS[0], "530102099"), "TARGETS_INVALID"),
    "another province": (targets("5201"), "TARGETS_INVALID"),
    "a level without divisions there": (nowhere, "TARGETS_INVALID"),
    "none are left": (all_excluded, "TARGETS_INVALID"),
    "a cascade past the next tier": (cascade, "TARGETS_INVALID"),
    "a lead that does not execute": (lead_outside, "CLOSING_RULE_INVALID"),
    "a lead unit of nowhere": (
        lambda request: setattr(request.item.lead_unit, "division", "5399"),
        "DIVISION_UNKNOWN",
    ),
    "an assist unit of nowhere": (
        lambda request: request.item.assist_units.add(division="530199", name="局"),
        "DIVISION_UNKNOWN",
    ),
    "an issuer of another node": (
        lambda request: setattr(request, "division", "5301"),
        "DIVISION_NOT_HOSTED",
    ),
    "an issuer of another province": (
        lambda request: setattr(request, "division", "52"),
        "NOT_ALLOWED",
    ),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("only", [False, True], ids=["issue", "validate_only"])
async def test_an_unlawful_item_is_not_issued(
    line: Line, what: str, *, only: bool
) -> None:
    """Asked in earnest or only to check: the same refusal, and nothing is written."""
    change, reason = WRONG[what]
    request = letters.issue(*TOWNSHIPS)
    change(request)
    request.validate_only = only
    before = await line.footprint()
    told = await refused(line.province.items.IssueItem(request))

    assert told.refusal.reason == reason
    assert await line.footprint() == before


async def test_checking_a_sound_item_changes_nothing(line: Line) -> None:
    """It says how many would execute, and gives no id."""
    request = letters.issue(level=division_pb2.LEVEL_TOWNSHIP)
    request.targets.within.append("5301")
    request.targets.excluded.append("530103")
    request.validate_only = True
    before = await line.footprint()
    done = await line.province.items.IssueItem(request)

    assert done.target_count == 2
    assert done.item.item_id == ""
    assert await line.footprint() == before


async def test_a_split_stays_within_its_own_branch_tier_and_time(line: Line) -> None:
    """A sibling's county, a township, a deadline inside the buffer, a wrong node."""
    item = letters.an_item(mode=nouns.MODE_CASCADE)
    item_id = await letters.issued(line, letters.issue("5301", item=item))
    late = letters.split(item_id, "5301", "530102")
    late.deadline_time.FromDatetime(letters.soon(9.5))
    reversed_ = letters.split(item_id, "5301", "530102")
    reversed_.receive_by_time.FromDatetime(letters.soon(5))
    reversed_.deadline_time.FromDatetime(letters.soon(4))
    wrong = {
        "TARGETS_INVALID": [
            letters.split(item_id, "5301", "530302"),
            letters.split(item_id, "5301", "530102001"),
            letters.split(item_id, "5301", "5301"),
        ],
        "DEADLINE_INVALID": [late, reversed_],
        "DIVISION_NOT_HOSTED": [letters.split(item_id, "530102", "530102001")],
        "ASSIGNMENT_UNKNOWN": [letters.split(item_id, "5303", "530302")],
    }
    before = await line.footprint()
    told = {
        reason: {
            (await refused(line.city.items.SplitAssignment(one))).refusal.reason
            for one in requests
        }
        for reason, requests in wrong.items()
    }

    assert told == {reason: {reason} for reason in wrong}
    assert await line.footprint() == before
