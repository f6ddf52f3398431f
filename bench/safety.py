"""What the walls cost: the same line with and without them, side by side. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.measured import MICROS, MILLIS, Unary, cpu_micros
from bench.meter import median, percentile
from bench.workloads.flow import Run

MOST = 0.25
"""The loss that the walls may cause."""


@dataclass(slots=True)
class Turns:
    """All runs of one line, taken in turns with the other's."""

    complete: list[Run] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)
    sustained: list[Run] = field(default_factory=list)
    villages: list[Run] = field(default_factory=list)
    unary: list[Unary] = field(default_factory=list)
    peak_mib: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cost:
    """One figure without walls and with them."""

    name: str
    title: str
    unit: str
    off: float
    on: float
    is_rate: bool = False
    is_judged: bool = True

    @property
    def loss(self) -> float:
        """How much worse it is with walls: a share of the figure without them.

        A rate that falls from 4 to 3 has lost a quarter, and so has a time that grows
        from 4 to 5.
        """
        return 1 - self.on / self.off if self.is_rate else self.on / self.off - 1

    @property
    def reached(self) -> bool | None:
        """Whether the loss stays under the limit; None where it is shown only."""
        return self.loss < MOST if self.is_judged else None

    def as_json(self) -> Mapping[str, object]:
        """Return it as `results.json` keeps it."""
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "off": self.off,
            "on": self.on,
            "loss": self.loss,
            "reached": self.reached,
        }


def costs(off: Turns, on: Turns) -> list[Cost]:
    """Return every figure that both have: medians over turns, CPU pooled."""
    if not (off.complete and on.complete):
        return []
    results = f"One item to {off.complete[0].results:,} townships"
    villages = f"One item to {off.villages[0].results:,} villages"
    trip = "Round trip to one township at idle"
    return [
        Cost("complete", results, "s", *_both(off, on, _complete)),
        Cost("villages", villages, "s", *_both(off, on, _villages)),
        Cost("idle_p50", f"{trip}, p50", "ms", *_both(off, on, _idle(50))),
        Cost(
            *("idle_p99", f"{trip}, p99", "ms"),
            *_both(off, on, _idle(99)),
            is_judged=False,
        ),
        Cost(
            *("sustained", "Items back to back", "results/s"),
            *_both(off, on, _sustained),
            is_rate=True,
        ),
        Cost("cpu", "CPU a result, all processes", "µs", *_both(off, on, _cpu)),
        Cost("unary", "An answer by a unary call", "µs", *_both(off, on, _unary)),
        *_memory(off.peak_mib, on.peak_mib),
    ]


def _both(
    off: Turns, on: Turns, figure: Callable[[Turns], float]
) -> tuple[float, float]:
    return figure(off), figure(on)


def _complete(taken: Turns) -> float:
    return median([run.seconds for run in taken.complete])


def _villages(taken: Turns) -> float:
    return median([run.seconds for run in taken.villages])


def _idle(percent: int) -> Callable[[Turns], float]:
    return lambda taken: percentile(taken.idle, percent) * MILLIS


def _sustained(taken: Turns) -> float:
    return median([run.rate for run in taken.sustained])


def _cpu(taken: Turns) -> float:
    return sum(cpu_micros(taken.sustained).values())


def _unary(taken: Turns) -> float:
    return median([run.answered / run.calls for run in taken.unary]) * MICROS


def _memory(off: Mapping[str, float], on: Mapping[str, float]) -> Sequence[Cost]:
    return [
        Cost(
            *(f"memory_{name}", f"Peak memory, {name}", "MiB", off[name], peak),
            is_judged=False,
        )
        for name, peak in on.items()
        if off.get(name)
    ]
