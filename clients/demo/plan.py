"""What the demonstration says and reports. Pure: the same root gives the same text.

Everything a simulated person writes is labelled as simulated (模拟).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.division.v1 import division_pb2

COUNTY_DIGITS = 6
VALUES = 10
PROBLEM_SHARE = 0.08
RETURNED_AT_MOST = 5

OFFICER = "模拟乡镇干部 simulated officer"
PROVINCE = "模拟督查专员 simulated supervisor"
RETURN_REASON = "（模拟）数据与上月不符，请核实后重新反馈。"

ELEMENTS = (
    "safety.sites_checked",
    "safety.hazards_found",
    "safety.hazards_settled",
    "safety.people_informed",
    "flood.reservoirs_checked",
    "flood.shelters_ready",
    "fire.patrols",
    "road.closed_km",
    "school.checked",
    "clinic.checked",
)
FINDINGS = (
    (
        pb.Problem.CATEGORY_SAFETY,
        pb.Problem.SEVERITY_MAJOR,
        "（模拟）一处桥梁限载未设标志",
    ),
    (
        pb.Problem.CATEGORY_FUNDS,
        pb.Problem.SEVERITY_MINOR,
        "（模拟）补助资金晚到账两周",
    ),
    (
        pb.Problem.CATEGORY_SERVICE,
        pb.Problem.SEVERITY_MINOR,
        "（模拟）卫生室缺少值班表",
    ),
    (
        pb.Problem.CATEGORY_PROGRESS,
        pb.Problem.SEVERITY_CRITICAL,
        "（模拟）排洪渠工程停工",
    ),
)


def item(root: str, root_name: str, now: datetime) -> pb.Item:
    """Return the item that the province issues."""
    made = pb.Item(
        title="【模拟】汛期安全隐患排查督查 (simulated)",
        basis="（模拟）年度督查计划第 1 项",
        scheme=pb.Scheme(
            content="（模拟）逐乡镇排查水库、道路、学校、卫生室安全隐患，反馈十项数据和发现的问题。",
            scope=f"{root_name}全部承办区划",
            method="线上反馈，不进村入户，不要求留痕材料",
        ),
        source_type=pb.SOURCE_TYPE_PLAN_LINE,
        urgency=pb.URGENCY_ROUTINE,
        lead_unit=pb.Unit(division=root, name=f"{root_name}督查室（模拟）"),
        mode=pb.MODE_DIRECT,
        closing_rule=pb.ClosingRule(kind=pb.ClosingRule.KIND_ALL),
        skip_level_reason="（模拟）汛情要求直达末端，各级同步知晓",
    )
    made.receive_by_time.FromDatetime(now + timedelta(days=1))
    made.deadline_time.FromDatetime(now + timedelta(days=3))
    return made


def targets(level: division_pb2.Level.ValueType) -> pb.TargetSelection:
    """Return the selection of all divisions of a level."""
    return pb.TargetSelection(level=level)


def by_county(
    assignments: Iterable[pb.Assignment],
) -> dict[str, list[pb.Assignment]]:
    """Group assignments by the county they lie in."""
    groups: dict[str, list[pb.Assignment]] = defaultdict(list)
    for assignment in assignments:
        groups[assignment.division[:COUNTY_DIGITS]].append(assignment)
    return dict(groups)


def refs(assignments: Iterable[pb.Assignment]) -> list[pb.AssignmentRef]:
    """Return what names the assignments."""
    return [
        pb.AssignmentRef(item_id=one.item_id, division=one.division)
        for one in assignments
    ]


def report(assignment: pb.Assignment) -> api.AssignmentReport:
    """Return what a simulated officer of the division reports, under its epoch."""
    chance = random.Random(f"{assignment.division}/{assignment.epoch}")  # noqa: S311 - repeatable
    values = [
        pb.ReportedValue(element=element, number=chance.randint(0, 200))
        for element in ELEMENTS[:VALUES]
    ]
    problems = []
    if chance.random() < PROBLEM_SHARE:
        category, severity, words = chance.choice(FINDINGS)
        problems.append(
            pb.Problem(category=category, severity=severity, description=words)
        )
    again = "（已按退回意见核实）" if assignment.return_reason else ""
    return api.AssignmentReport(
        assignment=pb.AssignmentRef(
            item_id=assignment.item_id, division=assignment.division
        ),
        epoch=assignment.epoch,
        report=pb.Report(
            summary=f"（模拟 simulated）已完成排查{again}",
            values=values,
            problems=problems,
        ),
    )


def to_return(divisions: Sequence[str]) -> list[str]:
    """Choose the few whose report the province sends back, spread over the province."""
    kept = sorted(divisions)
    count = min(RETURNED_AT_MOST, max(1, len(kept) // 10))
    return kept[:: max(1, len(kept) // count)][:count]
