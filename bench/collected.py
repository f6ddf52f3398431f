"""From runs of collect-once to figures. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.elements import COUNT
from bench.figures import Figure, at_least, at_most, times_floor
from bench.inquirer import Looks
from bench.meter import median, percentile
from bench.workloads.flow import Run
from bench.workloads.rush import PACE, Rush

MICROS = 1e6
MILLIS = 1e3
GATE_SECONDS = 0.3
NEEDED_ANSWERS = 125
"""A second: 75,000 grids in ten minutes."""
LOOK_MILLIS = 50
DUCHA = "ducha"
SHARE = "share of a core"
SHAPES = {"value": "a row a value", "answer": "a row an answer"}
"""What the floor keeps."""


@dataclass(slots=True)
class Collected:
    """All runs of collect-once on one line; what was left out has none."""

    gate: dict[str, list[float]] = field(default_factory=dict)
    entered: dict[str, list[Run]] = field(default_factory=dict)
    """By the shape of the tables: `ducha`, or one of the floor's."""
    rush: Rush | None = None


def figures(floor: Collected, ducha: Collected) -> list[Figure]:
    """Return every figure that both lines' runs allow."""
    made = _gate(ducha.gate)
    made += _entered(floor.entered, ducha.entered.get(DUCHA, []))
    return made + (_rush(ducha.rush) if ducha.rush else [])


def _gate(taken: Mapping[str, Sequence[float]]) -> list[Figure]:
    return [
        Figure(
            f"gate_{name.replace(' ', '_')}",
            f"Ask gate for the province, {name}",
            "s",
            median(seconds),
            goals=(at_most(GATE_SECONDS),),
        )
        for name, seconds in taken.items()
    ]


def _entered(floors: Mapping[str, Sequence[Run]], ducha: Sequence[Run]) -> list[Figure]:
    if not ducha:
        return []
    seconds, values = _seconds(ducha), ducha[0].results
    made = [
        Figure(
            f"entered_{shape}",
            f"{values:,} values entered until at the province (floor: {SHAPES[shape]})",
            "s",
            seconds,
            _seconds(runs),
            goals=(times_floor(2),),
        )
        for shape, runs in floors.items()
    ]
    what = "The same, CPU a value, all processes"
    micros = sum(cpu(ducha).values())
    rate = values / seconds
    return [
        *made,
        Figure("entered_rate", "The same, as a rate", "values/s", rate),
        Figure("entered_cpu", what, "µs", micros),
    ]


def _rush(rush: Rush) -> list[Figure]:
    what = f"A day of {rush.answers:,} grids (simulated)"
    pace = f"at {PACE} answers/s, twice what is needed"
    looks = f"Indicator of {rush.counties} counties"
    none = (at_most(0),)
    made = [
        Figure("rush_gate", f"{what}: its ask gate", "s", rush.gate),
        Figure(
            "rush",
            f"{what}: a call each, all at once, until counted at the province",
            "answers/s",
            rush.rate,
            goals=(at_least(NEEDED_ANSWERS),),
        ),
        Figure("rush_values", "The same, as values", "values/s", rush.rate * COUNT),
        Figure(
            "rush_receipts",
            "The same, receipts alone",
            "answers/s",
            rush.taken / rush.answered,
        ),
        Figure("rush_refusals", "Refused calls", "calls", rush.refusals, goals=none),
        Figure("rush_lost", "Cells not counted", "cells", rush.uncounted, goals=none),
        Figure(
            "rush_cpu",
            "CPU an answer, all processes",
            "µs",
            sum(rush.cpu.values()) / max(rush.taken, 1) * MICROS,
        ),
        Figure(
            "rush_unanswered",
            "Looks not answered",
            "looks",
            rush.looks.failed + rush.paced_looks.failed,
            goals=none,
        ),
        Figure("rush_pace", f"The first part of it, {pace}", "answers/s", rush.paced),
    ]
    made += _looks("rush_paced_look", f"{looks} {pace}", rush.paced_looks, LOOK_MILLIS)
    return made + _looks("rush_look", f"{looks} all at once", rush.looks)


def _looks(
    name: str, what: str, looks: Looks, most: float | None = None
) -> list[Figure]:
    """Return how long looks took; the slow ones are judged if there is a goal."""
    goals = () if most is None else (at_most(most),)
    return [
        Figure(
            f"{name}_p{percent}",
            f"{what}, p{percent} of {len(looks.seconds):,}",
            "ms",
            percentile(looks.seconds, percent) * MILLIS,
            goals=goals if percent == 99 else (),
        )
        for percent in (50, 99)
        if looks.seconds
    ]


def cpu(runs: Sequence[Run]) -> dict[str, float]:
    """Return CPU microseconds a value by process, pooled: clock ticks are coarse."""
    values = sum(run.results for run in runs)
    names = runs[0].cpu if runs else {}
    return {
        name: sum(run.cpu[name] for run in runs) / values * MICROS for name in names
    }


def rush_cpu(rush: Rush) -> dict[str, dict[str, float]]:
    """Return what each process took: microseconds an answer, and its share of a core."""
    return {
        "µs an answer": {
            name: seconds / max(rush.taken, 1) * MICROS
            for name, seconds in rush.cpu.items()
        },
        SHARE: {name: seconds / rush.seconds for name, seconds in rush.cpu.items()},
    }


def _seconds(runs: Sequence[Run]) -> float:
    return median([run.seconds for run in runs])
