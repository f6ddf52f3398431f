"""Promises of the arithmetic of collect-once: no figure looks better than it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.collected import DUCHA, SHARE, Collected, figures, rush_cpu
from bench.figures import Figure
from bench.inquirer import Looks
from bench.workloads.flow import Run
from bench.workloads.rush import Rush

RUSH = Rush(
    answers=1000,
    taken=1000,
    counties=129,
    gate=3.0,
    answered=4.0,
    seconds=5.0,
    refusals=0,
    first_refusal="",
    uncounted=0,
    cpu={"township": 4.0, "driver": 1.0},
    flooded=1000,
    paced=250.0,
    paced_looks=Looks([0.01] * 98 + [0.04, 0.2]),
    looks=Looks([0.1] * 10),
)


def named(made: list[Figure], name: str) -> Figure:
    return next(figure for figure in made if figure.name == name)


def of_rush(rush: Rush) -> list[Figure]:
    return figures(Collected(), Collected(rush=rush))


def test_each_case_of_the_gate_is_judged_by_its_median() -> None:
    gate = {"nothing held": [0.1, 0.2, 0.9], "all held": [0.31, 0.31, 0.1]}

    made = figures(Collected(), Collected(gate=gate))

    assert [figure.name for figure in made] == ["gate_nothing_held", "gate_all_held"]
    assert [figure.reached for figure in made] == [True, False]


def test_values_entered_stand_beside_both_floors() -> None:
    """Which floor is meant is a matter of taste: both ratios are shown and judged."""
    floors = {
        "value": [Run(100, 0.5, {"province": 1.0})],
        "answer": [Run(100, 0.1, {"province": 1.0})],
    }
    ducha = {DUCHA: [Run(100, 0.6, {"province": 0.001, "driver": 0.002})]}

    made = figures(Collected(entered=floors), Collected(entered=ducha))

    assert named(made, "entered_value").ratio == pytest.approx(1.2)
    assert named(made, "entered_value").reached is True
    assert named(made, "entered_answer").ratio == pytest.approx(6)
    assert named(made, "entered_answer").reached is False
    assert named(made, "entered_cpu").ducha == pytest.approx(30)


def test_a_rush_lasts_until_the_last_value_is_counted() -> None:
    """Receipts alone are faster, and are shown as what they are."""
    made = of_rush(RUSH)

    assert named(made, "rush").ducha == pytest.approx(200)
    assert named(made, "rush_values").ducha == pytest.approx(4000)
    assert named(made, "rush_receipts").ducha == pytest.approx(250)
    assert named(made, "rush_cpu").ducha == pytest.approx(5000)


def test_what_was_not_counted_in_time_lowers_the_rate_and_misses_a_goal() -> None:
    """Nor do answers that were never taken make calls look fast or cheap."""
    made = of_rush(replace(RUSH, taken=500, uncounted=10_000))

    assert named(made, "rush").ducha == pytest.approx(100)
    assert named(made, "rush").reached is False
    assert named(made, "rush_lost").reached is False
    assert named(made, "rush_receipts").ducha == pytest.approx(125)
    assert named(made, "rush_cpu").ducha == pytest.approx(10_000)


def test_a_refused_call_and_a_failed_look_each_miss_a_goal() -> None:
    made = of_rush(replace(RUSH, refusals=1, looks=Looks([0.01], failed=1)))

    assert named(made, "rush_refusals").reached is False
    assert named(made, "rush_unanswered").reached is False


def test_looks_at_the_stated_pace_are_judged_by_their_slowest_hundredth() -> None:
    """Those in the flood, which takes all the machine has, are shown and not judged."""
    made = of_rush(RUSH)

    assert named(made, "rush_paced_look_p50").ducha == pytest.approx(10)
    assert named(made, "rush_paced_look_p99").ducha == pytest.approx(40)
    assert named(made, "rush_paced_look_p99").reached is True
    assert named(made, "rush_look_p99").ducha == pytest.approx(100)
    assert named(made, "rush_look_p99").reached is None


def test_without_an_answered_look_nothing_is_said_of_their_speed() -> None:
    none = Looks(failed=100)
    made = of_rush(replace(RUSH, looks=none, paced_looks=none))

    assert not [figure for figure in made if "_look_" in figure.name]


def test_the_share_of_a_core_says_what_bounds_a_rush() -> None:
    tables = rush_cpu(RUSH)

    assert tables[SHARE] == pytest.approx({"township": 0.8, "driver": 0.2})
    assert tables["µs an answer"]["township"] == pytest.approx(4000)


def test_a_workload_that_was_left_out_makes_no_figure() -> None:
    assert figures(Collected(entered={"value": [Run(1, 1, {})]}), Collected()) == []
