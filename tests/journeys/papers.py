"""What travels: made-up provinces and the real one, items and reports as officers write them."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.division.v1 import division_pb2
from tier.jurisdiction import Level, level_of, parent_of, parse

YUNNAN = Path(__file__).parents[2] / "data" / "yunnan-divisions.csv"
UNIT = "督查室"
LONG = "实" * 2000


def small_province(
    cities: int, counties: int, townships: int, villages: int = 0
) -> list[str]:
    """Return the codes of a made-up province 53, parents first."""
    codes = ["53"]
    for city in range(1, cities + 1):
        codes.append(f"53{city:02}")
        for county in range(1, counties + 1):
            codes.append(f"53{city:02}{county:02}")
            for township in range(1, townships + 1):
                base = f"53{city:02}{county:02}{township:03}"
                codes.append(base)
                codes += [f"{base}{village:03}" for village in range(1, villages + 1)]
    return codes


def yunnan() -> list[str]:
    """Return all divisions of Yunnan down to the townships."""
    with YUNNAN.open(encoding="utf-8", newline="") as file:
        codes = [row["code"] for row in csv.DictReader(file)]
    return [code for code in codes if level_of(parse(code)) <= Level.TOWNSHIP]


def a_division(code: str) -> division_pb2.Division:
    """Return a row of the tree, named after its code."""
    parsed = parse(code)
    return division_pb2.Division(
        code=code,
        name=f"区划{code}",
        level=division_pb2.Level.ValueType(level_of(parsed)),
        parent_code=parent_of(parsed) or "",
        valid_from="2023-06-30",
    )


def an_item(issuer: str, mode: pb.Mode.ValueType = pb.MODE_DIRECT) -> pb.Item:
    """Return an item as an officer fills it in."""
    now = datetime.now(UTC)
    item = pb.Item(
        title="基层减负专项督查",
        basis="年度督查计划",
        scheme=pb.Scheme(content="核查报表数量", scope="全部乡镇", method="线上"),
        source_type=pb.SOURCE_TYPE_PLAN_LINE,
        urgency=pb.URGENCY_ROUTINE,
        lead_unit=pb.Unit(division=issuer, name=UNIT),
        mode=mode,
        closing_rule=pb.ClosingRule(kind=pb.ClosingRule.KIND_ALL),
        skip_level_reason="" if mode == pb.MODE_CASCADE else "直达乡镇，减少层层转发",
    )
    item.receive_by_time.FromDatetime(now + timedelta(days=5))
    item.deadline_time.FromDatetime(now + timedelta(days=20))
    return item


def a_report(mark: str, problems: int = 0, texts: int = 0) -> pb.Report:
    """Return a report with values; with problems and texts of 6 KB each if asked for."""
    return pb.Report(
        summary=mark,
        problems=[
            pb.Problem(
                category=pb.Problem.CATEGORY_POLICY,
                severity=pb.Problem.SEVERITY_MINOR,
                description=f"报表重复报送 {number}",
            )
            for number in range(problems)
        ],
        values=[
            pb.ReportedValue(element="reports.monthly", number=12),
            pb.ReportedValue(element="reports.merged", boolean=True),
            *[pb.ReportedValue(element="reports.text", text=LONG)] * texts,
        ],
    )
