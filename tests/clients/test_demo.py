"""The demonstration is repeatable, and says that it is simulated."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.cli.words import UsageProblem
from clients.demo import plan, proof
from clients.demo.command import fresh_folder, summary
from clients.demo.run import Result
from ducha.assignment.v1 import assignment_pb2 as pb

AGREED = Result(
    root="53",
    item="i",
    example="530102001",
    trace_id="t",
    problems=3,
    returned=5,
    seconds_to_last_target=0.1,
    seconds_to_complete=1.0,
    issued=10,
    told=proof.expected(10),
    held={tier: proof.expected(10) for tier in ("province", "township")},
)


def test_everything_simulated_says_so() -> None:
    """Nobody can take a demonstration's words for an officer's."""
    item = plan.item("53", "云南省", datetime(2026, 11, 1, tzinfo=UTC))
    reports = [
        plan.report(pb.Assignment(item_id="i", division=f"5301020{n:02}", epoch=1))
        for n in range(100)
    ]
    problems = [problem for one in reports for problem in one.report.problems]

    assert "模拟" in item.title
    assert "simulated" in item.title
    assert all("模拟" in one.report.summary for one in reports)
    assert problems
    assert all("模拟" in problem.description for problem in problems)
    assert "simulated" in plan.OFFICER
    assert "simulated" in plan.PROVINCE


def test_the_same_division_reports_the_same() -> None:
    """Ten values, the same in each run."""
    assignment = pb.Assignment(item_id="i", division="530102001", epoch=1)

    assert plan.report(assignment) == plan.report(assignment)
    assert len(plan.report(assignment).report.values) == 10


@given(st.sets(st.from_regex(r"53[0-9]{7}", fullmatch=True), min_size=1, max_size=60))
def test_a_few_are_sent_back(divisions: set[str]) -> None:
    """At least one, at most five, each of them a target, none twice."""
    chosen = plan.to_return(sorted(divisions))

    assert 1 <= len(chosen) <= 5
    assert set(chosen) <= divisions
    assert len(set(chosen)) == len(chosen)


def test_agreement_needs_every_number() -> None:
    """One missing at one tier is no agreement."""
    short = replace(proof.expected(10), verified=9)

    assert AGREED.agrees
    assert not replace(AGREED, told=short).agrees
    assert not replace(AGREED, held={**AGREED.held, "city": short}).agrees
    assert not replace(AGREED, issued=0, told=proof.expected(0), held={}).agrees


def test_the_summary_has_the_agreed_fields() -> None:
    """Programs rely on these names."""
    assert list(summary(AGREED)) == [
        "root",
        "targets",
        "received",
        "reported",
        "verified",
        "late",
        "seconds_to_last_target",
        "seconds_to_complete",
        "trace_id",
        "agrees",
    ]


def test_only_a_demonstrations_folder_is_emptied(tmp_path: Path) -> None:
    """A mistyped --data never costs anybody's files."""
    made = fresh_folder(tmp_path / "demo")
    (made / "old").write_text("old")
    fresh_folder(made)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "letter").write_text("dear")

    assert not (made / "old").exists()
    with pytest.raises(UsageProblem, match="not empty"):
        fresh_folder(precious)
    assert (precious / "letter").exists()
