"""Ten times more calls than a node can take, from callers who do not listen.

The township's node is flooded from another process while honest callers read and report
at a steady pace. What is refused must be refused at once and say when to come back; what
is accepted must be there afterwards; and the honest must hardly notice.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from bench.meter import percentile
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from faults.flood import Came, Plan
from faults.rigs import WIDE_LINE
from faults.scenario import Context, Outcome, Scenario

ITEMS = 62
HONEST_ITEMS = 2
CALLERS = 5
IN_FLIGHT = 200
REPORTS = 40
SECONDS = 8.0
PACE_SECONDS = 0.05
"""Between two calls of the honest: a read and a report in turns."""
TENFOLD = 10.0
PROCESSES = 2
"""One flooding process alone is slower than the node that refuses it."""
HONEST_P99_SECONDS = 10.0
"""The deadline of a call: beyond it an honest caller was starved, not slowed. The flood and
the honest themselves share the node's cores, so a closer bound would measure the machine."""
ROOT = Path(__file__).parents[2]


async def _play(context: Context) -> Outcome:
    """Flood the township, again and again; the honest go on."""
    office, outcome, stage = context.flow.office, context.outcome, context.stage
    home = office.home(stage.towns[0])
    while not context.is_over:
        items = await issued(context, home)
        honest = [(item, one) for item in items[:HONEST_ITEMS] for one in stage.towns]
        quiet = await paced(context, honest[: len(honest) // 3], 4.0)
        targets = [(item, one) for item in items[HONEST_ITEMS:] for one in stage.towns]
        at_once = PROCESSES * CALLERS * IN_FLIGHT
        context.tell(f"{at_once} calls at once, sent again when refused")
        async with asyncio.TaskGroup() as tasks:
            floods = [
                tasks.create_task(
                    flooded(context, home, number, targets[number::PROCESSES])
                )
                for number in range(PROCESSES)
            ]
            await asyncio.sleep(1)
            busy = await paced(context, honest[len(honest) // 3 :], SECONDS - 1)
        came = together([one.result() for one in floods])
        healed = time.monotonic()
        for item, code, mark in came.accepted:
            stage.running.history.reported[item, code][1] = mark
        judge(outcome, came, quiet, busy)
        await context.recover(healed)
    return outcome


async def issued(context: Context, home: str) -> list[str]:
    """Issue items to every township, and wait until they are there."""
    office = context.flow.office
    items = [await office.issue(context.stage.root) for _ in range(ITEMS)]
    for item in items:
        towns = office.history.targets[item]
        await office.until(home, item, towns, pb.ASSIGNMENT_STATE_ISSUED)
    return items


async def flooded(
    context: Context, home: str, number: int, targets: list[tuple[str, str]]
) -> Came:
    """Run a flood in a process of its own; return what came of it."""
    plan = Plan(
        data=str(context.stage.line.data),
        address=context.flow.office.places[home].grpc,
        root=context.stage.root,
        seconds=SECONDS,
        name=f"flood-{number}",
        callers=CALLERS,
        in_flight=IN_FLIGHT,
        targets=targets,
        reports=REPORTS,
    )
    file = context.scratch / f"plan-{number}.json"
    file.write_text(json.dumps(asdict(plan)))
    paths = [str(ROOT), str(ROOT / "gen")]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "faults.flood", str(file)),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    try:
        assert await process.wait() == 0, "the flood itself failed"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    told: dict[str, Any] = json.loads(file.with_suffix(".came").read_text())
    return Came(**told)


def together(floods: Sequence[Came]) -> Came:
    """Sum up what came of floods at the same time."""
    total = Came()
    for one in floods:
        total.accepted += one.accepted
        total.looked_at += one.looked_at
        total.with_hint += one.with_hint
        total.sent += one.sent
        total.seconds = max(total.seconds, one.seconds)
        for code, times in one.codes.items():
            total.codes[code] = total.codes.get(code, 0) + times
    return total


async def paced(
    context: Context, keys: Sequence[tuple[str, str]], seconds: float
) -> list[float]:
    """Read and report in turns at a steady pace; return how long each took."""
    office, took = context.flow.office, []
    end = time.monotonic() + seconds
    for item, town in keys:
        if time.monotonic() > end:
            break
        request = api.GetAssignmentRequest(
            assignment=pb.AssignmentRef(item_id=item, division=town)
        )
        home = office.home(town)
        method = office.desks[home].assignments.GetAssignment

        for act in (
            partial(office.insist, home, method, request),
            partial(office.report, item, [town]),
        ):
            began = time.perf_counter()
            await act()
            took.append(time.perf_counter() - began)
            await asyncio.sleep(PACE_SECONDS)
    return took


def judge(
    outcome: Outcome, came: Came, quiet: Sequence[float], busy: Sequence[float]
) -> None:
    """Say what was seen, and what is not as promised."""
    refused = came.codes.get("RESOURCE_EXHAUSTED", 0)
    accepted = came.codes.get("OK", 0)
    fold = came.sent / max(1, accepted)
    bit = refused > 0 and fold >= TENFOLD
    outcome.injections += bit
    outcome.missed += not bit
    outcome.saw("calls sent", came.sent)
    outcome.saw("accepted", accepted)
    outcome.saw("refused with RESOURCE_EXHAUSTED", refused)
    others = {
        code: times
        for code, times in came.codes.items()
        if code not in {"OK", "RESOURCE_EXHAUSTED"}
    }
    if others:
        outcome.figures["other answers to the flood"] = str(others)
    if came.with_hint < came.looked_at:
        outcome.problems.append(
            f"{came.looked_at - came.with_hint} of {came.looked_at} refusals without RetryInfo"
        )
    slow = percentile(busy, 99)
    outcome.figures[f"flood {fold:.0f} times what was accepted"] = (
        f"{came.sent / came.seconds:,.0f} calls/s of {REPORTS} reports sent, "
        f"{accepted / came.seconds:,.0f}/s accepted; "
        f"honest callers p50 {percentile(busy, 50) * 1e3:.0f} ms, "
        f"p99 {slow * 1e3:.0f} ms ({len(busy)} calls); "
        f"without the flood p99 {percentile(quiet, 99) * 1e3:.0f} ms"
    )
    if slow > HONEST_P99_SECONDS:
        outcome.problems.append(f"honest callers waited {slow:.1f} s (p99)")


SCENARIOS = (
    Scenario(
        "overload",
        "ten-fold overload of a township's node by callers who do not listen",
        _play,
        wanted=3,
        in_slice=1,
        rig=WIDE_LINE,
        is_steady=False,
        seconds=180,
    ),
)
