"""Promises of the benchmark's arithmetic: no figure looks better than it was."""

from __future__ import annotations

import pytest

from bench.figures import Figure, at_least, at_most, share_of_floor, times_floor
from bench.measured import Measured, Unary, cpu_micros, figures
from bench.meter import percentile
from bench.workloads.flow import Run
from bench.workloads.timers import Sweep


def run(results: int, seconds: float, cpu: float = 1.0) -> Run:
    return Run(results, seconds, {"county": cpu, "driver": 0.5})


def named(made: list[Figure], name: str) -> Figure:
    return next(figure for figure in made if figure.name == name)


@pytest.mark.parametrize(
    ("ducha", "reached"), [(1.9, True), (2.0, True), (2.01, False)]
)
def test_a_time_is_judged_against_its_floor(ducha: float, *, reached: bool) -> None:
    """At exactly twice the floor the goal is still reached."""
    figure = Figure("complete", "", "s", ducha, 1.0, (times_floor(2),))

    assert figure.reached is reached


def test_every_goal_of_a_figure_must_be_reached() -> None:
    """Half the floor's rate is not enough when it is under the plain limit."""
    goals = (share_of_floor(0.5), at_least(5000))
    slow = Figure("sustained", "", "results/s", 4999, 6000, goals)
    fast = Figure("sustained", "", "results/s", 5001, 6000, goals)

    assert slow.reached is False
    assert fast.reached is True


def test_a_goal_relative_to_a_missing_floor_is_missed() -> None:
    """Without a floor nothing can be claimed about a ratio."""
    figure = Figure("complete", "", "s", 1.0, None, (times_floor(2),))

    assert figure.ratio is None
    assert figure.reached is False


def test_a_figure_without_goal_is_not_judged() -> None:
    assert Figure("idle_p99", "", "ms", 5.0, 1.0).reached is None


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_a_percentile_is_a_value_that_was_seen(percent: int, value: int) -> None:
    assert percentile(range(1, 101), percent) == value


def test_cpu_is_pooled_over_repetitions() -> None:
    """Clock ticks are coarse: sums are divided, not averages averaged."""
    spent = cpu_micros([run(1000, 1, cpu=0.1), run(3000, 1, cpu=0.5)])

    assert spent["county"] == pytest.approx(150)


def test_the_load_driver_counts_as_a_process() -> None:
    """The goal on CPU speaks of all processes."""
    taken = Measured(sustained=[run(1000, 1, cpu=0.1)])

    cpu = named(figures(taken, taken), "cpu")

    assert cpu.ducha == pytest.approx(600)
    assert cpu.reached is False


def test_cost_per_target_is_flat_when_it_does_not_grow() -> None:
    """Ten times the targets in ten times the time is a growth of one."""
    taken = Measured(complete=[run(1461, 0.1)], villages=[run(14610, 1.0, cpu=10)])

    made = figures(taken, taken)

    assert named(made, "flat_time").ducha == pytest.approx(1)
    assert named(made, "flat_time").reached is True
    assert named(made, "flat_cpu").ducha == pytest.approx((10.5 / 14610) / (1.5 / 1461))


def test_unary_answers_are_judged_against_the_echo() -> None:
    """The rate is that of acknowledged calls; the count at the top stands beside it."""
    floor = Measured(unary=[Unary(1000, 0.1)])
    ducha = Measured(unary=[Unary(1000, 0.21, 0.4)])

    made = figures(floor, ducha)

    assert named(made, "unary").reached is False
    assert named(made, "unary_counted").ducha == pytest.approx(2500)


def test_a_workload_that_was_left_out_makes_no_figure() -> None:
    assert figures(Measured(), Measured(complete=[run(1, 1)])) == []


def test_memory_is_judged_for_each_service() -> None:
    made = figures(Measured(), Measured(peak_mib={"city": 251.0, "county": 250.0}))

    assert [figure.reached for figure in made] == [False, True]
    assert made[0].goals == (at_most(250),)


def test_timers_stand_beside_the_bare_rows_and_calls_beside_quieter_ones() -> None:
    """A minute for all timers, a quarter of a second for a call among them."""
    alone = Sweep(100, 12.0, 3.0)
    busy = Sweep(
        100, 61.0, 3.0, before=[0.01] * 99 + [0.02], during=[0.1] * 98 + [0.3] * 2
    )
    made = figures(Measured(), Measured(timers=[alone, busy]))

    assert (named(made, "timers").ratio, named(made, "timers").reached) == (4.0, True)
    assert named(made, "timers_busy").reached is False
    assert named(made, "timers_p50").ratio == pytest.approx(10)
    assert (named(made, "timers_p99").ducha, named(made, "timers_p99").reached) == (
        300,
        False,
    )


def test_timers_without_a_call_say_nothing_of_calls() -> None:
    """None came while they were worked."""
    made = figures(Measured(), Measured(timers=[Sweep(1, 1.0, 1.0)] * 2))

    assert [one.name for one in made] == ["timers", "timers_busy"]
