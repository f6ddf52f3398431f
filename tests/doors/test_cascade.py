"""Cascade: each tier splits for the next, and verifies what comes back."""

from __future__ import annotations

from datetime import UTC, timedelta

from ducha.assignment.v1 import assignment_pb2 as nouns
from tests.doors import letters
from tests.doors.letters import COUNTIES, TOWNSHIPS, seen
from tests.doors.tiers import Line, refused

CASCADE = nouns.MODE_CASCADE
BUFFER = timedelta(days=1)


async def split_down(line: Line, *, days: float = 40) -> str:
    """Issue to the cities; each tier splits for the next, down to the townships."""
    item = letters.an_item(mode=CASCADE, days=days)
    item_id = await letters.issued(line, letters.issue("5301", "5303", item=item))
    for tier, level in ((line.city, 4), (line.county, 6)):
        for division in [code for code, _ in letters.ROWS if len(code) == level]:
            below = [
                code
                for code in (*COUNTIES, *TOWNSHIPS)
                if code.startswith(division) and len(code) == {4: 6, 6: 9}[level]
            ]
            await tier.items.SplitAssignment(letters.split(item_id, division, *below))
        await line.settled()
    return item_id


async def test_each_tier_splits_and_keeps_time_to_review(line: Line) -> None:
    """Province, cities, counties, townships: every child reports a buffer earlier."""
    item_id = await split_down(line)
    at_home = {
        2: line.province,
        4: line.city,
        6: line.county,
        9: line.township,
    }
    chain = ["5301", "530102", "530102001"]
    held = [await seen(at_home[len(code)], item_id, code) for code in chain]
    above = [await seen(line.province, item_id, code) for code in chain]
    quarantined = [
        await tier.count("link_quarantine") for tier in line.by_name.values()
    ]

    ends = [one.deadline_time.ToDatetime(tzinfo=UTC) for one in held]
    assert all(
        ours - theirs >= BUFFER for ours, theirs in zip(ends, ends[1:], strict=False)
    )
    assert all(
        one.receive_by_time.ToDatetime() <= one.deadline_time.ToDatetime()
        for one in held
    )
    assert [one.assigner_division for one in held] == ["53", "5301", "530102"]
    assert [one.instructions for one in held] == ["", "请逐级落实", "请逐级落实"]
    assert above == held
    assert set(await letters.states(line.province, item_id)) == {
        "5301", "5303", *COUNTIES, *TOWNSHIPS,
    }  # fmt: skip
    assert quarantined == [0, 0, 0, 0]
    told = await refused(
        line.county.items.ReportAssignments(letters.report(item_id, "530102"))
    )
    assert told.refusal.reason == "CHILDREN_OPEN"
