"""From runs to figures: medians of repetitions, pooled CPU, ratios. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench import collected
from bench.collected import Collected
from bench.figures import (
    Figure,
    at_least,
    at_most,
    share_of_floor,
    times_floor,
)
from bench.meter import DRIVER, median, percentile
from bench.workloads.flow import Run
from bench.workloads.timers import Sweep

FLAT = 1.25
"""Cost per target counts as flat when ten times the targets raise it by no more."""
MICROS = 1e6
WORKED_SECONDS = 60
"""Each step is taken within a minute of its moment."""
CALL_MILLIS = 250
"""What a call may take while timers are worked."""
MILLIS = 1e3


@dataclass(frozen=True, slots=True)
class Unary:
    """One flood of unary calls: calls, and seconds until answered and until counted."""

    calls: int
    answered: float
    counted: float | None = None


@dataclass(slots=True)
class Measured:
    """All runs of one line; a workload that was left out has none."""

    complete: list[Run] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)
    sustained: list[Run] = field(default_factory=list)
    villages: list[Run] = field(default_factory=list)
    unary: list[Unary] = field(default_factory=list)
    peak_mib: dict[str, float] = field(default_factory=dict)
    collected: Collected = field(default_factory=Collected)
    timers: list[Sweep] = field(default_factory=list)
    """Alone, and while townships report."""


def cpu_micros(runs: Sequence[Run]) -> dict[str, float]:
    """Return CPU microseconds a result by process, pooled: clock ticks are coarse."""
    results = sum(run.results for run in runs)
    names = runs[0].cpu if runs else {}
    return {
        name: sum(run.cpu[name] for run in runs) / results * MICROS for name in names
    }


def figures(floor: Measured, ducha: Measured) -> list[Figure]:
    """Return every figure that both lines' runs allow."""
    made: list[Figure] = []
    if floor.complete and ducha.complete:
        made += _complete(floor.complete, ducha.complete)
    if floor.idle and ducha.idle:
        made += _idle(floor.idle, ducha.idle)
    if floor.sustained and ducha.sustained:
        made += _sustained(floor.sustained, ducha.sustained)
    if floor.villages and ducha.villages and floor.complete and ducha.complete:
        made += _villages(floor, ducha)
    if floor.unary and ducha.unary:
        made += _unary(floor.unary, ducha.unary)
    if ducha.timers:
        made += _timers(*ducha.timers)
    made += collected.figures(floor.collected, ducha.collected)
    return made + _memory(floor.peak_mib, ducha.peak_mib)


def _complete(floor: Sequence[Run], ducha: Sequence[Run]) -> list[Figure]:
    targets = ducha[0].results
    what = f"One item to {targets:,} townships, all answers counted"
    seconds = _seconds(ducha), _seconds(floor)
    rates = targets / seconds[0], targets / seconds[1]
    return [
        Figure("complete", what, "s", *seconds, goals=(times_floor(2),)),
        Figure("complete_rate", "The same, as a rate", "results/s", *rates),
    ]


def _idle(floor: Sequence[float], ducha: Sequence[float]) -> list[Figure]:
    what = "Round trip to one township at idle"
    return [
        Figure(
            f"idle_p{percent}",
            f"{what}, p{percent}",
            "ms",
            percentile(ducha, percent) * MILLIS,
            percentile(floor, percent) * MILLIS,
            goals=(times_floor(2),) if percent == 50 else (),
        )
        for percent in (50, 99)
    ]


def _sustained(floor: Sequence[Run], ducha: Sequence[Run]) -> list[Figure]:
    rates = median([run.rate for run in ducha]), median([run.rate for run in floor])
    goals = (share_of_floor(0.5), at_least(5000))
    cpu = _all_micros(ducha), _all_micros(floor)
    driver = cpu_micros(ducha)[DRIVER], cpu_micros(floor)[DRIVER]
    what = "CPU a result, all processes"
    return [
        Figure("sustained", "Items back to back", "results/s", *rates, goals=goals),
        Figure("cpu", what, "µs", *cpu, goals=(at_most(300),)),
        Figure("cpu_driver", "Of which the load driver", "µs", *driver),
    ]


def _villages(floor: Measured, ducha: Measured) -> list[Figure]:
    targets = ducha.villages[0].results
    seconds = _seconds(ducha.villages), _seconds(floor.villages)
    grown = f"{ducha.complete[0].results:,} to {targets:,}: growth of"
    time = _growth_of_time(ducha), _growth_of_time(floor)
    cpu = _growth_of_cpu(ducha), _growth_of_cpu(floor)
    goal = (at_most(FLAT),)
    return [
        Figure("villages", f"One item to {targets:,} villages", "s", *seconds),
        Figure("flat_time", f"{grown} time a target", "x", *time, goals=goal),
        Figure("flat_cpu", f"{grown} CPU a target", "x", *cpu, goals=goal),
    ]


def _growth_of_time(line: Measured) -> float:
    return _per_target(line.villages) / _per_target(line.complete)


def _growth_of_cpu(line: Measured) -> float:
    return _all_micros(line.villages) / _all_micros(line.complete)


def _unary(echo: Sequence[Unary], ducha: Sequence[Unary]) -> list[Figure]:
    rates = _answered(ducha), _answered(echo)
    made = [
        Figure(
            "unary",
            "Answers by unary calls (floor: gRPC echo)",
            "calls/s",
            *rates,
            goals=(share_of_floor(0.5),),
        )
    ]
    counted = [run.calls / run.counted for run in ducha if run.counted]
    if counted:
        title = "The same, until counted at the province"
        made.append(Figure("unary_counted", title, "results/s", median(counted)))
    return made


def _timers(alone: Sweep, busy: Sweep) -> list[Figure]:
    what = f"{alone.timers:,} timers due at once"
    calls = "Calls meanwhile (floor: before)"
    made = [
        Figure(
            "timers",
            f"{what} (floor: the bare rows)",
            "s",
            alone.seconds,
            alone.bare,
            goals=(at_most(WORKED_SECONDS),),
        ),
        Figure(
            "timers_busy",
            "The same while townships report",
            "s",
            busy.seconds,
            busy.bare,
            goals=(at_most(WORKED_SECONDS),),
        ),
    ]
    for percent in (50, 99) if busy.during and busy.before else ():
        times = (
            percentile(busy.during, percent) * MILLIS,
            percentile(busy.before, percent) * MILLIS,
        )
        goals = (at_most(CALL_MILLIS),) if percent == 99 else ()
        name = f"timers_p{percent}"
        made.append(Figure(name, f"{calls}, p{percent}", "ms", *times, goals=goals))
    return made


def _answered(runs: Sequence[Unary]) -> float:
    return median([run.calls / run.answered for run in runs])


def _memory(floor: Mapping[str, float], ducha: Mapping[str, float]) -> list[Figure]:
    return [
        Figure(
            f"memory_{name}",
            f"Peak memory, {name}",
            "MiB",
            peak,
            floor.get(name),
            goals=(at_most(250),),
        )
        for name, peak in ducha.items()
    ]


def _seconds(runs: Iterable[Run]) -> float:
    return median([run.seconds for run in runs])


def _all_micros(runs: Sequence[Run]) -> float:
    return sum(cpu_micros(runs).values())


def _per_target(runs: Sequence[Run]) -> float:
    return _seconds(runs) / runs[0].results
