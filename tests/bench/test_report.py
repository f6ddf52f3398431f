"""Promises of the benchmark's report: it says what was missed, and by how much."""

from __future__ import annotations

import json
from pathlib import Path

from bench.figures import Figure, at_most, times_floor
from bench.profile import busiest
from bench.report import Report, as_json, as_markdown, number, write

GOOD = Figure("complete", "One item", "s", 0.2, 0.11, (times_floor(2),))
BAD = Figure("cpu", "CPU a result", "µs", 412.0, 60.0, (at_most(300),))
SPENT = {"ducha": {"county": 30.0, "nats": 10.0}, "floor": {"county": 4.0}}
CPU = {"a result, µs": SPENT}
MACHINE = {"commit": "abc", "processor": "two cores"}


def report(*figures: Figure) -> Report:
    return Report(figures, CPU, MACHINE)


def test_a_missed_goal_is_named_with_how_far_it_is() -> None:
    text = as_markdown(report(GOOD, BAD))

    assert "1 of 2 goals are reached" in text
    assert "* CPU a result: 412 instead of ≤ 300" in text


def test_a_clean_run_says_so() -> None:
    assert "All 1 goals are reached." in as_markdown(report(GOOD))


def test_every_figure_stands_with_its_floor_and_ratio() -> None:
    line = "| One item | s | 0.2 | 0.11 | 1.82 | ≤ 2 x floor | yes |"

    assert line in as_markdown(report(GOOD))


def test_cpu_is_listed_by_process_with_its_sum() -> None:
    """A process that only one line has leaves the other's cell empty."""
    text = as_markdown(report(GOOD))

    assert "## CPU a result, µs, by process" in text
    assert "| nats | 10.0 |  |" in text
    assert "| all | 40.0 | 4 |" in text


def test_the_json_holds_figures_machine_and_commit() -> None:
    held = json.loads(as_json(report(GOOD, BAD)))

    assert held["machine"]["commit"] == "abc"
    assert [figure["reached"] for figure in held["figures"]] == [True, False]
    assert held["figures"][0]["ratio"] == GOOD.ratio


def test_both_files_are_written(tmp_path: Path) -> None:
    write(report(GOOD), tmp_path)

    assert {file.name for file in tmp_path.iterdir()} == {"RESULTS.md", "results.json"}


def test_numbers_carry_about_three_digits() -> None:
    written = [number(value) for value in (None, 0.12345, 1.234, 12.34, 12345.6)]

    assert written == ["", "0.123", "1.23", "12.3", "12,346"]


def test_a_profile_tells_own_time_from_time_of_callees() -> None:
    """Line numbers are dropped, so that one function is one row."""
    folded = [
        "main (m.py:1);keep (db.py:4) 30",
        "main (m.py:2);keep (db.py:9) 10",
        "main (m.py:3) 60",
    ]

    text = busiest(folded)

    assert "| main (m.py) | 60.0% | 100.0% |" in text
    assert "| keep (db.py) | 40.0% | 40.0% |" in text
