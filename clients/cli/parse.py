"""From what a person types to the messages of the API. Pure: values in, values out."""

from __future__ import annotations

import json
import math
import re
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp

from clients.cli.render import CHINA
from clients.cli.words import UsageProblem
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.calendar.v1 import calendar_pb2
from ducha.division.v1 import division_pb2

RELATIVE = re.compile(r"([+-]\d+)([mhd])")
TERM = re.compile(r"([1-9]\d{0,3})(wd|h)")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
PROBLEM_PARTS = 3


class LevelName(StrEnum):
    """A level of divisions."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"
    GRID = "grid"

    @property
    def wire(self) -> division_pb2.Level.ValueType:
        """The level as the API names it."""
        return division_pb2.Level.Value(f"LEVEL_{self.name}")


def moment(text: str, now: datetime) -> Timestamp:
    """Read `+3d`, `-12h`, `+30m` from now on, or ISO 8601 (in China without an offset).

    Raises:
        UsageProblem: it is neither.
    """
    if relative := RELATIVE.fullmatch(text):
        then = now + timedelta(**{UNITS[relative[2]]: int(relative[1])})
    else:
        try:
            said = datetime.fromisoformat(text)
            then = said if said.tzinfo else said.replace(tzinfo=CHINA)
        except ValueError as unreadable:
            raise UsageProblem(
                f"{text!r} is no moment. Write +3d, +12h, +30m, or 2026-12-01T18:00.",
                f"{text!r} 不是时间。请写 +3d、+12h、+30m，或 2026-12-01T18:00。",
            ) from unreadable
    stamp = Timestamp()
    stamp.FromDatetime(then)
    return stamp


def term(text: str) -> calendar_pb2.Term:
    """Read `10wd` as working days, `24h` as hours on the clock.

    Raises:
        UsageProblem: it is neither.
    """
    found = TERM.fullmatch(text)
    if found is None:
        raise UsageProblem(
            f"{text!r} is no term. Write 10wd for working days, 24h for hours.",
            f"{text!r} 不是期限。请写 10wd（工作日）或 24h（小时）。",
        )
    number = int(found[1])
    if found[2] == "h":
        return calendar_pb2.Term(hours=number)
    return calendar_pb2.Term(working_days=number)


def reported_value(text: str) -> pb.ReportedValue:
    """Read `element=3.5`, `element=true`, `element=2026-11-01` or `element=words`.

    `element=text:3` keeps what looks like a number as text.

    Raises:
        UsageProblem: there is no `=`.
    """
    element, separator, value = text.partition("=")
    if not separator or not element:
        raise UsageProblem(
            f"{text!r} is no value. Write ELEMENT=VALUE, such as population.elderly_alone=12.",
            f"{text!r} 不是数据值。请写 数据元=值，例如 population.elderly_alone=12。",
        )
    if value.startswith("text:"):
        return pb.ReportedValue(element=element, text=value.removeprefix("text:"))
    if value in {"true", "false"}:
        return pb.ReportedValue(element=element, boolean=value == "true")
    if (number := _number(value)) is not None:
        return pb.ReportedValue(element=element, number=number)
    if _is_day(value):
        return pb.ReportedValue(element=element, date=value)
    return pb.ReportedValue(element=element, text=value)


def problem(text: str) -> pb.Problem:
    """Read `category:severity:words`, such as `safety:major:a bridge is closed`.

    Raises:
        UsageProblem: a part is missing, or no such category or severity.
    """
    parts = text.split(":", PROBLEM_PARTS - 1)
    categories = _choices(pb.Problem.Category.keys(), "CATEGORY_")
    severities = _choices(pb.Problem.Severity.keys(), "SEVERITY_")
    if (
        len(parts) != PROBLEM_PARTS
        or parts[0] not in categories
        or parts[1] not in severities
    ):
        raise UsageProblem(
            f"{text!r} is no problem. Write CATEGORY:SEVERITY:WORDS; categories: "
            f"{', '.join(categories)}; severities: {', '.join(severities)}.",
            f"{text!r} 不是问题。请写 类别:程度:说明；类别：{'、'.join(categories)}；"
            f"程度：{'、'.join(severities)}。",
        )
    return pb.Problem(
        category=pb.Problem.Category.Value(f"CATEGORY_{parts[0].upper()}"),
        severity=pb.Problem.Severity.Value(f"SEVERITY_{parts[1].upper()}"),
        description=parts[2],
    )


def closing_rule(text: str) -> pb.ClosingRule:
    """Read `all`, `lead` or `quorum:80`.

    Raises:
        UsageProblem: it is none of these.
    """
    kind, _, percent = text.partition(":")
    if text in {"all", "lead"}:
        return pb.ClosingRule(kind=pb.ClosingRule.Kind.Value(f"KIND_{text.upper()}"))
    if kind == "quorum" and percent.isdecimal():
        return pb.ClosingRule(
            kind=pb.ClosingRule.KIND_QUORUM, quorum_percent=int(percent)
        )
    raise UsageProblem(
        f"{text!r} is no closing rule. Write all, lead, or quorum:80.",
        f"{text!r} 不是办结规则。请写 all、lead 或 quorum:80。",
    )


def unit(text: str) -> pb.Unit:
    """Read `CODE:NAME`, such as `53:省政府督查室`.

    Raises:
        UsageProblem: a part is missing.
    """
    code, _, name = text.partition(":")
    if not code.isdecimal() or not name:
        raise UsageProblem(
            f"{text!r} is no unit. Write CODE:NAME, such as 53:省政府督查室.",
            f"{text!r} 不是单位。请写 区划代码:名称，例如 53:省政府督查室。",
        )
    return pb.Unit(division=code, name=name)


def _choices(names: list[str], prefix: str) -> list[str]:
    return [
        name.removeprefix(prefix).lower()
        for name in names
        if not name.endswith("UNSPECIFIED")
    ]


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def json_file(path: Path) -> dict[str, object]:
    """Read a JSON object from a file.

    Raises:
        UsageProblem: it is not one.
    """
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as unreadable:
        raise UsageProblem(
            f"{path} cannot be read as JSON: {unreadable}.",
            f"无法将 {path} 读作 JSON：{unreadable}。",
        ) from unreadable
    if not isinstance(content, dict):
        raise UsageProblem(f"{path} holds no JSON object.", f"{path} 不是 JSON 对象。")
    return content
