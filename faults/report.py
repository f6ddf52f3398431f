"""Write what was seen: a table for people, `RESULTS.md` and `results.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import machine
from faults.result import Result, Times

WRITTEN = """\
Written by `make faults`; do not edit. What is broken, and how it is checked:
[docs/faults.md](../docs/faults.md). Times are seconds. *Restart*: from ordering it until the part \
served. *Up*, *Down*: from the heal (the part serves, the process goes on, the wire is \
back) until work begun after it stood at the other end of the line, three hops away; *Hop*: the \
slowest of those hops."""
HEADINGS = (
    "Fault", "Injections", "Operations", "Lost", "Doubled", "Phantom", "Order",
    "Differs", "Restart max", "Up p50", "Up p99", "Up max", "Down p50", "Down max", "Hop max",
    "How we know it bit",
)  # fmt: skip
LEAST_INJECTIONS = 60
LEAST_OPERATIONS = 20_000
HOPS = 3
GOAL_SECONDS = 2.0
"""A hop, from the heal to the first new result."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run has to say."""

    results: Sequence[Result]
    seed: int
    seconds: float

    @property
    def failed(self) -> list[Result]:
        """Scenarios in which a promise was broken, or whose fault never bit."""
        return [one for one in self.results if one.failed]

    @property
    def injections(self) -> int:
        """Faults that bit."""
        return sum(one.outcome.injections for one in self.results)

    @property
    def operations(self) -> int:
        """Acknowledged operations."""
        return sum(one.operations for one in self.results)

    @property
    def too_small(self) -> bool:
        """Whether the run proves too little to count."""
        few = self.operations < LEAST_OPERATIONS
        return few or self.injections < LEAST_INJECTIONS


def rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """Return a line of the table for each scenario that was run."""
    return [
        (
            one.fault,
            str(one.outcome.injections),
            f"{one.operations:,}",
            str(one.verdict.lost),
            str(one.verdict.doubled),
            str(one.verdict.phantom),
            str(one.verdict.order),
            str(one.verdict.conservation),
            f"{max(one.outcome.restarts):.2f}" if one.outcome.restarts else "",
            *_three(one.up),
            *_two(one.down),
            f"{one.hop.worst:.2f}" if one.hop else "",
            "; ".join(f"{what}: {n}" for what, n in one.outcome.evidence.items()),
        )
        for one in results
        if not one.skipped
    ]


def _three(times: Times | None) -> tuple[str, str, str]:
    if times is None:
        return ("", "", "")
    return (f"{times.p50:.2f}", f"{times.p99:.2f}", f"{times.worst:.2f}")


def _two(times: Times | None) -> tuple[str, str]:
    return ("", "") if times is None else (f"{times.p50:.2f}", f"{times.worst:.2f}")


def as_markdown(report: Report) -> str:
    """Return `RESULTS.md`."""
    parts = [
        "# What was broken, and what came of it",
        WRITTEN,
        _table(HEADINGS, rows(report.results)),
        _total(report),
        _words("What went wrong", _wrong(report)),
        _words(
            "Not run", [f"{r.name}: {r.skipped}" for r in report.results if r.skipped]
        ),
        _words("Tried, and did not bite", _missed(report)),
        _words("Measured beside", _figures(report)),
        _words(
            "Run again by themselves, after the whole run",
            [f"{r.name}: {r.again}" for r in report.results if r.again],
        ),
        _words("Lost, where no law promises otherwise", _known(report)),
        "## Machine",
        _table(("", ""), list(machine.describe().items())),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_json(report: Report) -> str:
    """Return `results.json`."""
    content = {
        "seed": report.seed,
        "seconds": round(report.seconds, 1),
        "injections": report.injections,
        "operations": report.operations,
        "machine": machine.describe(),
        "scenarios": [one.as_json() for one in report.results],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def renewed(made: Report, folder: Path, moment: str) -> Report:
    """Put results that were made again in their places in the last whole run's.

    A scenario that run did not have comes after the others.
    """
    told = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    newer = {one.name: replace(one, again=moment) for one in made.results}
    before = [Result.from_json(one) for one in told["scenarios"]]
    results = [newer.pop(one.name, one) for one in before] + list(newer.values())
    return Report(results, told["seed"], told["seconds"])


def write(report: Report, folder: Path) -> None:
    """Write both files into `folder`."""
    (folder / "RESULTS.md").write_text(as_markdown(report), encoding="utf-8")
    (folder / "results.json").write_text(as_json(report), encoding="utf-8")


def _total(report: Report) -> str:
    run = [one for one in report.results if not one.skipped]
    verdicts = [one.verdict for one in run]
    recoveries = [each for one in run for each in one.outcome.recoveries]
    times = Times.of([one.at_the_top for one in recoveries])
    within = sum(one.at_the_top <= GOAL_SECONDS * HOPS for one in recoveries)
    every_hop = sum(one.worst_hop <= GOAL_SECONDS for one in recoveries)
    said = [
        f"{report.injections} injections that bit,",
        f"{report.operations:,} acknowledged operations,",
        f"{report.seconds / 60:.1f} minutes, seed {report.seed}.",
        f"Lost {sum(one.lost for one in verdicts)},",
        f"doubled {sum(one.doubled for one in verdicts)},",
        f"phantom {sum(one.phantom for one in verdicts)}.",
    ]
    if times is not None:
        said.append(
            f"First new result at the province after a heal: p50 {times.p50:.2f} s, p99 "
            f"{times.p99:.2f} s, max {times.worst:.2f} s; {within} of {len(recoveries)} "
            f"within {GOAL_SECONDS * HOPS:.0f} s, {GOAL_SECONDS:.0f} s a hop; of "
            f"{every_hop} no single hop took longer than {GOAL_SECONDS:.0f} s."
        )
    return " ".join(said)


def _wrong(report: Report) -> list[str]:
    said = []
    for one in report.failed:
        found = [*one.outcome.problems, *one.verdict.details[:10]]
        found = found or ["no injection bit"]
        said += [f"{one.name}: {what}" for what in found]
    return said


def _missed(report: Report) -> list[str]:
    return [
        f"{one.name}: {one.outcome.missed}"
        for one in report.results
        if one.outcome.missed
    ]


def _figures(report: Report) -> list[str]:
    return [
        f"{one.name}: {what}: {value}"
        for one in report.results
        for what, value in one.outcome.figures.items()
    ]


def _known(report: Report) -> list[str]:
    return [
        f"{one.name}: {what}" for one in report.results for what in one.outcome.known
    ]


def _words(heading: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    return f"## {heading}\n\n" + "\n".join(f"* {one}" for one in lines)


def _table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    made = [headings, ["---"] * len(headings), *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in made)
