"""What people type, and what it means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.cli import parse
from clients.cli.words import Language, UsageProblem, language
from ducha.assignment.v1 import assignment_pb2 as pb

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_a_number(number: float) -> None:
    """Every finite number comes through exactly."""
    assert parse.reported_value(f"a.b={number!r}") == pb.ReportedValue(
        element="a.b", number=number
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x=true", pb.ReportedValue(element="x", boolean=True)),
        ("x=false", pb.ReportedValue(element="x", boolean=False)),
        ("x=2026-11-01", pb.ReportedValue(element="x", date="2026-11-01")),
        ("x=已完成", pb.ReportedValue(element="x", text="已完成")),
        ("x=a=b", pb.ReportedValue(element="x", text="a=b")),
        ("x=text:3", pb.ReportedValue(element="x", text="3")),
        ("x=nan", pb.ReportedValue(element="x", text="nan")),
        ("x=", pb.ReportedValue(element="x", text="")),
    ],
)
def test_other_values_keep_their_kind(text: str, value: pb.ReportedValue) -> None:
    """Yes and no, days, words; `text:` keeps a number as a word."""
    assert parse.reported_value(text) == value


@pytest.mark.parametrize("text", ["", "x", "=3"])
def test_a_value_without_a_name_is_refused(text: str) -> None:
    """The text shows how to write it."""
    with pytest.raises(UsageProblem, match="ELEMENT=VALUE"):
        parse.reported_value(text)


def test_a_problem_has_three_parts() -> None:
    """Colons in the words stay."""
    found = parse.problem("safety:major:桥梁: 封闭")

    assert found.category == pb.Problem.CATEGORY_SAFETY
    assert found.severity == pb.Problem.SEVERITY_MAJOR
    assert found.description == "桥梁: 封闭"


@pytest.mark.parametrize(
    "text", ["", "safety", "safety:major", "fun:major:x", "safety:grave:x"]
)
def test_another_problem_is_refused(text: str) -> None:
    """The categories and severities that exist are listed."""
    with pytest.raises(UsageProblem, match="policy, funds, progress"):
        parse.problem(text)


@given(count=st.integers(0, 1000), unit=st.sampled_from("mhd"))
def test_a_moment_from_now(count: int, unit: str) -> None:
    """+90m, +12h and +3d count from now."""
    step = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

    stamp = parse.moment(f"+{count}{unit}", NOW)

    assert stamp.ToDatetime(tzinfo=UTC) == NOW + count * step[unit]


def test_a_moment_with_an_offset() -> None:
    """An offset is honoured."""
    stamp = parse.moment("2026-12-01T18:00+08:00", NOW)

    assert stamp.ToDatetime(tzinfo=UTC) == datetime(2026, 12, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "+3", "+3w", "2026-13-01"])
def test_another_moment_is_refused(text: str) -> None:
    """The text shows how to write it."""
    with pytest.raises(UsageProblem, match=r"\+3d"):
        parse.moment(text, NOW)


def test_closing_rules() -> None:
    """All, lead, or a quorum with its percentage."""
    assert parse.closing_rule("all").kind == pb.ClosingRule.KIND_ALL
    assert parse.closing_rule("lead").kind == pb.ClosingRule.KIND_LEAD
    assert parse.closing_rule("quorum:80").quorum_percent == 80
    with pytest.raises(UsageProblem, match="quorum:80"):
        parse.closing_rule("most")


def test_a_unit_has_a_code_and_a_name() -> None:
    """Both are needed."""
    assert parse.unit("53:督查室") == pb.Unit(division="53", name="督查室")
    with pytest.raises(UsageProblem, match="CODE:NAME"):
        parse.unit("督查室")


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    """It says which file."""
    file = tmp_path / "a.json"
    file.write_text("[1]")
    with pytest.raises(UsageProblem, match=r"a\.json"):
        parse.json_file(file)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Language.EN),
        ({"LANG": "zh_CN.UTF-8"}, Language.ZH),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, Language.EN),
        ({"LANG": "C", "DUCHA_LANG": "zh"}, Language.ZH),
    ],
)
def test_the_environment_chooses_the_language(
    environment: dict[str, str], expected: Language
) -> None:
    """As gettext reads it, with an own variable first."""
    assert language(environment) is expected
