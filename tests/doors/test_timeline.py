"""The course of an item, as each tier's ledger tells it, through gRPC."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Sequence
from uuid import uuid4

import pytest

from ducha.assignment.v1 import assignment_pb2
from ducha.timeline.v1 import timeline_pb2 as nouns
from ducha.timeline.v1 import timeline_service_pb2 as pb
from tests.doors import letters
from tests.doors.letters import COUNTIES, TOWNSHIPS
from tests.doors.paging import every_way
from tests.doors.test_cascade import split_down
from tests.doors.tiers import Line, Tier, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

HERE = nouns.Event.DIRECTION_HERE
ABOVE = nouns.Event.DIRECTION_FROM_ABOVE
BELOW = nouns.Event.DIRECTION_FROM_BELOW


async def course(tier: Tier, item_id: str, within: str = "") -> list[nouns.Event]:
    """Return all that a tier tells of an item, whatever the pages."""
    asked = pb.ListEventsRequest(item_id=item_id, within=within)
    return await every_way(tier.timeline.ListEvents, asked, "events")


def summary(events: Sequence[nouns.Event]) -> list[tuple[str, str, int]]:
    return [(event.kind, event.division, event.division_count) for event in events]


async def test_a_direct_item_is_told_once_at_every_tier(line: Line) -> None:
    """Issued in parts, reported one by one, two returned in parts, verified, concluded."""
    item_id = await letters.reported(line)
    back = (TOWNSHIPS[0], TOWNSHIPS[-1])
    await line.province.items.ReturnAssignments(letters.send_back(item_id, *back))
    await line.settled()
    await line.township.items.ReportAssignments(letters.report(item_id, *back))
    await line.settled()
    await line.province.items.VerifyAssignments(letters.verify(item_id))
    await line.settled()
    await line.province.items.ConcludeItem(letters.conclude(item_id))
    await line.settled()
    told = {name: await course(tier, item_id) for name, tier in line.by_name.items()}

    expected = [
        ("ItemIssued", "53", 6),
        *(("AssignmentReported", code, 1) for code in TOWNSHIPS),
        ("AssignmentsReturned", "53", 2),
        *(("AssignmentReported", code, 1) for code in back),
        ("AssignmentsVerified", "53", 6),
        ("ItemConcluded", "53", 0),
    ]
    assert {name: summary(events) for name, events in told.items()} == dict.fromkeys(
        told, expected
    )
    for name, events in told.items():
        ways = Counter((event.kind, event.direction) for event in events)
        if name == "province":
            assert ways["ItemIssued", HERE] == ways["AssignmentsReturned", HERE] == 1
            assert ways["AssignmentReported", BELOW] == 8
        else:
            assert ways["ItemIssued", ABOVE] == ways["AssignmentsReturned", ABOVE] == 1
            home = HERE if name == "township" else BELOW
            assert ways["AssignmentReported", home] == 8


async def test_an_event_says_who_when_and_what(line: Line) -> None:
    """Actor, both moments, reason, epoch; not late, not unknown; whoever is concerned."""
    item_id = await letters.reported(line, TOWNSHIPS[0])
    request = letters.send_back(item_id, TOWNSHIPS[0], reason="附件不清")
    await line.province.items.ReturnAssignments(request)
    await line.settled()
    issued, reported, returned = await course(line.county, item_id)

    assert returned.actor == letters.ACTOR
    assert returned.details == {"reason": "附件不清", "epoch": "2"}
    assert list(returned.divisions) == [TOWNSHIPS[0]]
    assert returned.occur_time.seconds <= returned.record_time.seconds
    assert returned.fact_kind == "ducha.assignment.v1.AssignmentsReturned"
    assert reported.details["summary"] == "已办理"
    assert reported.light == assignment_pb2.LIGHT_GREEN
    assert issued.details["title"] == "基层减负专项督查"
    assert not any(
        event.arrived_late or event.overdue or event.unknown
        for event in (issued, reported, returned)
    )


async def test_a_cascade_is_told_down_to_who_splits(line: Line) -> None:
    """The county hears of its own splits and of those above it; nothing twice."""
    item_id = await split_down(line)
    told = {
        name: summary(await course(line.by_name[name], item_id))
        for name in ("province", "county", "township")
    }

    assert Counter(kind for kind, _, _ in told["province"]) == {
        "ItemIssued": 1,
        "AssignmentSplit": 5,
    }
    # Its node was told of the issue by each city that splits, and of no targets.
    assert sorted(told["county"]) == sorted(
        [("ItemIssued", "53", 0), *told["province"][1:]]
    )
    assert ("AssignmentSplit", "530102", 2) in told["county"]
    assert ("AssignmentSplit", "530102", 2) in told["township"]


async def test_within_an_area_only_its_own_line_is_told(line: Line) -> None:
    """What its divisions did, what was done to them and above them; no sibling's work."""
    item_id = await split_down(line)
    await line.township.items.ReportAssignments(letters.report(item_id, *TOWNSHIPS))
    await line.settled()
    for county in COUNTIES:
        await line.county.items.VerifyAssignments(
            letters.verify(item_id, division=county)
        )
    await line.settled()
    told = await course(line.province, item_id, TOWNSHIPS[0])

    assert sorted(summary(told)) == sorted(
        [
            ("ItemIssued", "53", 1),
            ("AssignmentSplit", "5301", 1),
            ("AssignmentSplit", "530102", 1),
            ("AssignmentReported", TOWNSHIPS[0], 1),
            ("AssignmentsVerified", "530102", 1),
        ]
    )
    assert {code for event in told for code in event.divisions} == {
        *("5301", "530102", TOWNSHIPS[0])
    }


async def test_an_item_that_is_not_here_has_no_course(line: Line) -> None:
    """ITEM_UNKNOWN; not an empty course, which would say that nothing happened."""
    request = pb.ListEventsRequest(item_id=str(uuid4()))
    told = await refused(line.city.timeline.ListEvents(request))

    assert told.refusal.reason == "ITEM_UNKNOWN"


async def test_the_command_tells_the_course_at_the_tier_that_is_asked(
    line: Line,
) -> None:
    """`ducha item timeline` on the running line: all steps in words, of one area."""
    item_id = await letters.reported(line, TOWNSHIPS[0])
    shown = await _command(line, item_id, "--at", "county", "--within", TOWNSHIPS[0])

    for words in ("下发", "基层减负专项督查", "反馈", TOWNSHIPS[0], "↓ 上级", "↑ 下级"):
        assert words in shown
    assert TOWNSHIPS[1] not in shown


async def _command(line: Line, *arguments: str) -> str:
    """Return what the command prints."""
    words = ("item", "timeline", *arguments, "--data", str(line.data), "--lang", "zh")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from clients.cli.main import run; run()", *words),
        env=os.environ | {"COLUMNS": "250", "PYTHONUTF8": "1"},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()
