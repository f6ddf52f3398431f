"""Write what was measured: a table for the terminal, `RESULTS.md` and `results.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure
from bench.safety import MOST, Cost

WRITTEN = """\
Written by `make bench`; do not edit. What is measured, and how: [README.md](README.md)."""
WALLS = """\
The same line with and without certificates, tokens, permissions, seals and records, in turns."""
Table = Mapping[str, Mapping[str, float]]
"""Columns of a table: each a figure for each process."""
HEADINGS = ("What", "Unit", "Ducha", "Floor", "Ratio", "Goal", "Reached")
COST_HEADINGS = ("What", "Unit", "Walls off", "Walls on", "Loss", "Goal", "Reached")
REACHED = {True: "yes", False: "NO", None: ""}


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run of the benchmark has to say."""

    figures: Sequence[Figure]
    cpu: Mapping[str, Table]
    """CPU by process: for each workload that measured it, under what it is a figure of."""
    machine: Mapping[str, str]
    profile: str = ""
    costs: Sequence[Cost] = ()
    """What the walls cost."""

    @property
    def missed(self) -> list[Figure]:
        """Figures that did not reach their goal."""
        return [figure for figure in self.figures if figure.reached is False]

    @property
    def too_dear(self) -> list[Cost]:
        """Figures that lose more by the walls than they may."""
        return [cost for cost in self.costs if cost.reached is False]


def rows(figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    """Return a line of text cells for each figure."""
    return [
        (
            figure.title,
            figure.unit,
            number(figure.ducha),
            number(figure.floor),
            number(figure.ratio),
            " and ".join(goal.words() for goal in figure.goals),
            REACHED[figure.reached],
        )
        for figure in figures
    ]


def cost_rows(costs: Sequence[Cost]) -> list[tuple[str, ...]]:
    """Return a line of text cells for each cost of the walls."""
    return [
        (
            *(cost.title, cost.unit, number(cost.off), number(cost.on)),
            f"{cost.loss:.0%}",
            "" if cost.reached is None else f"< {MOST:.0%}",
            REACHED[cost.reached],
        )
        for cost in costs
    ]


def number(value: float | None) -> str:
    """Write a number with about three digits; nothing for none."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def as_json(report: Report) -> str:
    """Return `results.json`."""
    content = {
        "machine": report.machine,
        "figures": [figure.as_json() for figure in report.figures],
        "cpu": report.cpu,
        "walls": [cost.as_json() for cost in report.costs],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def as_markdown(report: Report) -> str:
    """Return `RESULTS.md`."""
    parts = [
        "# Benchmark results",
        WRITTEN,
        _table(HEADINGS, rows(report.figures)),
        _verdict(report),
        *_walls(report),
        *_cpu(report.cpu),
        "## Machine",
        _table(("", ""), [(name, value) for name, value in report.machine.items()]),
    ]
    if report.profile:
        parts += ["## Where the time goes", report.profile]
    return "\n\n".join(part for part in parts if part) + "\n"


def write(report: Report, folder: Path) -> None:
    """Write both files into `folder`."""
    (folder / "RESULTS.md").write_text(as_markdown(report), encoding="utf-8")
    (folder / "results.json").write_text(as_json(report), encoding="utf-8")


def _verdict(report: Report) -> str:
    judged = [figure for figure in report.figures if figure.reached is not None]
    if not report.missed:
        return f"All {len(judged)} goals are reached."
    missed = "\n".join(
        f"* {figure.title}: {_missed_by(figure)}" for figure in report.missed
    )
    reached = len(judged) - len(report.missed)
    return f"{reached} of {len(judged)} goals are reached. Missed:\n\n{missed}"


def _walls(report: Report) -> list[str]:
    if not report.costs:
        return []
    return [
        "## What the walls cost",
        WALLS,
        _table(COST_HEADINGS, cost_rows(report.costs)),
    ]


def _missed_by(figure: Figure) -> str:
    said = []
    for goal in figure.goals:
        if goal.reached(figure.ducha, figure.floor):
            continue
        have = figure.ratio if goal.of_floor else figure.ducha
        said.append(f"{number(have)} instead of {goal.words()}")
    return "; ".join(said)


def _cpu(tables: Mapping[str, Table]) -> list[str]:
    made = []
    for what, table in tables.items():
        headings, *lines = cpu_rows(table)
        made += [f"## CPU {what}, by process", _table(headings, lines)]
    return made


def cpu_rows(cpu: Table) -> list[tuple[str, ...]]:
    """Return headings, a line for each process, and their sum."""
    names = list(dict.fromkeys(name for spent in cpu.values() for name in spent))
    lines = [
        (name, *(number(spent.get(name)) for spent in cpu.values())) for name in names
    ]
    total = ("all", *(number(sum(spent.values())) for spent in cpu.values()))
    return [("Process", *cpu), *lines, total]


def _table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    made = [headings, ["---"] * len(headings), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in made)
