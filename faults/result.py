"""What became of each scenario: numbers for the table, words for the doubtful."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.meter import percentile
from faults.recovery import Recovery
from faults.scenario import Outcome, Scenario
from faults.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds from heal to new work, over the injections of a scenario."""

    p50: float
    p99: float
    worst: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Times | None:
        """Sum up; None of nothing."""
        if not seconds:
            return None
        return cls(percentile(seconds, 50), percentile(seconds, 99), max(seconds))


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario that was run, or why it was not."""

    name: str
    fault: str
    skipped: str = ""
    """Why it did not run; empty if it did."""
    operations: int = 0
    """Acknowledged while it ran."""
    seconds: float = 0.0
    again: str = ""
    """When it was run again by itself, after the whole run; empty if it was not."""
    outcome: Outcome = field(default_factory=Outcome)
    verdict: Verdict = field(default_factory=Verdict)

    @classmethod
    def without(cls, scenario: Scenario, why: str) -> Result:
        """Return the result of what was not run."""
        return cls(scenario.name, scenario.fault, why)

    @property
    def failed(self) -> bool:
        """Whether a promise was broken, or the fault never bit."""
        if self.skipped:
            return False
        toothless = self.outcome.injections == 0
        return bool(self.outcome.problems) or toothless or not self.verdict.is_clean

    @property
    def up(self) -> Times | None:
        """Seconds to the first new result at the province."""
        return Times.of([one.at_the_top for one in self.outcome.recoveries])

    @property
    def down(self) -> Times | None:
        """Seconds to the first new item at a township."""
        return Times.of([one.at_the_bottom for one in self.outcome.recoveries])

    @property
    def hop(self) -> Times | None:
        """Seconds of the slowest hop of each recovery."""
        return Times.of([one.worst_hop for one in self.outcome.recoveries])

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "name": self.name,
            "fault": self.fault,
            "skipped": self.skipped,
            "failed": self.failed,
            "operations": self.operations,
            "seconds": round(self.seconds, 1),
            "injections": self.outcome.injections,
            "missed": self.outcome.missed,
            "evidence": self.outcome.evidence,
            "restarts": [round(one, 3) for one in self.outcome.restarts],
            "figures": self.outcome.figures,
            "problems": self.outcome.problems,
            "known": self.outcome.known,
            "verdict": asdict(self.verdict),
            "recoveries": [_as_json(one) for one in self.outcome.recoveries],
            "again": self.again,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Result:
        """Read what `as_json` wrote."""
        same = ("injections", "missed", "evidence", "restarts", "figures", "problems")
        outcome = Outcome(
            **{name: told[name] for name in same},
            known=told["known"],
            recoveries=[Recovery(**one) for one in told["recoveries"]],
        )
        return cls(
            told["name"],
            told["fault"],
            told["skipped"],
            told["operations"],
            told["seconds"],
            outcome=outcome,
            verdict=Verdict(**told["verdict"]),
            again=told.get("again", ""),
        )


def _as_json(recovery: Recovery) -> dict[str, dict[str, float]]:
    return {
        way: {node: round(seconds, 3) for node, seconds in times.items()}
        for way, times in (("up", recovery.up), ("down", recovery.down))
    }
