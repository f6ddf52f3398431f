"""Who plays in the life of one item, and by what terms. Pure; everything is simulated (模拟)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clients.cli.words import UsageProblem
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.calendar.v1 import calendar_pb2
from ducha.division.v1 import division_pb2

RATE = 7200.0
"""Simulated seconds in a second: two hours."""

PLAYERS = 4
"""Townships that a county must have."""

KEEPER = "模拟日历管理员 simulated keeper"
SUPERVISOR = "模拟督查专员 simulated supervisor"
REVIEWER = "模拟复核人 simulated reviewer"
OFFICER = "模拟干部 simulated officer"

LONGEST_EXTENSION = 10
NEAR_PERCENT = 40
"""Early, so that seconds lie between this reminder and the next, however busy the machine."""


@dataclass(frozen=True, slots=True)
class Cast:
    """One division a tier, and four townships: each has a fate of its own."""

    province: division_pb2.Division
    city: division_pb2.Division
    county: division_pb2.Division
    steady: division_pb2.Division
    """Asks for more time, is returned once, reports in time."""
    disputing: division_pb2.Division
    """Says that it is not its business."""
    successor: division_pb2.Division
    """Gets what that one had."""
    late: division_pb2.Division
    """Is reminded, urged, escalated, reports late, asks for a review, puts things right."""

    @property
    def rows(self) -> list[division_pb2.Division]:
        """Return all of them, those above first."""
        return [
            *(self.province, self.city, self.county),
            *sorted(self.townships, key=lambda row: row.code),
        ]

    @property
    def townships(self) -> tuple[division_pb2.Division, ...]:
        """Return the four townships."""
        return self.steady, self.disputing, self.successor, self.late


def cast(rows: Sequence[division_pb2.Division], root: str) -> Cast:
    """Choose the first county that has four townships, and what lies above it.

    Raises:
        UsageProblem: there is none.
    """
    by_code = {row.code: row for row in rows}
    below: dict[str, list[division_pb2.Division]] = {}
    for row in sorted(rows, key=lambda row: row.code):
        if row.level == division_pb2.LEVEL_TOWNSHIP:
            below.setdefault(row.parent_code, []).append(row)
    county = next((code for code, own in below.items() if len(own) >= PLAYERS), "")
    if not county or root not in by_code:
        raise UsageProblem(
            f"No county within {root} has {PLAYERS} townships. Choose other --divisions.",
            f"{root} 范围内没有至少 {PLAYERS} 个乡镇的县。请改 --divisions。",
        )
    city = by_code[by_code[county].parent_code]
    return Cast(by_code[root], city, by_code[county], *below[county][:PLAYERS])


def hours(count: int) -> calendar_pb2.Term:
    """Return a term of hours: nights and days off count, so the act takes as long always."""
    return calendar_pb2.Term(hours=count)


def terms() -> calendar_pb2.Terms:
    """Return the terms of the act: short, and in hours wherever the act waits for their end."""
    return calendar_pb2.Terms(
        source_type=pb.SOURCE_TYPE_ONE_OFF_APPROVAL,
        urgency=pb.URGENCY_URGENT,
        receive=hours(12),
        work=hours(2000),
        receipt_near_percent=80,
        near_percent=NEAR_PERCENT,
        ladder=[hours(2), hours(6)],
        max_extensions=1,
        max_extension_days=LONGEST_EXTENSION,
        dispute=hours(48),
        review=hours(16),
        urge_overdue=True,
    )


WORK_HOURS = {"county": 144, "township": 96, "late": 16}
"""What whoever splits gives below; the province gives the terms' own time."""


def item(players: Cast) -> pb.Item:
    """Return the item that the province issues."""
    name = players.province.name
    return pb.Item(
        title="【模拟】一个事项的全过程 (simulated)",
        basis="（模拟）一事一审第 1 号",
        scheme=pb.Scheme(
            content="（模拟）核查汛期值班和避险转移落实情况。",
            scope=f"（模拟）{players.city.name}有关乡镇",
            method="（模拟）线上反馈，不进村入户，不要求留痕材料",
        ),
        source_type=pb.SOURCE_TYPE_ONE_OFF_APPROVAL,
        urgency=pb.URGENCY_URGENT,
        urgency_justification="（模拟）强降雨预警",
        lead_unit=pb.Unit(division=players.province.code, name=f"{name}督查室（模拟）"),
        mode=pb.MODE_CASCADE,
        closing_rule=pb.ClosingRule(kind=pb.ClosingRule.KIND_ALL),
    )
