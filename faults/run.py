"""Run scenarios one after the other, each on the line it asks for; judge each by itself."""

from __future__ import annotations

import asyncio
import random
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from faults.flow import opened
from faults.recovery import prepare
from faults.result import Result
from faults.rigs import Rig, Stage
from faults.scenario import Context, Scenario

SHOWN = 500
"""Characters of what went wrong that are shown."""
DRAIN_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run, how much of it, and until when."""

    scenarios: Sequence[Scenario]
    is_slice: bool
    seed: int
    deadline: float
    """On the monotonic clock: nothing begins after it."""
    tell: Callable[[str], None]

    def wanted(self, scenario: Scenario) -> int:
        """Return how many injections of a scenario are wanted."""
        return scenario.in_slice if self.is_slice else scenario.wanted


@dataclass(slots=True)
class Stages:
    """The line that runs now: kept as long as scenarios ask for the same."""

    data: Path
    stack: ExitStack = field(default_factory=ExitStack)
    rig: Rig | None = None
    stage: Stage | None = None
    number: int = 0

    def at(self, rig: Rig) -> Stage:
        """Return a line of this rig, started if another or none runs."""
        if self.stage is None or self.rig is not rig:
            self.close()
            self.number += 1
            data = self.data / f"{self.number}-{rig.name}"
            data.mkdir()
            self.stage = self.stack.enter_context(rig.open(data))
            self.rig = rig
        return self.stage

    def close(self) -> None:
        """Stop what runs."""
        self.stage, self.rig = None, None
        self.stack.close()


def run(plan: Plan, data: Path) -> list[Result]:
    """Run everything; whatever was started is stopped, whatever happens."""
    results: list[Result] = []
    stages = Stages(data)
    try:
        for scenario in plan.scenarios:
            result = one(plan, scenario, stages)
            results.append(result)
            plan.tell(told(result))
    finally:
        stages.close()
    return results


def one(plan: Plan, scenario: Scenario, stages: Stages) -> Result:
    """Run one scenario, or say why not; a line it spoiled is not used again."""
    lacks = scenario.needs()
    if lacks:
        return Result.without(scenario, lacks)
    if time.monotonic() > plan.deadline:
        return Result.without(scenario, "no time was left")
    plan.tell(f"{scenario.name}: {scenario.fault}")
    try:
        stage = stages.at(scenario.rig)
    except Exception as wrong:  # noqa: BLE001  # house: excepts - a line that does not start is told
        stages.close()
        result = Result(scenario.name, scenario.fault)
        result.outcome.problems += said(wrong)
        return result
    scratch = stages.data / f"scratch-{scenario.name}"
    scratch.mkdir()
    result = asyncio.run(_played(plan, scenario, stage, scratch))
    if scenario.spoils or result.failed:
        stages.close()
    return result


async def _played(
    plan: Plan, scenario: Scenario, stage: Stage, scratch: Path
) -> Result:
    """Play a scenario on a line, then judge the line."""
    began, before = time.monotonic(), stage.done
    result = Result(scenario.name, scenario.fault)
    outcome, verdict = result.outcome, result.verdict
    try:
        async with opened(stage) as flow:
            context = Context(
                stage=stage,
                flow=flow,
                rng=random.Random(f"{plan.seed} {scenario.name}"),
                wanted=plan.wanted(scenario),
                scratch=scratch,
                tell=lambda what: plan.tell(f"  {scenario.name}: {what}"),
                deadline=min(plan.deadline, began + scenario.seconds),
            )
            context.outcome = outcome
            try:
                await prepare(flow)
                await _worked(scenario, context)
            except Exception as wrong:  # noqa: BLE001  # house: excepts - what stands must be judged
                # What was under way when the flow broke off may look like phantoms.
                outcome.problems += said(wrong)
                await stage.revive()
            plan.tell(f"  {scenario.name}: checking {stage.done - before} operations")
            verdict = await scenario.check(context)
    except Exception as wrong:  # noqa: BLE001  # house: excepts - the next one is run
        outcome.problems += said(wrong)
    return Result(
        scenario.name,
        scenario.fault,
        operations=stage.done - before,
        seconds=time.monotonic() - began,
        outcome=outcome,
        verdict=verdict,
    )


async def _worked(scenario: Scenario, context: Context) -> None:
    """Play it, with the flow under way if it wants one, until the flow is complete."""
    if not scenario.is_steady:
        await scenario.run(context)
        return
    async with asyncio.TaskGroup() as tasks:
        work = tasks.create_task(context.flow.run())
        try:
            await context.work()
            await scenario.run(context)
        finally:
            context.flow.end()
        async with asyncio.timeout(DRAIN_SECONDS):
            await work


def said(wrong: BaseException) -> list[str]:
    """Say what went wrong, and where; of a group, everything in it."""
    if isinstance(wrong, BaseExceptionGroup):
        return [line for one in wrong.exceptions for line in said(one)]
    *_, last = traceback.extract_tb(wrong.__traceback__) or [None]
    where = f" ({Path(last.filename).name}:{last.lineno})" if last else ""
    return [f"{type(wrong).__name__}: {str(wrong)[:SHOWN]}{where}"]


def told(result: Result) -> str:
    """Say in a line what became of a scenario."""
    if result.skipped:
        return f"{result.name}: NOT RUN: {result.skipped}"
    verdict, outcome, up = result.verdict, result.outcome, result.up
    words = [
        f"{outcome.injections} injections",
        f"{result.operations} operations",
        f"lost {verdict.lost}, doubled {verdict.doubled}, phantom {verdict.phantom}",
        f"order {verdict.order}, differs {verdict.conservation}",
        f"recovery p50 {up.p50:.2f} s, worst {up.worst:.2f} s" if up else "",
        f"{result.seconds:.0f} s",
        *(["FAILED"] if result.failed else []),
        *outcome.problems,
        *verdict.details[:3],
    ]
    return f"{result.name}: " + "; ".join(filter(None, words))
