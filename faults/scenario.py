"""What a scenario is: one kind of fault, put many times into a line at work.

A scenario breaks something, sees that it bit, heals it, and asks the context how long the
line took to carry new work again. Whether anything was lost, doubled or made up is not its
business: the runner ends the flow, waits for rest, and checks the whole line.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from faults.flow import Flow
from faults.recovery import Recovery, recovered
from faults.rigs import PLAIN, Rig, Stage
from faults.verdict import Verdict, judged


@dataclass(slots=True)
class Outcome:
    """What a scenario did, and saw."""

    injections: int = 0
    """Faults that provably bit."""
    missed: int = 0
    """Faults that were tried and did not bite; they do not count."""
    evidence: dict[str, int] = field(default_factory=dict)
    """How it is known that they bit: what was seen, and how often."""
    recoveries: list[Recovery] = field(default_factory=list)
    restarts: list[float] = field(default_factory=list)
    """Seconds from ordering a restart until the part served; recovery begins there."""
    figures: dict[str, str] = field(default_factory=dict)
    """What else was measured, in words."""
    problems: list[str] = field(default_factory=list)
    """What the scenario itself found wrong, beside what the checkers find."""
    known: list[str] = field(default_factory=list)
    """Losses that no law promises against; told, not counted."""

    def saw(self, what: str, times: int = 1) -> None:
        """Note a sign that a fault bit."""
        self.evidence[what] = self.evidence.get(what, 0) + times


@dataclass(slots=True)
class Context:
    """What a scenario plays with."""

    stage: Stage
    flow: Flow
    rng: random.Random
    """Seeded; what a scenario does by chance comes from here."""
    wanted: int
    """How many injections are asked for."""
    scratch: Path
    """An empty directory of this scenario's own."""
    tell: Callable[[str], None]
    """Shows one line of progress."""
    deadline: float = float("inf")
    """On the monotonic clock: no new injection after it."""
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def is_over(self) -> bool:
        """Whether there was enough, or there is no time for more."""
        late = time.monotonic() > self.deadline
        tried = self.outcome.injections + self.outcome.missed
        return late or tried >= self.wanted

    async def work(self, operations: int = 20, seconds: float = 20.0) -> None:
        """Let the flow do some more operations, so that a fault falls into work."""
        end, goal = time.monotonic() + seconds, self.flow.done + operations
        while self.flow.done < goal and time.monotonic() < end:
            await asyncio.sleep(0.02)

    async def pause(self, least: float, most: float) -> None:
        """Wait a moment that chance chooses, so that faults fall anywhere."""
        await asyncio.sleep(self.rng.uniform(least, most))

    async def revive(self, name: str) -> float:
        """Start a part that died; return when it served, on the monotonic clock."""
        ordered = time.monotonic()
        await self.stage.running.revive(name)
        served = time.monotonic()
        self.outcome.restarts.append(served - ordered)
        return served

    async def recover(self, healed: float) -> Recovery:
        """Wait until work begun after `healed` (monotonic) has crossed all tiers; note it.

        Raises:
            AssertionError: it did not within a minute.
        """
        seen = await recovered(self.flow, healed)
        self.outcome.recoveries.append(seen)
        return seen


Play: TypeAlias = Callable[[Context], Awaitable[Outcome]]


def nothing() -> str:
    """Need nothing: it can run everywhere."""
    return ""


async def whole_line(context: Context) -> Verdict:
    """Check everything at every node."""
    return await judged(context.stage, context.flow.readers)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of fault."""

    name: str
    """For the command line."""
    fault: str
    """In words, for the table."""
    run: Play
    """Breaks and heals; returns `context.outcome`."""
    wanted: int
    """Injections of a full run."""
    in_slice: int = 0
    """Injections of the slice; 0: not part of it."""
    rig: Rig = PLAIN
    """The line it plays on; scenarios with the same rig share one line."""
    needs: Callable[[], str] = nothing
    """Say why it cannot run on this machine; empty if it can."""
    is_steady: bool = True
    """Whether the runner keeps the flow going; else the scenario works by itself."""
    spoils: bool = False
    """Whether the line cannot be used afterwards, such as after a restored database."""
    check: Callable[[Context], Awaitable[Verdict]] = whole_line
    """Judges the line at rest; told otherwise only where the law promises less."""
    seconds: float = 120.0
    """No new injection after so long."""
